"""Sprites: many small images as one picture, at an address that a page holds in itself."""

import base64
import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Pixels a side of an image in a sprite; larger images are scaled down.
LARGEST = 32
# A picture of a browser has fewer pixels a side than this.
_LIMIT = 16_000
_QUALITY = 80


class Sprite(NamedTuple):
    """Images in rows of one picture.

    Attributes:
        address: Of the picture: a WebP, in itself.
        columns: Images in a row.
        size: Width and height of each in pixels.
    """

    address: str
    columns: int
    size: tuple[int, int]


def sprite(images: NDArray[np.uint8], columns: int | None = None) -> Sprite:
    """Images (n, C, H, W), grey or with colours in their first three channels, in rows.

    Args:
        images: At least one.
        columns: Images in a row; as many as rows by default.
    """
    n, channels, height, width = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    pixels = np.moveaxis(images[:, :3] if channels > 2 else images[:, [0, 0, 0]], 1, -1)
    rows = -(-n // columns)
    scale = min(1.0, LARGEST / max(height, width), _LIMIT / (rows * height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    sheet = Image.new("RGB", (columns * size[0], rows * size[1]))
    for index, image in enumerate(pixels):
        tile = Image.fromarray(image)
        if tile.size != size:
            tile = tile.resize(size, Image.Resampling.BOX)
        sheet.paste(tile, (index % columns * size[0], index // columns * size[1]))
    return Sprite(_address(sheet), columns, size)


def strip(rows: Sequence[NDArray[np.uint8]]) -> str:
    """Rows of as many images (n, C, H, W) below each other: the address of a picture."""
    return sprite(np.concatenate(rows), len(rows[0])).address


def to_bytes(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Images in [0, 1] as uint8; what is not a number is black."""
    return (255 * np.nan_to_num(images).clip(0, 1)).round().astype(np.uint8)


def _address(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=_QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
