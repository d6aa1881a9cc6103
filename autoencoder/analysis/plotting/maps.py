"""Two-dimensional maps of latents, coloured by class."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from autoencoder.analysis.plotting.images import Array
from autoencoder.analysis.plotting.style import class_colors, legend_below, literal


class MapPanel(NamedTuple):
    """A two-dimensional map of latents.

    Attributes:
        title: What the map is.
        points: Coordinates (N, 2).
        labels: Class of each point (N,).
    """

    title: str
    points: Array
    labels: NDArray[np.int64]


def latent_map(
    points: Array, labels: NDArray[np.int64], classes: Sequence[str], title: str
) -> Figure:
    """A two-dimensional map of latents, coloured by class.

    Args:
        points: Coordinates (N, 2).
        labels: Class of each point (N,).
        classes: The name of each class.
        title: What the map is.
    """
    return latent_maps([[MapPanel(title, points, labels)]], classes)


@literal
def latent_maps(panels: Sequence[Sequence[MapPanel]], classes: Sequence[str]) -> Figure:
    """Maps of latents in rows and columns, with one legend below them.

    Args:
        panels: Rows of as many maps each.
        classes: The name of each class.
    """
    rows, columns = len(panels), len(panels[0])
    side = min(6.0, 11.0 / columns)
    figure = Figure(figsize=(side * columns, (side + 0.3) * rows), layout="constrained")
    colors = np.asarray(class_colors(len(classes)))
    for axes, panel in zip(
        figure.subplots(rows, columns, squeeze=False).flat,
        (panel for row in panels for panel in row),
        strict=True,
    ):
        # In random order, or the last class would hide the others.
        order = np.random.default_rng(0).permutation(len(panel.points))
        size = np.clip(20 * side**2 / max(len(order), 1) ** 0.5, 1.5, 20)
        x, y = panel.points[order].T
        axes.scatter(x, y, c=colors[panel.labels[order]], s=size, alpha=0.8, linewidths=0)
        length = max(20, int(13 * side))
        lines = [part for line in panel.title.split("\n") for part in textwrap.wrap(line, length)]
        axes.set_title("\n".join(lines), size=9)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color("#d1d5db")
    present = np.unique(np.concatenate([panel.labels for row in panels for panel in row]))
    # A legend of hundreds would be larger than the maps, and one of one class says nothing.
    handles = [
        Line2D([], [], color=colors[label], marker="o", linestyle="", label=classes[label])
        for label in present[: 60 if len(classes) > 1 else 0]
    ]
    legend_below(figure, handles)
    return figure
