"""Ratios as colours, in rows and columns."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

from autoencoder.analysis.plotting.style import literal, shortened


class Heat(NamedTuple):
    """Ratios in rows and columns, before they are drawn, as the arguments of `heat_map`.

    Attributes:
        values: The ratios (rows, columns); NaN where there is none.
        texts: What is written into each cell.
        row_names: A name for each row.
        column_names: A name for each column.
        bar_label: What the colour means.
    """

    values: NDArray[np.float64]
    texts: Sequence[Sequence[str]]
    row_names: Sequence[str]
    column_names: Sequence[str]
    bar_label: str


@literal
def heat_map(
    values: NDArray[np.float64],
    texts: Sequence[Sequence[str]],
    row_names: Sequence[str],
    column_names: Sequence[str],
    bar_label: str,
) -> Figure:
    """Ratios (rows, columns) as colours around 1, with a text in each cell.

    Args:
        values: The ratios; NaN leaves a cell grey.
        texts: What is written into each cell.
        row_names: A name for each row.
        column_names: A name for each column.
        bar_label: What the colour means.
    """
    rows, columns = values.shape
    names = [shortened(name, 40) for name in row_names]
    cell = min(0.7, 8 / columns)
    margin = 0.085 * max(len(name) for name in names)
    figure = Figure(
        figsize=(max(cell * columns + margin + 0.8, 5), 0.36 * rows + 2), layout="constrained"
    )
    axes = figure.subplots()
    colors = colormaps["PuOr_r"].with_extremes(bad="#d1d5db")
    shown = np.log2(values, out=np.full(values.shape, np.nan), where=values > 0)
    picture = axes.imshow(shown, cmap=colors, vmin=-1.6, vmax=1.6, aspect="auto")
    for row in range(rows):
        for column in range(columns) if cell > 0.35 else ():
            ink = "white" if abs(shown[row, column]) > 1.1 else "black"
            place = (column, row)
            axes.text(*place, texts[row][column], ha="center", va="center", color=ink, size=8.5)
    axes.set_yticks(range(rows), names)
    axes.set_xticks(range(columns), column_names, rotation=35, ha="right", rotation_mode="anchor")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    ticks = [1 / 3, 1 / 2, 1 / 1.4, 1, 1.4, 2, 3]
    bar = figure.colorbar(picture, ax=axes, ticks=np.log2(ticks), fraction=0.04, pad=0.02)
    bar.ax.set_yticklabels(["1/3", "1/2", "1/1.4", "1", "1.4", "2", "3"], size=8)
    bar.set_label(textwrap.fill(bar_label, 18), size=8)
    bar.outline.set_visible(False)
    return figure
