"""Images of a folder, kept as packed images: scanned, split and decoded once.

They lie in `.autoencoder/` in the folder itself, or where nothing can be written there, in the
user's cache. Each has a `manifest.csv` of every file; what it has is not read again unless the
file's size or time has changed.
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from autoencoder.data import packed, packing
from autoencoder.data.scan import (
    Entry,
    decoded,
    read_manifest,
    stated,
    usable,
    without_copies,
    write_manifest,
)

log = logging.getLogger(__name__)

_FOLDER = ".autoencoder"
# To be raised when a change of the code changes what pixels a file is read as.
_VERSION = 1
# Images in memory at once while they are written.
_BLOCK = 256


class Plan(NamedTuple):
    """What is kept of a folder.

    Attributes:
        image_size: Height and width.
        channels: 1 or 3.
        split: What tells this split of the files from others, in words.
        label_of: The class of a file, by its path relative to the folder; empty without labels.
        place_of: `train`, `val` or `test` by the same, or empty where that is still to be drawn.
        divide: Given the places of the usable entries and these, which of them are for training,
            with those of validation first where they have a folder, and which for the test.
    """

    image_size: int
    channels: int
    split: str
    label_of: Callable[[str], str]
    place_of: Callable[[str], str]
    divide: Callable[[Sequence[str], Sequence[Entry]], tuple[list[Entry], list[Entry]]]


def cache_of(root: Path) -> Path:
    """Where the images of a folder are kept: in it, or else in the user's cache."""
    beside = root / _FOLDER
    try:
        beside.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=beside):
            return beside
    except OSError:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
        return home / "autoencoder" / name


def kept(root: Path, paths: Sequence[Path], cache: Path, plan: Plan) -> tuple[Path, list[Entry]]:
    """The folder of the packed images, made or brought up to date, and the entries of all files.

    Args:
        root: The folder of the files.
        paths: The files.
        cache: Where they are kept, a folder for each size and split.
        plan: How they are read and split.

    Raises:
        PackedError: If they can't be written.
    """
    # By name, whatever folder they are in: numbered files have the order of their numbers.
    entries = sorted(stated(root, paths), key=lambda entry: (Path(entry.path).name, entry.path))
    entries = [replace(entry, label=plan.label_of(entry.path)) for entry in entries]
    cache.mkdir(parents=True, exist_ok=True)
    size = f"{plan.image_size}x{plan.channels}-{_VERSION}"
    folder = cache / f"{size}-{hashlib.sha256(plan.split.encode()).hexdigest()[:8]}"
    with _alone(cache):
        known = _known(folder, *cache.glob(f"{size}-*"))
        before = {entry.path: entry for entry in read_manifest(folder)}
        if (folder / packed.SUMS).exists() and len(before) == len(entries):
            there = [before.get(entry.path) for entry in entries]
            if all(map(_same, there, entries)):
                return folder, [entry for entry in there if entry]
        with _scratch(cache) as scratch:
            return folder, _renewed(root, folder, entries, known, plan, scratch)


def _same(old: Entry | None, new: Entry) -> bool:
    facts = (new.size, new.changed, new.label)
    return old is not None and (old.size, old.changed, old.label) == facts


def _known(*folders: Path) -> dict[tuple[str, int, int], tuple[Path, Entry]]:
    """Files whose pixels, or problems, are known, and where."""
    return {
        (entry.path, entry.size, entry.changed): (folder, entry)
        for folder in reversed(folders)
        if (folder / packed.SUMS).exists()
        for entry in read_manifest(folder)
        if entry.part or not usable(entry)
    }


