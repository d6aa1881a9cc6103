"""What a reader explores: every test image through two runs, and the map of each run's latent."""

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from autoencoder.analysis.plotting import class_colors
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write.sprites import sprite

# Points of maps, and pictures of reconstructions, that a page of few or of many images carries:
# shared out over its runs, so that its size is bounded however many there are.
POINTS = {"few": 45_000, "many": 1_000_000}
PICTURES = {"few": 7_500, "many": 60_000}
NEIGHBOURS = 5
# Of a larger test set, only the images that are in the maps have their errors in the page.
MOST_ERRORS = 20_000
# Coordinates are whole numbers up to this, finer than the pixels of a screen.
SPAN = 60_000
# Stands for what is not a number.
NONE = 65_535
# Errors are written as logarithms: from 10 to this power in equal steps, of less than 0.1 %.
LEAST, DECADES = -8.0, 10.0


def explorer(runs: Sequence[Evaluation], images: str = "few") -> dict[str, Any]:
    """All of it, as JSON has it; empty if no run has a map.

    Args:
        runs: In the order in which they are offered.
        images: `few` or `many` of them.
    """
    mapped = [run for run in runs if len(run.map_indices)]
    keys = list(dict.fromkeys(run.data_key for run in mapped))
    of_key = {key: [run for run in mapped if run.data_key == key] for key in keys}
    points = max(100, POINTS[images] // max(1, len(mapped)))
    pictures = max(40, PICTURES[images] // max(1, len(mapped)))
    sets: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for number, members in enumerate(of_key.values()):
        common = _common(members)
        kept = common[_spread(len(common), points)]
        pictured = np.sort(_telling(members, kept, pictures))
        sets.append(_data_set(members[0], kept, pictured))
        found += [{"set": number, **_run(run, kept, pictured)} for run in members]
    coded = {"span": SPAN, "none": NONE, "least": LEAST, "decades": DECADES, "of": NEIGHBOURS}
    return {**coded, "sets": sets, "runs": found} if found else {}


def _common(runs: Sequence[Evaluation]) -> NDArray[np.int64]:
    """The test images that are in the maps of all runs."""
    common = runs[0].map_indices
    for run in runs[1:]:
        common = np.intersect1d(common, run.map_indices)
    return common


def _spread(n: int, most: int) -> NDArray[np.int64]:
    """Places of at most so many of n things, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def _telling(
    runs: Sequence[Evaluation], indices: NDArray[np.int64], most: int
) -> NDArray[np.int64]:
    """Which of the images are pictured: half that tell runs apart most, half evenly spread."""
    if len(indices) <= most:
        return indices
    errors = np.array([np.log(run.image_mse[indices] + 1e-12) for run in runs])
    errors -= np.nanmedian(errors, axis=1, keepdims=True)
    order = np.argsort(-np.nan_to_num(errors.max(axis=0) - errors.min(axis=0)), kind="stable")
    telling, others = order[: most // 2], np.sort(order[most // 2 :])
    evenly = others[_spread(len(others), most - len(telling))]
    chosen: NDArray[np.int64] = indices[np.concatenate([telling, evenly])]
    return chosen


def _data_set(
    run: Evaluation, kept: NDArray[np.int64], pictured: NDArray[np.int64]
) -> dict[str, Any]:
    """What the runs on one data set share."""
    places = _places(run, kept)
    sheet = sprite(run.map_images[places])
    labels = np.asarray(run.labels)
    labelled = len(labels) == len(run.image_mse) and len(np.unique(labels)) > 1
    names = list(run.classes) if labelled else []
    names += [str(label) for label in range(len(names), labels.max() + 1)] if labelled else []
    return {
        "name": run.data.get("name", "data"),
        "classes": names,
        "colors": class_colors(max(1, len(names))),
        "every": _every(run),
        "labels": _packed(labels if _every(run) else labels[kept]) if labelled else "",
        "indices": kept.tolist(),
        "pictured": _packed(np.searchsorted(kept, pictured)),
        "sprite": sheet._asdict(),
    }


def _run(run: Evaluation, kept: NDArray[np.int64], pictured: NDArray[np.int64]) -> dict[str, Any]:
    places = _places(run, kept)
    return {
        "label": run.label,
        "group": run.group,
        "noisy": not np.array_equal(run.shown.images, run.shown.corrupted),
        "errors": _packed(_logarithms(run.image_mse if _every(run) else run.image_mse[kept])),
        "pca": _packed(_coordinates(run.pca_map[places])),
        "tsne": _packed(_coordinates(run.tsne_map[places])),
        "trustworthiness": {
            method: round(value, 4)
            for method, value in run.map_trustworthiness.items()
            if math.isfinite(value)
        },
        "neighbours": _packed(_neighbours(run.latents[kept])),
        "sprite": sprite(run.map_reconstructions[_places(run, pictured)])._asdict(),
    }


def _every(run: Evaluation) -> bool:
    """Whether the page has the error of every test image."""
    return len(run.image_mse) <= MOST_ERRORS


def _places(run: Evaluation, indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where images are among those of the run's map."""
    order = np.argsort(run.map_indices)
    return np.asarray(order[np.searchsorted(run.map_indices, indices, sorter=order)])


def _neighbours(latents: NDArray[np.float32]) -> NDArray[np.int64]:
    """The nearest in the latent of each of the points: (n, k) of their places, nearest first."""
    k = min(NEIGHBOURS, len(latents) - 1)
    points = np.asarray(latents).reshape(len(latents), -1)
    if k < 1 or not np.isfinite(points).all():
        return np.full((len(latents), NEIGHBOURS), NONE)
    found = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
    nearest = found.kneighbors(return_distance=False)
    return np.pad(nearest, ((0, 0), (0, NEIGHBOURS - k)), constant_values=NONE)


def _coordinates(points: NDArray[np.float32]) -> NDArray[np.int64]:
    """Both coordinates of each point, from 0 to `SPAN` in their proportions."""
    known = np.isfinite(points).all(axis=1)
    scaled = np.full(points.shape, NONE, np.int64)
    if known.any():
        low, high = points[known].min(axis=0), points[known].max(axis=0)
        extent = float((high - low).max()) or 1.0
        centred = (points[known] - (low + high) / 2) / extent + 0.5
        scaled[known] = (centred * SPAN).round()
    return scaled


def _logarithms(errors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Errors as steps of their logarithm."""
    values = np.asarray(errors, np.float64)
    steps = (np.log10(values.clip(10**LEAST)) - LEAST) / DECADES * (NONE - 1)
    return np.where(np.isfinite(values), steps.clip(0, NONE - 1).round(), NONE).astype(np.int64)


def _packed(values: NDArray[np.int64]) -> str:
    """Whole numbers below 65,536 as bytes, in letters; larger ones are an error."""
    assert values.size == 0 or (values.min() >= 0 and values.max() <= NONE)
    return base64.b64encode(np.ascontiguousarray(values, "<u2").tobytes()).decode()
