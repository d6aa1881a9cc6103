"""Drawn garments: labelled images of any size that need no download."""

import hashlib

import numpy as np
import torch
from torch import Tensor

from autoencoder.data.canvas import Canvas
from autoencoder.data.garments import PAINTERS
from autoencoder.data.module import ImageDataModule, check_whole
from autoencoder.data.published import FashionMNIST
from autoencoder.data.sources import ImageData

# Images drawn at once: about this many pixels, so that the working set stays in the cache.
PIXELS_AT_ONCE = 2**18


def synthetic_garments(n: int, image_size: int, channels: int, seed: int) -> tuple[Tensor, Tensor]:
    """Drawn garments, grey on black, in the ten classes of Fashion-MNIST.

    The classes are as equal in number as `n` allows, in an order shuffled by the seed.

    Args:
        n: Number of images.
        image_size: Height and width in pixels, at least 8.
        channels: Number of channels; all hold the same grey.
        seed: The same arguments and seed give the same images.

    Returns:
        Images, uint8 `(n, channels, image_size, image_size)`, and labels, int64 `(n,)`.
    """
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(n) % len(PAINTERS))
    images = np.empty((n, image_size, image_size), np.uint8)
    at_once = max(1, PIXELS_AT_ONCE // image_size**2)
    for label, paint in enumerate(PAINTERS):
        of_class = np.flatnonzero(labels == label)
        for start in range(0, len(of_class), at_once):
            indices = of_class[start : start + at_once]
            canvas = Canvas(len(indices), image_size, generator)
            paint(canvas)
            images[indices] = np.rint(255 * canvas.image)
    grey = torch.from_numpy(images).unsqueeze(1)
    return grey.repeat(1, channels, 1, 1), torch.from_numpy(labels).long()


def load_synthetic(train: int, test: int, image_size: int, channels: int, seed: int) -> ImageData:
    """A data set of drawn garments whose training and test images are drawn apart.

    Args:
        train: Number of training images.
        test: Number of test images.
        image_size: Height and width in pixels, at least 8.
        channels: Number of channels.
        seed: Another seed shares no images with this one, neither for training nor for testing.
    """
    # Even seeds for training and odd ones for testing: no seed's test is another's training.
    train_images, train_labels = synthetic_garments(train, image_size, channels, 2 * seed)
    test_images, test_labels = synthetic_garments(test, image_size, channels, 2 * seed + 1)
    checksum = hashlib.sha256()
    for tensor in (train_images, train_labels, test_images, test_labels):
        checksum.update(tensor.numpy().tobytes())
    return ImageData(
        train_images,
        train_labels,
        test_images,
        test_labels,
        FashionMNIST.files.classes,
        f"drawn by {__name__}, seed {seed}",
        checksum.hexdigest(),
    )


class SyntheticGarments(ImageDataModule):
    """Garments drawn by this package: ten classes, any size, no files.

    Args:
        train_size: Images drawn for training and validation.
        test_size: Images drawn for the test.
        image_size: Height and width in pixels, at least 8 to show a garment.
        channels: Channels of the images.
        **kwargs: As for `ImageDataModule`.

    Raises:
        ValueError: If a number is not a whole one, or too small.
    """

    def __init__(
        self, train_size: int, test_size: int, image_size: int, channels: int, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]  # checked where they are named
        check_whole("train_size", train_size, 1)
        check_whole("test_size", test_size, 1)
        check_whole("image_size", image_size, 8)
        check_whole("channels", channels, 1)
        self.sizes = train_size, test_size, image_size, channels

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label."""
        return FashionMNIST.files.classes

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(C, H, W)` of an image."""
        _, _, size, channels = self.sizes
        return channels, size, size

    def prepare_data(self) -> None:
        """Does nothing: there are no files."""

    def load(self) -> ImageData:
        """Draws the images."""
        return load_synthetic(*self.sizes, seed=self.split_seed)
