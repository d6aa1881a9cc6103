"""Image files of any kind, found in a folder and read as arrays of one size.

What is done to a file, always and in this order: its first frame; turned as its EXIF tag says;
transparent pixels laid over white; colours to grey (ITU-R 601) or grey to three equal channels; the
largest square in the middle, resized to `image_size` with an antialiasing bicubic filter. A file
that has that size already keeps its pixels as they are. Colour profiles are ignored.
"""

import io
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from autoencoder import AutoencoderError
from autoencoder.data.sources import DataNotFoundError

SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".tif", ".tiff"),
    *(".bmp", ".gif", ".pgm", ".ppm", ".pbm", ".pnm"),
)
# Others are not opened, whatever a file's name says: some of Pillow's start other programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
# What a decoder may be asked to unpack, and what is read into memory at once.
LARGEST_IMAGE = 10**8  # pixels
LARGEST_FILE = 2**28  # bytes
# Transparent pixels are seen on it, as on a page.
_BACKGROUND = "white"


class ImageFileError(AutoencoderError):
    """A file that cannot be read as an image.

    Attributes:
        path: The file.
        reason: What is wrong with it, in a few words that follow its name.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path, self.reason = path, reason

    def __reduce__(self) -> tuple[type["ImageFileError"], tuple[Path, str]]:
        """Pickled by its own arguments, as worker processes hand errors on."""
        return ImageFileError, (self.path, self.reason)


def find_images(folder: Path) -> list[Path]:
    """The files in a folder, and in those below it, whose names end as those of images do.

    They are sorted by path. Hidden files and folders are left out, links to folders are followed.

    Raises:
        DataNotFoundError: If there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise DataNotFoundError(f"{folder} is no folder; type data.root=FOLDER")
    found, others, seen = [], Counter[str](), set[str]()
    for place, folders, files in os.walk(folder, followlinks=True):
        # A link may lead back up.
        seen.add(os.path.realpath(place))
        folders[:] = (
            name
            for name in folders
            if not name.startswith((".", "__MACOSX"))
            and os.path.realpath(Path(place, name)) not in seen
        )
        for name in files:
            suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122  # a million times
            if name.startswith("."):
                continue
            if suffix in SUFFIXES:
                found.append(f"{place}/{name}")
            else:
                others[suffix or "no suffix"] += 1
    if not found:
        there = ", ".join(f"{count:,} of {suffix}" for suffix, count in others.most_common(3))
        raise DataNotFoundError(
            f"{folder} holds no image ({there or 'it is empty'}); files are known as images by "
            f"{' '.join(SUFFIXES)}"
        )
    return [Path(path) for path in sorted(found)]


def read_image(path: Path, image_size: int, channels: int) -> npt.NDArray[np.uint8]:
    """An image file as `(channels, image_size, image_size)`, uint8.

    Args:
        path: The file.
        image_size: Height and width of what is returned.
        channels: 1 for grey, 3 for red, green and blue.

    Raises:
        ImageFileError: If it cannot be read, is no image, or is too large.
    """
    return decode(path, read_bytes(path), image_size, channels)


def read_bytes(path: Path) -> bytes:
    """The content of a file that may be an image.

    Raises:
        ImageFileError: If it cannot be read, is empty, or is too large.
    """
    try:
        if (size := path.stat().st_size) > LARGEST_FILE:
            raise ImageFileError(path, f"is gigantic: {size:,} bytes, more than {LARGEST_FILE:,}")
        content = path.read_bytes()
    except OSError as error:
        raise ImageFileError(path, f"cannot be read ({error.strerror})") from error
    if not content:
        raise ImageFileError(path, "is empty")
    return content


def decode(path: Path, content: bytes, image_size: int, channels: int) -> npt.NDArray[np.uint8]:
    """The content of an image file as `(channels, image_size, image_size)`, uint8.

    Args:
        path: The file, which an error names.
        content: Its bytes.
        image_size: Height and width of what is returned.
        channels: 1 for grey, 3 for red, green and blue.

    Raises:
        ImageFileError: If it is no image, or has too many pixels.
    """
    mode = "L" if channels == 1 else "RGB"
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            _check_size(path, image)
            # Large JPEGs are decoded at a half, a quarter or an eighth, still twice what is asked.
            image.draft(mode, (2 * image_size, 2 * image_size))
            image.load()
            return as_pixels(_as_bytes(path, _upright(image)), image_size, channels)
    except ImageFileError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageFileError(path, "is gigantic: a decompression bomb") from error
    except UnidentifiedImageError as error:
        known = ", ".join(_FORMATS)
        raise ImageFileError(path, f"is broken, or no image of a known format ({known})") from error
    except Exception as error:  # decoders raise anything at all where bytes are wrong
        raise ImageFileError(path, f"is broken ({' '.join(str(error).split())[:80]})") from error


def as_pixels(
    image: Image.Image, image_size: int | None, channels: int | None
) -> npt.NDArray[np.uint8]:
    """An image of 8 bits as `(C, H, W)`, uint8.

    Args:
        image: Of any mode of 8 bits.
        image_size: Height and width to which the middle square is resized; None: as it is.
        channels: 1 for grey, 3 for red, green and blue; None: grey where the image is.
    """
    channels = channels or (1 if image.mode in ("1", "L") else 3)
    flat = image.convert("L" if channels == 1 else "RGB")
    if image_size and flat.size != (image_size, image_size):
        flat = ImageOps.fit(flat, (image_size, image_size), Image.Resampling.BICUBIC)
    pixels = np.asarray(flat)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def is_animated(content: bytes) -> bool:
    """Whether the content of an image file, which can be read, has several frames or pages."""
    with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        # A telephone's MPO is a photograph with a small copy of itself.
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))


def _check_size(path: Path, image: Image.Image) -> None:
    width, height = image.size
    if width * height > LARGEST_IMAGE:
        reason = f"is gigantic: {width:,} x {height:,} pixels, more than {LARGEST_IMAGE:,}"
        raise ImageFileError(path, reason)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # an EXIF block that is damaged says nothing; the pixels have been read
        return image


def _as_bytes(path: Path, image: Image.Image) -> Image.Image:
    """The image with 8 bits a channel, transparent pixels laid over the background."""
    if image.has_transparency_data:
        over = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, _BACKGROUND), over)
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image).astype(np.float64)
    white = _white(path, image, values)
    return Image.fromarray(np.rint(values * (255 / white)).astype(np.uint8))


def _white(path: Path, image: Image.Image, values: npt.NDArray[Any]) -> float:
    """The value that is white, in an image of more than 8 bits."""
    low, high = values.min(), values.max()
    white = 1.0 if image.mode == "F" else 65535.0
    if not (low >= 0 and high <= white):  # nor with nan
        kind = "floats in [0, 1]" if image.mode == "F" else "16 bits"
        raise ImageFileError(path, f"has pixels from {low:.6g} to {high:.6g}, which are not {kind}")
    return white
