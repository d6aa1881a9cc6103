"""A gallery's pictures as blocks of images, with what each row and column is."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from autoencoder.analysis import walks
from autoencoder.analysis.gallery import Gallery, Pixels
from autoencoder.analysis.plotting import Array, ImageBlock, shortened
from autoencoder.data.packed import UNLABELLED

_COLUMNS = 16


def samples(gallery: Gallery, title: str, n_rows: int) -> ImageBlock:
    """The first rows of samples."""
    shown = _floats(gallery.samples[: n_rows * _COLUMNS])
    rows = {
        f"samples {first + 1}\N{EN DASH}{min(first + _COLUMNS, len(shown))}": shown[
            first : first + _COLUMNS
        ]
        for first in range(0, len(shown), _COLUMNS)
    }
    return ImageBlock(title, (), rows)


def test_images(gallery: Gallery) -> ImageBlock:
    """Real images, to compare samples with."""
    return ImageBlock("", (), {"test images": _floats(gallery.test_images)})


def interpolations(
    gallery: Gallery, title: str, classes: Sequence[str], n_pairs: int
) -> list[ImageBlock]:
    """For each pair, the line and the arc between its two test images, which are beside them."""
    blocks: list[ImageBlock] = []
    for pair in range(min(n_pairs, len(gallery.ends))):
        steps = gallery.linear.shape[1]
        shares = [str(Fraction(step, steps - 1)) for step in range(steps)]
        start, end = _floats(gallery.ends[pair])[:, None]
        rows = {
            name: np.concatenate([start, _floats(way[pair]), end])
            for name, way in (("linear", gallery.linear), ("spherical", gallery.spherical))
        }
        headings = ["test image", *shares, "test image"] if not blocks else ()
        text = f"pair {pair + 1}"
        if classes != UNLABELLED:
            text = " to ".join(shortened(classes[k], 24) for k in gallery.end_labels[pair])
        blocks.append(ImageBlock(f"{title}: {text}", headings, rows))
    return blocks


def traversed(gallery: Gallery, title: str) -> ImageBlock:
    """The test image whose latent traversals change."""
    return ImageBlock(title, (), {"test image": _floats(gallery.traversed)})


def traversals(gallery: Gallery, title: str, n_rows: int) -> ImageBlock:
    """For each dimension, the latent with other values of it."""
    rows = {
        f"dimension {dimension + 1} (variance {variance:.2f})": _floats(row)
        for dimension, variance, row in zip(
            gallery.dimensions[:n_rows], gallery.variances, gallery.traversals, strict=False
        )
    }
    headings = [f"{value:+g}" if value else "0" for value in gallery.values]
    return ImageBlock(title, headings, rows)


def class_grid(gallery: Gallery, title: str, classes: Sequence[str]) -> ImageBlock:
    """A class a row, a latent a column."""
    n_styles = gallery.class_grid.shape[1]
    names = [shortened(name, 18) for name in classes]
    rows = zip(names, map(_floats, gallery.class_grid), strict=False)
    return ImageBlock(title, [f"style {n}" for n in range(1, n_styles + 1)], dict(rows))


def manifold(gallery: Gallery, title: str) -> ImageBlock:
    """The plane of a two-dimensional latent, its axes beside it."""
    values = walks.manifold(len(gallery.manifold))[0, :, 0].tolist()
    rows = {
        f"{second:+.2f}": _floats(row)
        for second, row in zip(values[::-1], gallery.manifold, strict=True)
    }
    return ImageBlock(title, [f"{first:+.2f}" for first in values], rows)


def neighbours(gallery: Gallery, title: str) -> ImageBlock:
    """Samples above the training images that are nearest to them, with their distance."""
    rows = _floats(gallery.neighbours).swapaxes(0, 1)
    names = ("sample", "nearest training image")
    headings = [f"{error:.4f}" for error in gallery.neighbour_mse]
    return ImageBlock(title, headings, dict(zip(names, rows, strict=True)))


def _floats(pixels: Pixels) -> Array:
    return pixels.astype(np.float32) / np.float32(255)
