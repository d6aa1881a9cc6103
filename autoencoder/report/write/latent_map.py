"""The interactive map of latents: a piece of HTML that needs nothing beside itself."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from autoencoder.analysis.plotting import class_colors
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write.templates import rendered

# Coordinates are whole numbers up to this: finer than the pixels of a screen.
_SPAN = 2000
# Pixels a side of a thumbnail; larger images are scaled down.
_THUMBNAIL = 32


def render(evaluations: Sequence[Evaluation]) -> Markup:
    """The map of all runs: pointing at a mark shows its image, class and error.

    The page's reader chooses the run, PCA or t-SNE, and the classes. The images of a data set are
    one PNG, however many runs there are.

    Args:
        evaluations: The runs, in the order in which they are offered.

    Returns:
        HTML to put into a page once; nothing if no run has a map.
    """
    runs = [run for run in evaluations if len(run.map_indices)]
    if not runs:
        return Markup()
    keys = list(dict.fromkeys(run.data_key for run in runs))
    sets, shared = [], {}
    for key in keys:
        members = [run for run in runs if run.data_key == key]
        shared[key] = np.unique(np.concatenate([run.map_indices for run in members]))
        sets.append(_data_set(members, shared[key]))
    data = {
        "span": _SPAN,
        "sets": sets,
        "runs": [_run(run, keys.index(run.data_key), shared[run.data_key]) for run in runs],
    }
    return rendered("latent_map", data=data)


def _data_set(runs: Sequence[Evaluation], indices: NDArray[np.int64]) -> dict[str, Any]:
    """What the runs on one data set share: labels and images of those indices."""
    images = np.empty((len(indices), *runs[0].image_shape), np.uint8)
    for run in runs:
        images[np.searchsorted(indices, run.map_indices)] = run.map_images
    columns = math.ceil(math.sqrt(len(images)))
    sprite, thumbnail = _sprite(images, columns)
    return {
        "classes": runs[0].classes,
        "colors": class_colors(len(runs[0].classes)),
        "labels": runs[0].labels[indices].tolist(),
        "indices": indices.tolist(),
        "columns": columns,
        "thumbnail": thumbnail,
        "sprite": sprite,
    }


def _run(run: Evaluation, data_set: int, indices: NDArray[np.int64]) -> dict[str, Any]:
    """One run's maps; its points are rows of the data set, or all of them."""
    everything = np.array_equal(indices, run.map_indices)
    return {
        "label": run.label,
        "set": data_set,
        "rows": None if everything else np.searchsorted(indices, run.map_indices).tolist(),
        "pca": _coordinates(run.pca_map),
        "tsne": _coordinates(run.tsne_map),
        "trustworthiness": {
            method: round(value, 4)
            for method, value in run.map_trustworthiness.items()
            if math.isfinite(value)
        },
        "mse": [
            round(error, 5) if math.isfinite(error) else None
            for error in run.image_mse[run.map_indices].tolist()
        ],
    }


def _coordinates(points: NDArray[np.float32]) -> list[int | None]:
    """Both coordinates of each point in turn, from 0 to `_SPAN`; None where not finite."""
    known = np.isfinite(points[:, 0] + points[:, 1])
    if not known.any():
        return [None] * (2 * len(points))
    low, high = points[known].min(axis=0), points[known].max(axis=0)
    middle, extent = (low + high) / 2, float((high - low).max()) or 1.0
    scaled = np.zeros(points.shape)
    scaled[known] = ((points[known] - middle) / extent + 0.5) * _SPAN
    return [
        value if finite else None
        for place, finite in zip(scaled.round().astype(int).tolist(), known.tolist(), strict=True)
        for value in place
    ]


def _sprite(images: NDArray[np.uint8], columns: int) -> tuple[str, tuple[int, int]]:
    """The images in rows as the address of a PNG, and the width and height of each in it."""
    n, channels, height, width = images.shape
    # Grey, or the first three channels as colours.
    pixels = np.moveaxis(images[:, :3] if channels > 2 else images[:, :1], 1, -1)
    scale = min(1.0, _THUMBNAIL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    mode = "RGB" if channels > 2 else "L"
    sheet = Image.new(mode, (columns * size[0], -(-n // columns) * size[1]))
    for index, image in enumerate(pixels):
        thumbnail = Image.fromarray(image if mode == "RGB" else image[..., 0])
        if scale < 1:
            thumbnail = thumbnail.resize(size, Image.Resampling.BOX)
        sheet.paste(thumbnail, (index % columns * size[0], index // columns * size[1]))
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", size
