"""Images in rows and columns, side by side."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.analysis.plotting.style import literal

Array = NDArray[np.float32]
# The absolute error at which its colour is brightest: one scale for all runs of all reports.
LARGEST_ERROR = 0.5
# Inches that a figure is wide at the most, and that a letter of a title takes.
_WIDEST = 10
_LETTER = 0.1


class ImageBlock(NamedTuple):
    """Rows of images under one title.

    Attributes:
        title: What they are; none if empty.
        headings: A text above each column; no line is kept for them if there are none.
        rows: Images (n, C, H, W) in [0, 1] by the name of their row. Those of shape (n, H, W) are
            errors, and drawn in false colours from 0 to `LARGEST_ERROR`.
    """

    title: str
    headings: Sequence[str]
    rows: Mapping[str, Array]


@literal
def image_blocks(blocks: Sequence[ImageBlock], cell: float = 0.8) -> Figure:
    """Blocks of images below each other.

    Args:
        blocks: Their images are all of the same height and width.
        cell: Inches of an image's width, or less where there are many columns.
    """
    # Everything is placed in inches, on one pair of axes: axes for each image would take seconds.
    n_columns = max(len(row) for block in blocks for row in block.rows.values())
    names = [name for block in blocks for name in block.rows]
    left = 0.15 + 0.075 * max(len(name) for name in names)
    cell = min(cell, (_WIDEST - left) / n_columns)
    height, width = next(iter(blocks[0].rows.values())).shape[-2:]
    cell_height = cell * height / width
    figure = Figure()
    axes = figure.add_axes((0, 0, 1, 1))
    total, top = left + n_columns * cell + 0.05, 0.05
    for block in blocks:
        for line in textwrap.wrap(block.title, int(_WIDEST / _LETTER) - 1):
            axes.text(0.05, top + 0.14, line, weight="bold", size=10, va="center")
            total = max(total, 0.1 + _LETTER * len(line))
            top += 0.2
        if block.title:
            top += 0.1
        if block.headings:
            lines = max(heading.count("\n") + 1 for heading in block.headings)
            top += 0.05 + 0.14 * lines
            for column, heading in enumerate(block.headings):
                x = left + (column + 0.5) * cell
                axes.text(x, top - 0.03, heading, size=7.5, ha="center", va="bottom")
        for name, images in block.rows.items():
            axes.text(left - 0.07, top + cell_height / 2, name, size=9, ha="right", va="center")
            right = left + len(images) * cell
            axes.imshow(
                _strip(images),
                extent=(left, right, top + cell_height, top),
                interpolation="nearest",
            )
            top += cell_height
        top += 0.15
    figure.set_size_inches(total, top)
    axes.set(xlim=(0, total), ylim=(top, 0), aspect="auto")
    axes.set_axis_off()
    return figure


def _strip(images: Array) -> Array:
    """Images side by side (H, n * W, 3), with a thin white frame; errors in false colours."""
    if images.ndim == 3:
        shown = colormaps["magma"](np.nan_to_num(images) / LARGEST_ERROR)[..., :3]
    else:
        shown = np.moveaxis(np.nan_to_num(images.clip(0, 1)), 1, -1)
        # One or two channels are shown as grey, and of many the first three.
        shown = shown[..., :3] if shown.shape[-1] > 2 else shown.mean(-1, keepdims=True)
        shown = np.broadcast_to(shown, (*shown.shape[:3], 3))
    # Magnified, so that the frame is thin beside a pixel.
    scale = max(1, 112 // images.shape[-1])
    shown = shown.repeat(scale, axis=1).repeat(scale, axis=2).astype(np.float32)
    frame = 2
    shown = np.pad(shown, ((0, 0), (frame, frame), (frame, frame), (0, 0)), constant_values=1)
    return np.concatenate(list(shown), axis=1)
