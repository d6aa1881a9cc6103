"""Images in one file of arrays: NumPy's `.npy` and `.npz`, or a table in Parquet."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoencoder import AutoencoderError
from autoencoder.data.module import ImageDataModule
from autoencoder.data.packed import UNLABELLED
from autoencoder.data.shares import count_of, drawn_order
from autoencoder.data.sources import DataNotFoundError, ImageData

# The column, or the array, of the classes.
_LABELS = "labels"
_IMAGES = "images"
# Names of the arrays of a file that is split, as this project and as Keras have them.
_SPLIT = (
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),
)


class ArrayError(AutoencoderError):
    """A file of arrays that holds no usable images."""


class Part(NamedTuple):
    """Images as uint8 `(N, C, H, W)`, and their labels, `(N,)`, if there are any."""

    images: Tensor
    labels: NDArray[Any] | None


class Read(NamedTuple):
    """What was read: all images, or those for training and those for the test.

    Attributes:
        parts: One, or two.
        origin: One short line for people: where the images came from.
        classes: The name of each label, where labels are numbers from 0; None: labels are names.
    """

    parts: Sequence[Part]
    origin: str
    classes: tuple[str, ...] | None = None


class ArrayImages(ImageDataModule):
    """Images in a file, uint8 or floats in [0, 1]: `.npy`, `.npz` or `.parquet`.

    A `.npy` holds images alone; a `.npz` has `images` and, if there are any, `labels`, or the same
    split, as `train_images`, `train_labels`, `test_images`, `test_labels` (or `x_train`, `y_train`,
    `x_test`, `y_test`); a `.parquet` has a row an image, a column a pixel, and a column `labels`,
    if there are any. Images are `(N, H, W)`, `(N, C, H, W)` or `(N, H, W, C)` with 1 or 3 channels;
    those of a table are square.

    Args:
        root: The file.
        val_size: Images held out of the training images for validation: a number, or a share.
        test_size: The same for the test, held out first, where the file isn't split.
        stratify: Whether what is held out has the classes in the proportions of all images.
        **kwargs: As for `ImageDataModule`.

    Raises:
        ValueError: If an argument is not of its type, or too small.
    """

    def __init__(
        self,
        root: str | Path | None,
        val_size: float,
        test_size: float,
        stratify: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(val_size=1, **kwargs)  # type: ignore[arg-type]  # checked where named
        for key, share in (("val_size", val_size), ("test_size", test_size)):
            count_of(key, share, 2**32)
        self.root, self.sizes, self.stratify = root, (val_size, test_size), stratify

    def load(self) -> ImageData:
        """Reads the images, and holds some out for the test where they aren't split."""
        parts, origin, known = self.read()
        classes, numbers = _numbered([part.labels for part in parts], known)
        train, test = parts[0].images, parts[-1].images
        train_labels, test_labels = numbers[0].expand(len(train)), numbers[-1].expand(len(test))
        if len(parts) == 1:
            order = self.held_out(train_labels)
            count = count_of("test_size", self.sizes[1], len(order))
            held, rest = order[:count].sort().values, order[count:].sort().values
            test, test_labels = train[held], train_labels[held]
            train, train_labels = train[rest], train_labels[rest]
        self.val_size = count_of("val_size", self.sizes[0], len(train))
        checksum = hashlib.sha256()
        for tensor in (train, train_labels, test, test_labels):
            checksum.update(tensor.contiguous().numpy().data)
        return ImageData(
            train, train_labels, test, test_labels, classes, origin, checksum.hexdigest()
        )

    def read(self) -> Read:
        """The file; a subclass reads from elsewhere."""
        if not self.root:
            raise DataNotFoundError("data.root=FILE is missing: images in .npy, .npz or .parquet")
        path = Path(self.root).expanduser()
        return Read(_read(path), str(path))

    def held_out(self, labels: Tensor) -> Tensor:
        """Drawn, by class where that is wanted."""
        return drawn_order(labels, self.split_seed, self.stratify)


