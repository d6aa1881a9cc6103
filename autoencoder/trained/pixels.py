"""Pixels of images as bytes, as PNG files, and side by side on a sheet."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from autoencoder.analysis.plotting import ImageBlock, image_blocks
from autoencoder.runs.files import written_aside
from autoencoder.trained.arrays import InputError


def as_uint8(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Images of uint8 as they are, and floats in [0, 1] rounded to the nearest of 0 to 255."""
    if images.dtype == np.uint8:
        return images
    rounded: NDArray[np.uint8] = np.rint(images.clip(0, 1) * 255).astype(np.uint8)
    return rounded


def png(image: NDArray[Any]) -> bytes:
    """An image `(H, W)`, `(1, H, W)` or `(3, H, W)`, uint8 or floats in [0, 1], as a PNG file.

    Raises:
        InputError: If it has another number of channels.
    """
    pixels = as_uint8(image if image.ndim == 3 else image[None])
    if pixels.shape[0] not in (1, 3):
        raise InputError(f"a PNG file has 1 or 3 channels, and these images have {len(pixels)}")
    buffer = io.BytesIO()
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1))
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def write_sheet(path: Path, rows: Mapping[str, NDArray[Any]], columns: int = 10) -> None:
    """Writes images that belong together below each other, ten side by side, as one picture.

    Args:
        path: Of the PNG file.
        rows: Images `(n, C, H, W)`, as many in each, by what they are; uint8 or floats in [0, 1].
        columns: Side by side.
    """
    floats = {
        name: images.astype(np.float32) / np.float32(255 if images.dtype == np.uint8 else 1)
        for name, images in rows.items()
    }
    count = len(next(iter(floats.values())))
    blocks = [
        ImageBlock(
            "", [], {name: images[start : start + columns] for name, images in floats.items()}
        )
        for start in range(0, count, columns)
    ]
    with written_aside(path) as aside:
        image_blocks(blocks).savefig(aside, dpi=150)
