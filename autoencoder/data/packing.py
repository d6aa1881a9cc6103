"""The writer of packed images: in constant memory, and going on where it was interrupted."""

import io
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from autoencoder.data.card import data_card
from autoencoder.data.packed import (
    ARRAYS,
    CARD,
    CLASSES,
    JOURNAL,
    PARTS,
    SUMS,
    PackedError,
    digests,
    mapped,
)

log = logging.getLogger(__name__)

# Bytes of images between two entries in the journal: what a power failure costs.
_BETWEEN_ENTRIES = 2**26


class Part(NamedTuple):
    """The training or the test images of a data set, on their way into files.

    Attributes:
        shape: `(N, C, H, W)` of all of them together.
        labelled: Whether they have labels.
        batches: Given a number of images, gives batches of those after it, in their order: images
            uint8 `(n, C, H, W)`, and labels int64 `(n,)`, which are not looked at where there are
            none.
    """

    shape: tuple[int, int, int, int]
    labelled: bool
    batches: Callable[[int], Iterable[tuple[Tensor, Tensor | None]]]


def write(
    folder: Path,
    parts: Mapping[str, Part],
    classes: Sequence[str],
    about: Mapping[str, str],
    identity: str,
    advance: Callable[[int], None] = lambda n: None,
) -> None:
    """Writes packed images, or goes on where it was interrupted.

    Args:
        folder: Where to; it is made.
        parts: `train` and `test`.
        classes: The names of the labels; none where they have none.
        about: What the data card says of the images besides what is counted: source, licence, ...
        identity: Names what is written; what another identity has left unfinished is thrown away.
        advance: Is told of each number of images that is done, those of before included.

    Raises:
        PackedError: If finished images are there, another process writes there, the disk is too
            small, or the batches are not what the part says.
    """
    folder = folder.expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        if (folder / f"{PARTS[0]}_images.npy").exists() and not (folder / JOURNAL).exists():
            raise PackedError(f"{folder} holds images already; remove it, or write elsewhere")
        journal = _Journal(folder, repr([identity, [(*parts[p][:2],) for p in PARTS]]))
        _check_space(folder, parts, journal)
        journal.enter(PARTS[0], journal.done[PARTS[0]])
        for name in PARTS:
            _write_part(folder, name, parts[name], journal, advance)
        # The images last: where they are, the labels are.
        for kind in reversed(ARRAYS):
            for path in folder.glob(f"*_{kind}.npy.partial"):
                path.replace(path.with_suffix(""))
        if classes:
            text = json.dumps(list(classes), ensure_ascii=False, indent=1)
            (folder / CLASSES).write_text(text + "\n", encoding="utf-8")
        (folder / SUMS).write_text(
            "".join(f"{digest}  {name}\n" for name, digest in digests(folder)), encoding="utf-8"
        )
        arrays = {part: mapped(folder, part) for part in PARTS}
        (folder / CARD).write_text(data_card(arrays, classes, about), encoding="utf-8")
        journal.path.unlink()


class _Journal:
    """How many images of each part are on the disk for good."""

    def __init__(self, folder: Path, identity: str) -> None:
        self.path = folder / JOURNAL
        self.identity = identity
        self.done = dict.fromkeys(PARTS, 0)
        if self.path.exists():
            known = json.loads(self.path.read_text(encoding="utf-8"))
            if known["identity"] == identity:
                self.done = known["done"]
            else:
                log.info("%s: what is unfinished there is of other images; begun anew", folder)
                for name in (f"{part}_{kind}.npy" for part in PARTS for kind in ARRAYS):
                    for path in (folder / name, folder / f"{name}.partial"):
                        path.unlink(missing_ok=True)

    def enter(self, part: str, count: int) -> None:
        self.done[part] = count
        aside = self.path.with_suffix(".aside")
        aside.write_text(json.dumps({"identity": self.identity, "done": self.done}))
        aside.replace(self.path)


class _Rows:
    """A `.npy` file that rows are appended to.

    Args:
        path: Of the file.
        shape: Of the whole array.
        dtype: Of the array.
        kept: Rows that are there already; what comes after them is cut off.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str, kept: int) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        header = io.BytesIO()
        described = {"descr": self.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, described)
        self.file = path.open("r+b" if kept else "w+b")
        self.file.write(header.getvalue())
        row = self.dtype.itemsize * int(np.prod(shape[1:]))
        self.file.seek(len(header.getvalue()) + kept * row)
        self.file.truncate()

    def append(self, rows: Tensor) -> None:
        array = rows.numpy()
        if array.shape[1:] != self.shape[1:] or array.dtype != self.dtype:
            raise PackedError(
                f"a batch of {array.dtype}, {array.shape}, where an array of {self.dtype}, "
                f"{self.shape}, is written"
            )
        self.file.write(np.ascontiguousarray(array).data)

    def sync(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())


def _write_part(
    folder: Path, name: str, part: Part, journal: _Journal, advance: Callable[[int], None]
) -> None:
    done, n_images = journal.done[name], part.shape[0]
    advance(done)
    if done == n_images:
        return  # Its files are whole, and may be renamed already.
    images = _Rows(folder / f"{name}_images.npy.partial", part.shape, "uint8", done)
    files = [images]
    if part.labelled:
        path = folder / f"{name}_labels.npy.partial"
        files.append(_Rows(path, (n_images,), "int64", done))
    entered, row = done, int(np.prod(part.shape[1:]))
    try:
        for batch, labels in part.batches(done):
            done += len(batch)
            if done > n_images:
                break
            images.append(batch)
            if part.labelled:
                if labels is None or len(labels) != len(batch):
                    raise PackedError(f"{name}: a batch of {len(batch)} images without labels")
                files[1].append(labels)
            advance(len(batch))
            if (done - entered) * row >= _BETWEEN_ENTRIES:
                for rows in files:
                    rows.sync()
                journal.enter(name, done)
                entered = done
        if done != n_images:
            raise PackedError(f"{name}: {n_images:,} images were to come, not {done:,}")
        for rows in files:
            rows.sync()
        journal.enter(name, done)
    finally:
        for rows in files:
            rows.file.close()


def _check_space(folder: Path, parts: Mapping[str, Part], journal: _Journal) -> None:
    left = ((parts[p].shape[0] - journal.done[p]) * int(np.prod(parts[p].shape[1:])) for p in PARTS)
    needed, free = sum(left), shutil.disk_usage(folder).free
    if needed > free:
        raise PackedError(f"{folder}: {needed / 1e9:.1f} GB to write, and {free / 1e9:.1f} GB free")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps other writers out of a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            raise PackedError(f"{folder}: another process writes there") from error
        yield
    finally:
        os.close(descriptor)
