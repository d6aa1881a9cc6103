"""Pictures: functions that return a matplotlib Figure and touch no file."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

Array = NDArray[np.float32]


def loss_curve(epochs: Sequence[int], curves: Mapping[str, Sequence[float]]) -> Figure:
    """Losses against epochs, on a logarithmic axis.

    Args:
        epochs: Epochs completed, from 1.
        curves: Values of each curve by its label; NaN where an epoch has none.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for label, values in curves.items():
        known = np.isfinite(values)
        marker = "o" if len(epochs) < 2 else None
        axes.plot(np.asarray(epochs)[known], np.asarray(values)[known], label=label, marker=marker)
    axes.set_yscale("log")
    axes.yaxis.set_minor_formatter("{x:.2g}")
    axes.yaxis.set_major_formatter("{x:.2g}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="epoch", ylabel="loss", title="Loss")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    return figure


def reconstruction_rows(
    images: Array, corrupted: Array, reconstructions: Array, row_names: Sequence[str]
) -> Figure:
    """A row of examples a class: input, corrupted input where there is one, reconstruction.

    Args:
        images: Clean images (rows, examples, C, H, W) in [0, 1].
        corrupted: What the encoder saw, of the same shape.
        reconstructions: What the decoder made of it, of the same shape.
        row_names: A name for each row.
    """
    columns = {"input": images, "corrupted": corrupted, "reconstruction": reconstructions}
    if np.array_equal(images, corrupted):
        del columns["corrupted"]
    n_rows, n_examples, _, height, width = images.shape
    gap = max(2, width // 8)
    strips = [
        [np.clip(values[:, example], 0, 1) for values in columns.values()]
        for example in range(n_examples)
    ]
    # One picture rather than hundreds of axes: drawn in a tenth of the time.
    cell, step = width + 2, len(columns) * (width + 2) + gap
    channels = images.shape[2]
    sheet = np.ones((n_rows * (height + 2), n_examples * step - gap, channels), np.float32)
    for example, strip in enumerate(strips):
        for column, values in enumerate(strip):
            left = example * step + column * cell
            for row in range(n_rows):
                top = row * (height + 2)
                sheet[top : top + height, left : left + width] = np.moveaxis(values[row], 0, -1)
    aspect = sheet.shape[0] / sheet.shape[1]
    figure = Figure(figsize=(10, 9 * aspect + 0.8), layout="constrained")
    axes = figure.subplots()
    if channels == 1:
        axes.imshow(sheet[..., 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    else:
        axes.imshow(sheet[..., :3], interpolation="nearest")
    axes.set_yticks([row * (height + 2) + height / 2 for row in range(n_rows)], row_names)
    axes.set_xticks(
        [
            example * step + column * cell + width / 2
            for example in range(n_examples)
            for column in range(len(columns))
        ],
        list(columns) * n_examples,
        rotation=30,
        ha="left",
        fontsize=8,
    )
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
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
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots()
    colors = colormaps["tab10" if len(classes) <= 10 else "turbo"].resampled(max(len(classes), 10))
    axes.scatter(points[:, 0], points[:, 1], c=colors(labels), s=6, alpha=0.7, linewidths=0)
    handles = [
        Line2D([], [], color=colors(label), marker="o", linestyle="", label=name)
        for label, name in enumerate(classes)
    ]
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.set(title=title, xticks=[], yticks=[])
    return figure
