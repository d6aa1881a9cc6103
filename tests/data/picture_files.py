"""Image files of many kinds, whole and broken, as bytes, and what is said of each."""

import io
import struct
import zlib
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

SIZE = 12
_rows, _columns = np.mgrid[:SIZE, :SIZE]
# Smooth, so that lossy formats keep it; no symmetry, so that a turned image is another.
GREY = (15 * _rows + 5 * _columns).astype(np.uint8)
RGB = np.stack([GREY, 255 - GREY, (20 * _columns).astype(np.uint8)], 2)
FLAT = Image.fromarray(RGB).convert("L")
# The right half is transparent.
ALPHA = np.where(_columns < SIZE // 2, 255, 0).astype(np.uint8)
ON_WHITE = np.where(ALPHA[..., None] == 255, RGB, 255).astype(np.uint8)


class Case(NamedTuple):
    """A file and what is made of it.

    Attributes:
        what: In words.
        name: Of the file.
        content: Its bytes.
        pixels: `(H, W, 3)` that it is read as; None if it is refused, or of another size.
        tolerance: How much a lossy format may change a pixel.
        said: A part of what is said of a file that is refused, or of several frames.
    """

    what: str
    name: str
    content: bytes
    pixels: np.ndarray[Any, Any] | None = None
    tolerance: int = 0
    said: str = ""


def saved(image: Any, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(
        stream, kind, **options
    )
    return stream.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def png(width: int, height: int, bits: int, colours: int, rows: bytes) -> bytes:
    """A PNG that Pillow would not write."""
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def grey3(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.repeat(pixels[..., None], 3, 2)


def _rgba() -> Image.Image:
    return Image.fromarray(np.dstack([RGB, ALPHA]))


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the stored image has to be turned clockwise
    return saved(np.rot90(RGB), "JPEG", quality=100, subsampling=0, exif=exif)


def _frames(kind: str, **options: Any) -> bytes:
    others = [Image.fromarray(255 - RGB), Image.fromarray(RGB // 2)]
    return saved(RGB, kind, save_all=True, append_images=others, **options)


def _palette() -> Image.Image:
    """The image in 16 greys."""
    image = Image.fromarray(_INDICES)
    image.putpalette(np.repeat(np.arange(16) * 17, 3).astype(np.uint8).tobytes())
    return image


_INDICES = np.asarray(FLAT) // 16
_OF_PALETTE = grey3((_INDICES * 17).astype(np.uint8))
_BITS = (_rows + _columns) % 3 == 0
_JPEG, _PNG = saved(RGB, "JPEG", quality=95), saved(RGB, "PNG")
_16 = (GREY.astype(np.uint16) * 257) + 100
_ROWS16 = b"".join(b"\0" + row.astype(">u2").tobytes() for row in RGB.astype(np.uint16) * 257)


def _whole() -> list[Case]:
    best: dict[str, Any] = {"quality": 100, "subsampling": 0}
    return [
        Case("JPEG, RGB", "a.jpg", saved(RGB, "JPEG", **best), RGB, 6),
        Case("JPEG, grey", "a.jpeg", saved(GREY, "JPEG", quality=100), grey3(GREY), 3),
        Case("JPEG, progressive", "a.jfif", saved(RGB, "JPEG", progressive=True, **best), RGB, 6),
        Case(
            "JPEG, CMYK",
            "a.jpg",
            saved(Image.fromarray(RGB).convert("CMYK"), "JPEG", **best),
            RGB,
            8,
        ),
        Case("JPEG with EXIF rotation", "a.jpg", _turned(), RGB, 6),
        Case(
            "JPEG with damaged EXIF",
            "a.jpg",
            saved(RGB, "JPEG", exif=b"Exif\0\0junk", **best),
            RGB,
            6,
        ),
        Case("JPEG named .PNG", "a.PNG", saved(RGB, "JPEG", **best), RGB, 6),
        Case("PNG, RGB", "a.png", _PNG, RGB),
        Case("PNG, grey", "a.png", saved(GREY, "PNG"), grey3(GREY)),
        Case(
            "PNG, black and white",
            "a.png",
            saved(_BITS, "PNG"),
            grey3(_BITS.astype(np.uint8) * 255),
        ),
        Case("PNG, palette", "a.png", saved(_palette(), "PNG"), _OF_PALETTE),
        Case(
            "PNG, palette with a transparent colour",
            "a.png",
            saved(_palette(), "PNG", transparency=3),
            np.where(grey3(_INDICES) == 3, 255, _OF_PALETTE),
        ),
        Case("PNG, RGB and alpha", "a.png", saved(_rgba(), "PNG"), ON_WHITE),
        Case(
            "PNG, grey and alpha",
            "a.png",
            saved(Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA)]), "PNG"),
            np.where(ALPHA[..., None] == 255, grey3(GREY), 255),
        ),
        Case(
            "PNG, RGB with a transparent colour",
            "a.png",
            saved(RGB, "PNG", transparency=tuple(map(int, RGB[2, 3]))),
            np.where((RGB[2, 3] == RGB).all(2, keepdims=True), 255, RGB),
        ),
        Case("PNG, 16 bit grey", "a.png", saved(_16, "PNG"), grey3(GREY)),
        Case("PNG, 16 bit RGB", "a.png", png(SIZE, SIZE, 16, 2, _ROWS16), RGB),
        Case("WebP", "a.webp", saved(RGB, "WEBP", quality=100), RGB, 24),
        Case(
            "WebP, lossless with alpha", "a.webp", saved(_rgba(), "WEBP", lossless=True), ON_WHITE
        ),
        Case("TIFF, RGB", "a.tif", saved(RGB, "TIFF"), RGB),
        Case("TIFF, LZW", "a.tiff", saved(RGB, "TIFF", compression="tiff_lzw"), RGB),
        Case("TIFF, CMYK", "a.tif", saved(Image.fromarray(RGB).convert("CMYK"), "TIFF"), RGB, 1),
        Case("TIFF, 16 bit grey", "a.tif", saved(_16, "TIFF"), grey3(GREY)),
        Case(
            "TIFF, floats in [0, 1]",
            "a.tif",
            saved(GREY.astype(np.float32) / 255, "TIFF"),
            grey3(GREY),
        ),
        Case("BMP, RGB", "a.bmp", saved(RGB, "BMP"), RGB),
        Case("BMP, palette", "a.bmp", saved(_palette(), "BMP"), _OF_PALETTE),
        Case("GIF", "a.gif", saved(_palette(), "GIF"), _OF_PALETTE),
        Case(
            "GIF with a transparent colour",
            "a.gif",
            saved(_palette(), "GIF", transparency=3),
            np.where(grey3(_INDICES) == 3, 255, _OF_PALETTE),
        ),
        Case("PGM", "a.pgm", saved(GREY, "PPM"), grey3(GREY)),
        Case("PGM, 16 bit", "a.pgm", saved(_16, "PPM"), grey3(GREY)),
        Case("PPM", "a.ppm", saved(RGB, "PPM"), RGB),
        Case(
            "one pixel", "a.png", saved(RGB[:1, :1], "PNG"), np.broadcast_to(RGB[0, 0], RGB.shape)
        ),
        Case(
            "a strip of 2,000 x 12 pixels",
            "a.png",
            saved(np.pad(RGB, ((0, 0), (994, 994), (0, 0))), "PNG"),
            RGB,
        ),
    ]


def _of_several_frames() -> list[Case]:
    said = "several frames or pages"
    return [
        Case("GIF, three frames", "a.gif", _frames("GIF"), RGB, 60, said=said),
        Case("WebP, three frames", "a.webp", _frames("WEBP", lossless=True), RGB, said=said),
        Case("PNG, three frames", "a.png", _frames("PNG"), RGB, said=said),
        Case("TIFF, three pages", "a.tif", _frames("TIFF"), RGB, said=said),
    ]


def _broken() -> list[Case]:
    wrong = _PNG.replace(_PNG[-30:-20], bytes(10))
    html = b"<!DOCTYPE html><title>404 Not Found</title>"
    unknown = "is broken, or no image of a known format"
    return [
        Case("nothing at all", "a.jpg", b"", said="is empty"),
        Case("zeros", "a.png", bytes(1000), said=unknown),
        Case("a text file", "a.jpg", b"hello", said=unknown),
        Case("a page of an error, saved as an image", "a.png", html, said=unknown),
        Case("SVG named .png", "a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", said=unknown),
        Case("PostScript named .png", "a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n", said=unknown),
        Case("PDF named .tif", "a.tif", b"%PDF-1.7\n", said=unknown),
        Case("JPEG, its first two bytes alone", "a.jpg", _JPEG[:2], said="is broken"),
        Case("JPEG, cut short", "a.jpg", _JPEG[:-60], said="is broken"),
        Case("PNG, cut short", "a.png", _PNG[:-60], said="is broken"),
        Case("PNG, its header alone", "a.png", _PNG[:33], said="is broken"),
        Case("PNG, some bytes wrong", "a.png", wrong, said="is broken"),
        Case("WebP, cut short", "a.webp", saved(RGB, "WEBP")[:-40], said="is broken"),
        Case("TIFF, cut short", "a.tif", saved(RGB, "TIFF")[:-400], said="is broken"),
        Case("GIF, cut short", "a.gif", saved(_palette(), "GIF")[:-30], said="is broken"),
        Case("BMP, cut short", "a.bmp", saved(RGB, "BMP")[:-30], said="is broken"),
        Case("PPM, cut short", "a.ppm", saved(RGB, "PPM")[:-30], said="is broken"),
        Case(
            "PNG of 100,000 x 100,000 pixels",
            "a.png",
            png(100_000, 100_000, 8, 0, b""),
            said="is gigantic",
        ),
        Case(
            "PNG of 11,000 x 10,000 pixels",
            "a.png",
            png(11_000, 10_000, 8, 0, b""),
            said="is gigantic",
        ),
        Case(
            "TIFF, 32 bit",
            "a.tif",
            saved(GREY.astype(np.int32) * 1000, "TIFF"),
            said="which are not 16 bits",
        ),
        Case(
            "TIFF, floats up to 180",
            "a.tif",
            saved(GREY.astype(np.float32), "TIFF"),
            said="which are not floats in [0, 1]",
        ),
        Case(
            "TIFF, not a number",
            "a.tif",
            saved(np.full((SIZE, SIZE), np.nan, np.float32), "TIFF"),
            said="which are not floats in [0, 1]",
        ),
    ]


WHOLE, SEVERAL_FRAMES, BROKEN = _whole(), _of_several_frames(), _broken()
