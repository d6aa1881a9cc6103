"""Images that are handed to a command: a folder, an array, paths on standard input, a split.

They come in blocks, so that memory does not grow with their number.
"""

import hashlib
import logging
import sys
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoencoder.data.pictures import ImageFileError, find_images, read_image
from autoencoder.trained.arrays import InputError, as_labels, check_images
from autoencoder.trained.run import Run

log = logging.getLogger(__name__)

STDIN = "-"
SPLITS = ("train", "val", "test")
# Of the images of a block, as uint8; and images, so that a bar moves and little is done twice.
_BLOCK_BYTES, _BLOCK_IMAGES = 2**26, 10_000


class Block(NamedTuple):
    """Images that follow each other.

    Attributes:
        images: `(n, C, H, W)` or `(n, H, W)`, uint8 or floats in [0, 1].
        names: Of each: the path of a file, else its number.
        labels: The class of each, in words; empty where it isn't known.
        corrupted: The same as the run's noise leaves them; None where only images are known.
    """

    images: NDArray[Any]
    names: list[str]
    labels: list[str]
    corrupted: NDArray[Any] | None = None


@dataclass
class Images:
    """Where images come from; each kind says how it reads a block of them.

    Attributes:
        title: What they are, for people.
        count: How many there are, at the most; None where that shows at the end.
        key: Tells whether they are the same as those of another start.
        size: Images in a block.
        paths: Whether names are those of files.
    """

    title: str
    count: int | None
    key: str
    size: int
    paths: bool = False

    def read(self, start: int) -> Iterator[Block]:
        """The blocks from image `start` on, which is a multiple of `size`."""
        raise NotImplementedError

    def blocks(self, start: int = 0) -> Iterator[Block]:
        """The same, each read while the one before it is worked on."""
        blocks = self.read(start)
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(next, blocks, None)
            while (block := ahead.result()) is not None:
                ahead = reader.submit(next, blocks, None)
                yield block


def open_images(
    run: Run, images: str | int | None, split: str = "test", *, skip_broken: bool = False
) -> Images:
    """Images by what was typed.

    Args:
        run: Whose shape they must have; files are brought to it.
        images: A folder of image files, an `.npy` or `.npz` file, one image file, `-` for standard
            input (an array in the format of `.npy`, or a path a line), or None for the run's own.
        split: Which of the run's own.
        skip_broken: Whether files that can't be read are left out instead of ending it all.

    Raises:
        InputError: If there are none, or they are of another shape or type.
        DataNotFoundError: If the run's own are nowhere, or the folder holds none.
    """
    channels, height, width = run.image_shape
    size = max(1, min(_BLOCK_IMAGES, _BLOCK_BYTES // (channels * height * width)))
    if images is None:
        return _of_split(run, split, size)
    path = Path(str(images))
    if str(images) == STDIN:
        stream: Any = sys.stdin.buffer  # buffered, so that it can be looked into
        title, key = "standard input", uuid.uuid4().hex
        if stream.peek(6)[:6] == np.lib.format.MAGIC_PREFIX:
            return _of_array(run, title, key, size, stream, None)
        lines = (line.rstrip("\r\n") for line in sys.stdin)
        return _Files(
            title, None, key, size, True, run.image_shape, skip_broken, filter(None, lines)
        )
    if path.suffix in (".npy", ".npz"):
        return _of_file(run, path, size)
    if not path.exists():
        raise InputError(f"images={images}: no such file or folder")
    files = find_images(path) if path.is_dir() else [path]
    return _Files(
        str(path), len(files), _digest(map(_stamp, files)), size, True, run.image_shape,
        skip_broken, files,
    )  # fmt: skip


@dataclass
class _Stored(Images):
    """Rows of arrays in memory."""

    images: NDArray[Any] = field(default_factory=lambda: np.empty(0))
    corrupted: NDArray[Any] | None = None
    labels: Sequence[str] = ()

    def read(self, start: int) -> Iterator[Block]:
        for first in range(start, len(self.images), self.size):
            rows = slice(first, first + self.size)
            images = self.images[rows]
            corrupted = None if self.corrupted is None else self.corrupted[rows]
            yield Block(images, _numbers(first, images), list(self.labels[rows]), corrupted)


@dataclass
class _Streamed(Images):
    """Rows of an array in a file, or on standard input, read as they are needed."""

    stream: IO[bytes] = field(default_factory=lambda: sys.stdin.buffer)
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.uint8))
    shape: tuple[int, ...] = ()
    labels: Sequence[str] | None = None

    def read(self, start: int) -> Iterator[Block]:
        assert self.count is not None
        row = int(np.prod(self.shape)) * self.dtype.itemsize
        if start:
            self.stream.seek(start * row, 1)
        for first in range(start, self.count, self.size):
            wanted = min(self.size, self.count - first)
            content = self.stream.read(wanted * row)
            if len(content) < wanted * row:
                raise InputError(f"{self.title} ends before its {self.count:,} images do")
            images = np.frombuffer(content, self.dtype).reshape(wanted, *self.shape)
            images = images.astype(self.dtype.newbyteorder("="), copy=False)
            labels = [""] * wanted if self.labels is None else self.labels[first : first + wanted]
            yield Block(images, _numbers(first, images), list(labels))


