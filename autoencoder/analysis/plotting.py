"""Pictures: functions that return a matplotlib Figure and touch no file."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

Array = NDArray[np.float32]

# Okabe and Ito's palette, which colour-blind readers can tell apart, less its yellow and sky blue:
# too pale for a line on white.
RUN_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#7f5fd3")
RUN_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# Paul Tol's "muted" scheme, safe for colour-blind readers as well, and his orange; ordered so that
# the tops of Fashion-MNIST, which lie among each other, differ most.
CLASS_COLORS = (
    "#332288", "#ddcc77", "#cc6677", "#88ccee", "#117733",
    "#882255", "#ee7733", "#999933", "#aa4499", "#44aa99",
)  # fmt: skip
FLOOR_COLOR = "#6b7280"
# The absolute error at which its colour is brightest: one scale for all runs of all reports.
LARGEST_ERROR = 0.5
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
    """

    x: Sequence[float]
    y: Sequence[float]
    label: str = ""
    color: str = FLOOR_COLOR
    linestyle: str = "-"
    marker: str = ""
    filled: bool = True


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


def run_style(index: int) -> tuple[str, str]:
    """Colour and marker of the run of that number: 49 pairs before they repeat."""
    n = len(RUN_COLORS)
    return RUN_COLORS[index % n], RUN_MARKERS[(index // n) % len(RUN_MARKERS)]


def class_colors(n: int) -> list[str]:
    """A colour for each of n classes, as #rrggbb."""
    if n <= len(CLASS_COLORS):
        return list(CLASS_COLORS[:n])
    return [to_hex(color) for color in colormaps["turbo"](np.linspace(0.03, 0.97, n))]


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
    _legend_below(figure, lines)
    return figure


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
    cell = min(cell, (10 - left) / n_columns)
    height, width = next(iter(blocks[0].rows.values())).shape[-2:]
    cell_height = cell * height / width
    figure = Figure()
    axes = figure.add_axes((0, 0, 1, 1))
    top = 0.05
    for block in blocks:
        if block.title:
            axes.text(0.05, top + 0.14, block.title, weight="bold", size=10, va="center")
            top += 0.3
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
    total = left + n_columns * cell + 0.05
    figure.set_size_inches(total, top)
    axes.set(xlim=(0, total), ylim=(top, 0), aspect="auto")
    axes.set_axis_off()
    return figure


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
    # A legend of hundreds would be larger than the maps.
    handles = [
        Line2D([], [], color=colors[label], marker="o", linestyle="", label=classes[label])
        for label in present[:60]
    ]
    _legend_below(figure, handles)
    return figure


def shortened(text: str, length: int) -> str:
    """The text, or its beginning and end if it is longer: runs often differ at the end."""
    if len(text) <= length:
        return text
    end = length // 3
    return f"{text[: length - end - 1]}\N{HORIZONTAL ELLIPSIS}{text[-end:]}"


def _legend_below(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Adds a legend of what has a label below the axes, and makes the figure higher by as much."""
    handles = [line for line in handles if not str(line.get_label()).startswith("_")]
    if not handles:
        return
    width, height = figure.get_size_inches()
    for handle in handles:
        handle.set_label(shortened(str(handle.get_label()), 66))
    longest = max(len(str(handle.get_label())) for handle in handles)
    # Inches that a column takes at this size of letters, with its line and gaps.
    columns = max(1, min(len(handles), int(width / (0.085 * longest + 0.6))))
    # Evenly filled: 6 entries in two rows of 3, not of 5 and 1.
    lines = -(-len(handles) // columns)
    columns = -(-len(handles) // lines)
    figure.set_size_inches(width, height + 0.21 * lines)
    figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, frameon=False, fontsize=9
    )


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
