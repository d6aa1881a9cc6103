"""Packed images: a folder of NumPy's own files, read by mapping them.

    train_images.npy   uint8, (N, C, H, W)
    train_labels.npy   int64, (N,), indices into the classes; absent where there are no labels
    test_images.npy    and test_labels.npy, the same
    classes.json       a list of the names of the labels; absent where they have none
    README.md          the data card, for people
    SHA256SUMS         of all the others but the card, for `sha256sum -c`

`numpy.save` makes such files as well. While a folder is being written, its arrays end in
`.partial`, and `.packing.json` says how far they are good.
"""

import hashlib
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoencoder import AutoencoderError
from autoencoder.data.sources import DataNotFoundError, ImageData

log = logging.getLogger(__name__)

PARTS = ("train", "test")
ARRAYS = ("images", "labels")
# Of images without labels, which are all of one class.
UNLABELLED = ("image",)
CLASSES, CARD, SUMS, JOURNAL = "classes.json", "README.md", "SHA256SUMS", ".packing.json"


class PackedError(AutoencoderError):
    """A folder that holds no usable packed images, or can't be written."""


def read(folder: Path) -> ImageData:
    """Packed images, mapped: they are in memory only as far as the system has room for them.

    Args:
        folder: As `packing.write` leaves it, or of arrays of `numpy.save`, without the rest.

    Raises:
        DataNotFoundError: If the images are not there.
        PackedError: If they are not whole, or don't fit together.
    """
    folder = folder.expanduser()
    if (folder / JOURNAL).exists():
        raise PackedError(f"{folder} is not packed to its end; what writes it goes on with it")
    names = [f"{part}_images.npy" for part in PARTS]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise DataNotFoundError(
            f"{folder} holds no packed images: no {' and no '.join(missing)}\n"
            "What helps:\n"
            "  data.root=FOLDER, the folder that they are in\n"
            "  python pack.py data=fashion_mnist out=FOLDER, which writes those of another data set"
        )
    (train, train_labels), (test, test_labels) = (mapped(folder, part) for part in PARTS)
    if train.shape[1:] != test.shape[1:]:
        raise PackedError(
            f"{folder}: images of {tuple(train.shape[1:])} for training, but of "
            f"{tuple(test.shape[1:])} for the test"
        )
    n_classes = 1 + max(int(labels.max()) for labels in (train_labels, test_labels))
    labelled = (folder / "train_labels.npy").exists()
    classes = UNLABELLED if not labelled else tuple(str(label) for label in range(n_classes))
    if (folder / CLASSES).exists():
        classes = tuple(json.loads((folder / CLASSES).read_text(encoding="utf-8")))
    if n_classes > len(classes):
        raise PackedError(f"{folder}: a label {n_classes - 1}, but only {len(classes)} classes")
    return ImageData(
        train, train_labels, test, test_labels, classes, f"packed in {folder}", _checksum(folder)
    )


def mapped(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    """Images and labels of a part; labels of zeros, which take no memory, where there are none."""
    images = _array(folder / f"{part}_images.npy", "uint8", 4)
    path = folder / f"{part}_labels.npy"
    if not path.exists():
        return images, torch.zeros(1, dtype=torch.int64).expand(len(images))
    labels = _array(path, "int64", 1)
    if len(labels) != len(images):
        raise PackedError(f"{folder}: {len(images):,} {part} images, but {len(labels):,} labels")
    if labels.min() < 0:
        raise PackedError(f"{path}: a label below 0")
    return images, labels


def _array(path: Path, dtype: str, axes: int) -> Tensor:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise PackedError(f"{path} is no whole array of NumPy's: {error}") from error
    if array.dtype != dtype or array.ndim != axes or 0 in array.shape:
        raise PackedError(
            f"{path} must be {dtype} of {axes} axes and not empty, got {array.dtype}, {array.shape}"
        )
    if not array.flags.c_contiguous:
        raise PackedError(f"{path} is stored column by column; numpy.save a C-contiguous array")
    with warnings.catch_warnings():
        # Torch has no tensors that can't be written to; nothing here writes to images.
        warnings.filterwarnings("ignore", ".*not writable.*")
        return torch.from_numpy(array)


def _checksum(folder: Path) -> str:
    """Tells these images from others: of the sums, so that not all images must be read."""
    if (folder / SUMS).exists():
        text = (folder / SUMS).read_text(encoding="utf-8")
    else:
        log.info("reading all of %s, as it has no %s", folder, SUMS)
        text = "".join(f"{digest}  {name}\n" for name, digest in digests(folder))
    return hashlib.sha256(text.encode()).hexdigest()


def digests(folder: Path) -> Iterator[tuple[str, str]]:
    """Each file's name and SHA-256."""
    names = [f"{part}_{kind}.npy" for part in PARTS for kind in ARRAYS]
    for name in (*names, CLASSES):
        if (folder / name).exists():
            with (folder / name).open("rb") as file:
                yield name, hashlib.file_digest(file, "sha256").hexdigest()