def _renewed(
    root: Path,
    folder: Path,
    entries: list[Entry],
    known: dict[tuple[str, int, int], tuple[Path, Entry]],
    plan: Plan,
    scratch: Path,
) -> list[Entry]:
    """Reads what is new, and writes all of it anew."""
    places = {entry.path: known.get((entry.path, entry.size, entry.changed)) for entry in entries}
    # A copy is looked at again, as what it is a copy of may be gone.
    old = {
        path: place
        for path, place in places.items()
        if place and not place[1].problem.startswith("is a copy")
    }
    new = [entry for entry in entries if entry.path not in old]
    shape = plan.channels, plan.image_size, plan.image_size
    rows = np.lib.format.open_memmap(
        scratch / "decoded.npy", "w+", np.uint8, (max(1, len(new)), *shape)
    )
    if new:
        log.info("reading %s image files of %s; kept in %s", f"{len(new):,}", root, folder)
    with _bar(len(new)) as advance, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # what matters is an error of ours
        read = {entry.path: entry for entry in decoded(root, new, rows, advance)}
    sources: dict[str, tuple[NDArray[np.uint8], int]] = {}
    arrays: dict[Path, NDArray[np.uint8]] = {}
    result = []
    for entry in entries:
        if entry.path in read:
            result.append(read[entry.path])
            sources[entry.path] = rows, read[entry.path].row
            continue
        where, before = old[entry.path]
        result.append(replace(entry, sha256=before.sha256, problem=before.problem))
        if before.part:
            path = where / f"{before.part}_images.npy"
            arrays.setdefault(path, np.load(path, mmap_mode="r"))
            sources[entry.path] = arrays[path], before.row
    result = without_copies(result, [plan.place_of(entry.path) for entry in result])
    good = [entry for entry in result if usable(entry)]
    train, test = plan.divide([plan.place_of(entry.path) for entry in good], good)
    rowed = {
        entry.path: replace(entry, part=part, row=row)
        for part, of_part in zip(packed.PARTS, (train, test), strict=True)
        for row, entry in enumerate(of_part)
    }
    result = [rowed.get(entry.path, replace(entry, part="", row=-1)) for entry in result]
    classes = sorted({entry.label for entry in (*train, *test)} - {""})
    parts = {
        part: packing.Part(
            (len(of_part), *shape), bool(classes), _batches(of_part, sources, classes)
        )
        for part, of_part in zip(packed.PARTS, (train, test), strict=True)
    }
    about = {"source": f"image files of {root}", "split": plan.split}
    packing.write(scratch / "packed", parts, classes, about, "")
    write_manifest(scratch / "packed", result)
    if folder.exists():
        folder.rename(scratch / "old")
    (scratch / "packed").rename(folder)
    return result


def _batches(
    entries: Sequence[Entry],
    sources: dict[str, tuple[NDArray[np.uint8], int]],
    classes: Sequence[str],
) -> Callable[[int], Iterable[tuple[Tensor, Tensor | None]]]:
    numbers = {name: number for number, name in enumerate(classes)}

    def batches(start: int) -> Iterator[tuple[Tensor, Tensor | None]]:
        for first in range(start, len(entries), _BLOCK):
            block = entries[first : first + _BLOCK]
            pixels = [array[row] for array, row in (sources[entry.path] for entry in block)]
            labels = torch.tensor([numbers[entry.label] for entry in block]) if classes else None
            yield torch.from_numpy(np.stack(pixels)), labels

    return batches


def identity_of(entries: Iterable[Entry], plan: Plan) -> str:
    """SHA-256 of what the kept images were made of: the same files give the same."""
    values = [(entry.sha256, entry.part, entry.label) for entry in entries if entry.part]
    described = json.dumps([plan.image_size, plan.channels, plan.split, values])
    return hashlib.sha256(described.encode()).hexdigest()


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """A bar, where there is a terminal to show it on."""
    console = Console(stderr=True)
    shown = console.is_terminal and total > 0
    with Progress(console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task("reading images", total=total)
        yield lambda count: progress.advance(task, count)


@contextmanager
def _scratch(cache: Path) -> Iterator[Path]:
    """An empty folder for what is unfinished; what a process that was killed has left goes."""
    folder = cache / ".unfinished"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Waits until no other process is at work here: runs that start together read a folder once."""
    descriptor = os.open(cache, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("another process is reading these images; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