def _read(path: Path) -> list[Part]:
    """The images of a file, or those for training and those for the test."""
    if not path.is_file():
        raise DataNotFoundError(f"{path} is no file; type data.root=FILE (.npy, .npz or .parquet)")
    if path.suffix == ".parquet":
        return [_table(path)]
    try:
        read = np.load(path, mmap_mode="r" if path.suffix == ".npy" else None)
        arrays = {_IMAGES: read} if isinstance(read, np.ndarray) else dict(read)
    except Exception as error:  # other files, and damaged ones, fail in ways of their own
        raise ArrayError(f"{path} is no whole .npy, .npz or .parquet: {error}") from error
    for names in _SPLIT:
        if names[0] in arrays and names[2] in arrays:
            return [_part(path, arrays, *names[:2]), _part(path, arrays, *names[2:])]
    if _IMAGES not in arrays:
        known = "; or ".join(", ".join(names) for names in ((_IMAGES, _LABELS), *_SPLIT))
        raise ArrayError(f"{path} has {', '.join(arrays)}; it should have {known}")
    return [_part(path, arrays, _IMAGES, _LABELS)]


def _part(path: Path, arrays: Mapping[str, NDArray[Any]], name: str, labels: str) -> Part:
    images = _pixels(f"{path}: {name}", arrays[name])
    found = arrays.get(labels)
    if found is not None and found.squeeze().shape != (len(images),):
        raise ArrayError(f"{path}: {len(images):,} {name}, but {labels} of shape {found.shape}")
    return Part(images, None if found is None else found.squeeze())


def _table(path: Path) -> Part:
    """The images of a table, a row an image, a column a pixel."""
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except ImportError as error:
        raise ArrayError(f"{path}: pip install pyarrow, to read it") from error
    except Exception as error:
        raise ArrayError(f"{path} is no whole .parquet: {error}") from error
    labels = table.pop(_LABELS).to_numpy() if _LABELS in table else None
    channels = next(
        (c for c in (1, 3) if math.isqrt(table.shape[1] // c) ** 2 * c == table.shape[1]), 0
    )
    if not channels or not table.shape[1]:
        raise ArrayError(f"{path} has {table.shape[1]} columns of pixels, which make no square")
    side = math.isqrt(table.shape[1] // channels)
    pixels = table.to_numpy().reshape(len(table), channels, side, side)
    return Part(_pixels(str(path), pixels), labels)


def _pixels(where: str, array: NDArray[Any]) -> Tensor:
    """Images as uint8 `(N, C, H, W)`."""
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim == 4 and array.shape[1] not in (1, 3) and array.shape[3] in (1, 3):
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or array.shape[1] not in (1, 3) or len(array) < 3:
        raise ArrayError(
            f"{where} of shape {array.shape}; images are (N, H, W), (N, C, H, W) or (N, H, W, C) "
            "with 1 or 3 channels, three or more"
        )
    if array.dtype.kind == "f":
        low, high = float(array.min()), float(array.max())
        if not (low >= 0 and high <= 1):  # nor with nan
            raise ArrayError(f"{where} of floats from {low:.4g} to {high:.4g}, not in [0, 1]")
        array = np.rint(array * 255).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise ArrayError(f"{where} of {array.dtype}; images are uint8, or floats in [0, 1]")
    return torch.from_numpy(np.array(array, order="C"))


def _numbered(
    labels: list[NDArray[Any] | None], classes: tuple[str, ...] | None
) -> tuple[tuple[str, ...], list[Tensor]]:
    """The names of the classes, and the number of each label; zeros where there are none."""
    given = [values for values in labels if values is not None]
    if len(given) < len(labels):
        if given:
            raise ArrayError("some of the images have labels, and others have none")
        return UNLABELLED, [torch.zeros(1, dtype=torch.int64)] * len(labels)
    if classes:
        return classes, [torch.from_numpy(values.astype(np.int64)) for values in given]
    names, numbers = np.unique(np.concatenate(given), return_inverse=True)
    ends = np.cumsum([len(values) for values in given])[:-1]
    split = np.split(numbers.astype(np.int64), ends)
    return tuple(map(str, names.tolist())), [torch.from_numpy(part) for part in split]
