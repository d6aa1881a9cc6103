"""Lines on a pair of axes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from autoencoder.analysis.plotting.style import FLOOR_COLOR, legend_below, literal, run_style

_WIDTH = 6.2  # inches of a figure that isn't made of pictures


class Curve(NamedTuple):
    """A line of a plot.

    Attributes:
        x: Where its points are.
        y: Their values; those that are NaN or infinite are left out.
        label: Its line in the legend; none if empty.
        color: Any colour matplotlib knows.
        linestyle: As matplotlib has them.
        marker: A marker for each point; none if empty.
        filled: Whether the markers are filled.
        of: The runs that it is of, where they share its colour; none of a floor.
        what: Which of their numbers it is, where there are several.
    """

    x: Sequence[float]
    y: Sequence[float]
    label: str = ""
    color: str = FLOOR_COLOR
    linestyle: str = "-"
    marker: str = ""
    filled: bool = True
    of: str = ""
    what: str = ""


class Chart(NamedTuple):
    """Lines and their axes: what a plot shows, before it is drawn, as the arguments of `line_plot`.

    Attributes:
        curves: The lines, drawn in their order.
        x_label: What the horizontal axis is.
        y_label: What the vertical axis is.
        log_x: Whether the horizontal axis is logarithmic.
        log_y: Whether the vertical axis is logarithmic.
        whole_x: Whether the horizontal axis has ticks at whole numbers only.
        overcomplete_from: From where on the horizontal axis is shaded as overcomplete.
        level: A height that is marked by a line, and what it means.
    """

    curves: Sequence[Curve]
    x_label: str
    y_label: str
    log_x: bool = False
    log_y: bool = False
    whole_x: bool = False
    overcomplete_from: float | None = None
    level: tuple[float, str] | None = None


def loss_curve(epochs: Sequence[int], curves: Mapping[str, Sequence[float]]) -> Figure:
    """Losses of one run against epochs, on a logarithmic axis where none is negative.

    Args:
        epochs: Epochs completed, from 1.
        curves: Values of each curve by its label; NaN where an epoch has none.
    """
    lines = [
        Curve(epochs, values, label, run_style(index)[0])
        for index, (label, values) in enumerate(curves.items())
    ]
    return line_plot(lines, "epoch", "loss", log_y=none_negative(lines), whole_x=True)


def none_negative(curves: Sequence[Curve]) -> bool:
    """Whether no height is negative, as losses of densities may be: they need a linear axis."""
    return not any(value < 0 for curve in curves for value in curve.y)


@literal
def line_plot(
    curves: Sequence[Curve],
    x_label: str,
    y_label: str,
    *,
    log_x: bool = False,
    log_y: bool = False,
    whole_x: bool = False,
    overcomplete_from: float | None = None,
    level: tuple[float, str] | None = None,
) -> Figure:
    """Lines on one pair of axes, with the legend below them.

    Args:
        curves: The lines, drawn in their order.
        x_label: What the horizontal axis is.
        y_label: What the vertical axis is.
        log_x: Whether the horizontal axis is logarithmic.
        log_y: Whether the vertical axis is logarithmic.
        whole_x: Whether the horizontal axis has ticks at whole numbers only.
        overcomplete_from: From where on the horizontal axis is shaded as overcomplete.
        level: A height that is marked by a line, and what it means.
    """
    figure = Figure(figsize=(_WIDTH, 3.9), layout="constrained")
    axes = figure.subplots()
    lines: list[Line2D] = []
    for curve in curves:
        x, y = np.asarray(curve.x, float), np.asarray(curve.y, float)
        known = np.isfinite(x) & np.isfinite(y)
        known &= ((x > 0) | (not log_x)) & ((y > 0) | (not log_y))
        # A line through one point is invisible.
        marker = curve.marker or ("o" if known.sum() == 1 else "")
        lines += axes.plot(
            x[known],
            y[known],
            label=curve.label or "_",
            color=curve.color,
            linestyle=curve.linestyle,
            marker=marker,
            markersize=6 if curve.filled else 9,
            # A hollow mark must not hide a filled one beneath it.
            markerfacecolor=curve.color if curve.filled else "none",
        )
    if level is not None:
        axes.axhline(level[0], color=FLOOR_COLOR, linestyle=":", linewidth=1)
        place = axes.get_yaxis_transform()
        axes.text(0.01, level[0], level[1], transform=place, color=FLOOR_COLOR, va="bottom", size=9)
    axes.set(xlabel=x_label, ylabel=y_label)
    for axis, log in ((axes.xaxis, log_x), (axes.yaxis, log_y)):
        if log:
            _log_axis(axis)
    if overcomplete_from is not None:
        _shade_overcomplete(axes, overcomplete_from)
    if whole_x and not log_x:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    legend_below(figure, lines)
    return figure


def _log_axis(axis: Axis) -> None:
    """Makes an axis logarithmic, with as many labelled ticks as can be read."""
    axes = axis.axes
    (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
    low, high = axis.get_view_interval()
    if high / low > 3:
        steps = (1,) if high / low > 2000 else (1, 2, 5) if high / low > 10 else (1, 2, 3, 5, 7)
        axis.set_major_locator(LogLocator(subs=steps, numticks=20))
    else:
        axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _shade_overcomplete(axes: Axes, start: float) -> None:
    """Shades the latent sizes from `start` on."""
    right = max(axes.get_xlim()[1], start * 1.6)
    axes.axvspan(start, right, color="#f3f4f6", zorder=0)
    axes.set_xlim(right=right)
    place = axes.get_xaxis_transform()
    text = "overcomplete"
    axes.text(
        start, 0.98, text, transform=place, rotation=90, va="top", ha="left", size=8,
        color=FLOOR_COLOR,
    )  # fmt: skip
