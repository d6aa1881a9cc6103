"""Data sets of four IDX files: what their content must be, and how it is read and kept.

Every set has files of the same names, so a name proves nothing: a file is used only if its SHA-256
is the published one, wherever it came from.
"""

import contextlib
import hashlib
import struct
import tempfile
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# The order of a data set's sums, and of the bytes under its checksum.
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

# Bytes; no file is as large, so reading can stop here whatever lies in a folder or is sent.
LARGEST_FILE = 2**26
# Seconds without an answer: a machine with no network shall fail in seconds.
ANSWER_TIMEOUT = 10


class SourceError(Exception):
    """Why a file, or a whole source of files, cannot be used."""


class DebianPackage(NamedTuple):
    """A package that carries a data set, and the folder where it puts the files."""

    name: str
    folder: Path


@dataclass(frozen=True)
class IdxFiles:
    """A data set that is published as four IDX files.

    Attributes:
        title: What people call it.
        name: torchvision's class for it, if it has one, and the folder of what is downloaded.
        sums: SHA-256 of each of `FILES`.
        classes: The name of each label.
        sums_are_of_gz: Whether `sums` are of the compressed files, not of what is inside them.
        package: The Debian package that carries it, if one does.
    """

    title: str
    name: str
    sums: tuple[str, ...]
    classes: tuple[str, ...]
    sums_are_of_gz: bool = False
    package: DebianPackage | None = None

    def check(self, name: str, raw: bytes) -> bytes:
        """The content of a file, plain or gzipped, if its SHA-256 is the published one.

        Raises:
            SourceError: If the file is damaged, or is another file.
        """
        content = raw
        # Not by its name: what decompresses a file on the way often leaves the .gz in the name.
        if raw.startswith(b"\x1f\x8b"):
            gzipped = zlib.decompressobj(wbits=31)
            try:
                content = gzipped.decompress(raw, LARGEST_FILE)
            except zlib.error as error:
                raise SourceError("is damaged") from error
            if not gzipped.eof:
                raise SourceError("is cut short")
        found = hashlib.sha256(raw if self.sums_are_of_gz else content).hexdigest()
        if found != self.sums[FILES.index(name)]:
            kind = "of the .gz" if self.sums_are_of_gz else "of the content"
            raise SourceError(f"is not {self.title}'s: wrong SHA-256 {kind}")
        return content

    def read_folder(self, folder: Path) -> list[bytes]:
        """The contents of the four files in a folder.

        Raises:
            SourceError: If one of them is not there intact.
        """
        if not folder.is_dir():
            raise SourceError("no such folder")
        return [self.read_file(folder, name) for name in FILES]

    def read_file(self, folder: Path, name: str) -> bytes:
        """The content of a file that lies in the folder plain or as .gz, whichever is intact.

        Raises:
            SourceError: If neither is.
        """
        problems = []
        for path in (folder / name, folder / f"{name}.gz"):
            try:
                if path.stat().st_size > LARGEST_FILE:
                    raise SourceError(f"is not {self.title}'s: larger than {LARGEST_FILE:,} bytes")
                return self.check(name, path.read_bytes())
            except FileNotFoundError:
                continue
            except OSError as error:
                problems.append(f"{path.name} cannot be read ({error.strerror})")
            except SourceError as error:
                problems.append(f"{path.name} {error}")
        raise SourceError("; ".join(problems) or f"no {name}")


def parse(content: bytes) -> Tensor:
    """The array of an IDX file: a magic number whose last byte counts the axes, sizes, values."""
    axes = content[3]
    shape = struct.unpack_from(f">{axes}I", content, 4)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    return torch.from_numpy(values.reshape(shape).copy())


def check_writable(folder: Path) -> None:
    """Tries the place where files will be kept before they are fetched, not after.

    It makes no folder, so that a download that fails leaves nothing behind.

    Raises:
        SourceError: If nothing can be written there.
    """
    try:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        reason = f"{folder} cannot be written ({error.strerror}), so nothing could be kept"
        raise SourceError(reason) from error


def keep(path: Path, raw: bytes) -> None:
    """Writes a checked file, which appears under its name only when it is whole.

    Raises:
        SourceError: If it can't be written.
    """
    # A name of its own, so that two processes which download at once do not share it.
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(raw)
        aside.replace(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be written ({error.strerror})") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()