@dataclass
class _Files(Images):
    """Image files, decoded several at a time."""

    image_shape: tuple[int, int, int] = (1, 1, 1)
    skip_broken: bool = False
    files: Iterable[str | Path] = ()

    def __post_init__(self) -> None:
        _, height, width = self.image_shape
        if height != width:
            raise InputError(f"image files become squares, and this model takes {height} x {width}")

    def read(self, start: int) -> Iterator[Block]:
        files = islice(iter(self.files), start, None)
        with ThreadPoolExecutor() as pool:
            while chunk := list(islice(files, self.size)):
                yield self._decoded(pool, list(map(Path, chunk)))

    def _decoded(self, pool: ThreadPoolExecutor, files: Sequence[Path]) -> Block:
        pairs = list(zip(files, pool.map(self._read, files), strict=True))
        read = [(path, pixels) for path, pixels in pairs if pixels is not None]
        images = np.empty((len(read), *self.image_shape), np.uint8)
        for place, (_, pixels) in enumerate(read):
            images[place] = pixels
        names = [str(path) for path, _ in read]
        return Block(images, names, [path.parent.name for path, _ in read])

    def _read(self, path: Path) -> NDArray[np.uint8] | None:
        try:
            return read_image(path, self.image_shape[-1], self.image_shape[0])
        except ImageFileError as error:
            if not self.skip_broken:
                raise
            log.warning("%s, and is left out", error)
            return None


def _of_split(run: Run, split: str, size: int) -> Images:
    data = run.data
    stored = getattr(data, split)
    labels = [data.classes[label] for label in stored.labels.tolist()]
    corrupted = None if stored.corrupted is None else stored.corrupted.numpy()
    chosen = data.trained_on or ()
    key = _digest([data.source.checksum, split, data.split_seed, data.val_size, *chosen])
    title = f"the {split} images of {data.title}"
    images = stored.images.numpy()
    return _Stored(title, len(images), key, size, False, images, corrupted, labels)


def _of_file(run: Run, path: Path, size: int) -> Images:
    try:
        if path.suffix == ".npy":
            return _of_array(run, str(path), _stamp(path), size, path.open("rb"), None)
        arrays = zipfile.ZipFile(path)
        names = [name.removesuffix(".npy") for name in arrays.namelist()]
        of_images = "images" if "images" in names else next(n for n in names if n != "labels")
        labels = np.load(path, allow_pickle=False)["labels"] if "labels" in names else None
        stream = arrays.open(f"{of_images}.npy")
        return _of_array(run, str(path), _stamp(path), size, stream, labels)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"images={path}: no such file") from None
    except (OSError, ValueError, LookupError, StopIteration, zipfile.BadZipFile) as error:
        raise InputError(f"{path} can't be read as images: {str(error)[:200]}") from error


def _of_array(
    run: Run, title: str, key: str, size: int, stream: IO[bytes], labels: NDArray[Any] | None
) -> Images:
    try:
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            header = np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(stream)
    except ValueError as error:
        raise InputError(f"{title} is no array in the format of .npy: {error}") from error
    if fortran and len(shape) > 1:
        raise InputError(f"{title} is in Fortran's order; save np.ascontiguousarray of it")
    check_images(np.broadcast_to(np.zeros((), dtype), shape), run.image_shape)
    if labels is None:
        return _Streamed(title, shape[0], key, size, False, stream, dtype, shape[1:], None)
    names = [run.classes[row] for row in as_labels(labels, shape[0], run.classes).tolist()]
    return _Streamed(title, shape[0], key, size, False, stream, dtype, shape[1:], names)


def _numbers(first: int, images: NDArray[Any]) -> list[str]:
    return [str(number) for number in range(first, first + len(images))]


def _stamp(path: Path) -> str:
    try:
        known = path.stat()
    except OSError:  # what is wrong with it is said when it is read
        return str(path)
    return f"{path.absolute()} {known.st_size} {known.st_mtime_ns}"


def _digest(parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
