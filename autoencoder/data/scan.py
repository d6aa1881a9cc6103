"""A scan of a folder of images: what each file is, decoded once and known again by its manifest."""

import csv
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.pictures import ImageFileError, decode, is_animated, read_bytes

MANIFEST = "manifest.csv"
# Files whose futures are alive at once.
_AT_ONCE = 4096


@dataclass(frozen=True)
class Entry:
    """A file of the folder, as the manifest has it.

    Attributes:
        path: Relative to the folder.
        size: Bytes.
        changed: When it was changed, in nanoseconds, as the file system says.
        sha256: Of its bytes; empty where they could not be read.
        label: The class, by name; empty where there are none.
        part: `train` or `test`, where its pixels are; empty where they are not used.
        row: In the images of that part.
        problem: What is wrong with it; empty for most.
    """

    path: str
    size: int
    changed: int
    sha256: str = ""
    label: str = ""
    part: str = ""
    row: int = -1
    problem: str = ""


def stated(folder: Path, paths: Iterable[Path]) -> list[Entry]:
    """Files with what the file system says of them."""
    entries = []
    for path in paths:
        try:
            stat = path.stat()
            size, changed = stat.st_size, stat.st_mtime_ns
        except OSError:  # a link to nothing, of which reading it says more
            size, changed = -1, -1
        entries.append(Entry(str(path.relative_to(folder)), size, changed))
    return entries


def decoded(
    folder: Path,
    entries: Sequence[Entry],
    rows: NDArray[np.uint8],
    advance: Callable[[int], None],
) -> list[Entry]:
    """Reads files in parallel, in threads, as decoders leave Python's lock alone.

    Args:
        folder: Of the files.
        entries: Of files that are not known yet.
        rows: `(N, C, S, S)`, where their pixels are put; of files with a problem, nothing.
        advance: Is told of each number of files that are done.

    Returns:
        The entries with their hashes and problems, each with its row in `rows`.
    """

    def read(row: int) -> Entry:
        entry, path = entries[row], folder / entries[row].path
        try:
            content = read_bytes(path)
            entry = replace(entry, sha256=hashlib.sha256(content).hexdigest(), row=row)
            rows[row] = decode(path, content, rows.shape[2], rows.shape[1])
        except ImageFileError as error:
            # Rights are given without a change of the file, which is tried again therefore.
            changed = -2 if error.reason.startswith("cannot be read") else entry.changed
            return replace(entry, problem=error.reason, changed=changed)
        return replace(entry, problem="has several frames or pages" if is_animated(content) else "")

    found: list[Entry] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(entries), _AT_ONCE):
            block = range(start, min(start + _AT_ONCE, len(entries)))
            for entry in pool.map(read, block):
                found.append(entry)
                advance(1)
    return found


def without_copies(entries: Sequence[Entry], places: Sequence[str]) -> list[Entry]:
    """The entries, where one whose bytes were seen in the same place says so.

    Args:
        entries: Of all files; the first of equal ones is left as it is.
        places: Of each, where copies are looked for: `train`, `val` or `test`.
    """
    first: dict[tuple[str, str], str] = {}
    result = []
    for entry, place in zip(entries, places, strict=True):
        if usable(entry):
            original = first.setdefault((place, entry.sha256), entry.path)
            if original != entry.path:
                entry = replace(entry, problem=f"is a copy of {original}")
        result.append(entry)
    return result


def usable(entry: Entry) -> bool:
    """Whether a file's pixels can be used: of several frames, the first is."""
    return not entry.problem or entry.problem.startswith("has several frames")


def read_manifest(folder: Path) -> list[Entry]:
    """The entries of a folder of kept images; none where there is no readable manifest."""
    kinds: dict[str, Callable[[str], Any]] = {
        field.name: int if field.type in (int, "int") else str for field in fields(Entry)
    }
    try:
        # Names of files may hold bytes that are no text.
        with (folder / MANIFEST).open(newline="", errors="surrogateescape") as file:
            return [
                Entry(**{name: kinds[name](value) for name, value in row.items()})
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def write_manifest(folder: Path, entries: Iterable[Entry]) -> None:
    """Writes the entries, a line a file."""
    names = [field.name for field in fields(Entry)]
    with (folder / MANIFEST).open("w", newline="", errors="surrogateescape") as file:
        table = csv.writer(file)
        table.writerow(names)
        table.writerows([getattr(entry, name) for name in names] for entry in entries)
