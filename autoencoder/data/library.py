"""Images that another library has opened, one after the other, as arrays of one size."""

from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image

from autoencoder.data.arrays import ArrayError, Part
from autoencoder.data.module import check_whole
from autoencoder.data.pictures import as_pixels


def size_checked(image_size: int | None, channels: int | None) -> None:
    """Refuses a size or a number of channels that no image can have.

    Raises:
        ValueError: Which names the key.
    """
    if image_size is not None:
        check_whole("image_size", image_size, 8)
    if channels not in (None, 1, 3):
        raise ValueError(f"data.channels must be 1 (grey), 3 (colours) or null, got {channels!r}")


def part_of(
    pairs: Iterable[tuple[Image.Image, int | None]],
    count: int,
    image_size: int | None,
    channels: int | None,
) -> Part:
    """Images and their labels as arrays.

    Args:
        pairs: Each image and its label, from 0; all labels are None where there are none.
        count: How many there are.
        image_size: Height and width to which the middle square is resized; None: as they are.
        channels: 1 for grey, 3 for red, green and blue; None: as those of the first image.

    Raises:
        ArrayError: If there are none, or they have several sizes and are to be as they are.
    """
    images, labels = np.empty((0, 1, 0, 0), np.uint8), np.zeros(count, np.int64)
    labelled = True
    # By number, as torchvision's sets end by no StopIteration.
    for row, (image, label) in zip(range(count), pairs, strict=False):
        pixels = as_pixels(image, image_size, channels)
        if row == 0:
            images, channels = np.empty((count, *pixels.shape), np.uint8), len(pixels)
        if pixels.shape != images.shape[1:]:
            raise ArrayError(
                f"images of {images.shape[2]} x {images.shape[3]} and of "
                f"{pixels.shape[1]} x {pixels.shape[2]} pixels; data.image_size=64 makes them equal"
            )
        images[row] = pixels
        # -1 is what some sets say of images whose labels they keep to themselves.
        labelled &= label is not None and label >= 0
        labels[row] = label or 0
    if len(images) < 3:
        raise ArrayError(f"{count} images; there must be three or more")
    return Part(torch.from_numpy(images), labels if labelled else None)
