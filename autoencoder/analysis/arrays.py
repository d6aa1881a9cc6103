"""Arrays of images, latents and labels: how they are checked, cut into blocks and summed up.

An array of N images or latents has shape `(N, ...)` and is flattened to `(N, D)`; any real dtype is
taken, and what is summed over points is summed in float64. What can't be used raises ValueError.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# float64 copies are made of this many points at a time, not of a whole training set.
_BLOCK = 2048


def points_of(array: Array, name: str, size: int | None = None) -> Array:
    """The array as `(N, D)`, floating; ValueError unless it is real, finite and not empty."""
    array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be real numbers, got dtype {array.dtype}")
    if array.ndim < 2 or array.size == 0:
        raise ValueError(f"{name} must be (N, ...) and not empty, got shape {array.shape}")
    points = array.reshape(len(array), -1)
    if size is not None and points.shape[1] != size:
        raise ValueError(f"{name} must have {size} values a point, got shape {array.shape}")
    points = points.astype(np.result_type(array.dtype, np.float32), copy=False)
    if not np.isfinite(points).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return points


def pixels_of(array: Array, name: str, size: int, n_points: int) -> Array:
    """Images as `(n_points, size)`; ValueError unless in [0, 1], the range that is clipped to."""
    points = points_of(array, name, size)
    if len(points) != n_points:
        raise ValueError(f"{name} must hold {n_points} images, got {len(points)}")
    if points.min() < 0 or points.max() > 1:
        raise ValueError(f"{name} must be in [0, 1], got {points.min():g} to {points.max():g}")
    return points


def labels_of(labels: Array, n_points: int) -> Array:
    """The labels as an array; ValueError unless there is one for each point."""
    labels = np.asarray(labels)
    if labels.shape != (n_points,):
        raise ValueError(f"labels must be ({n_points},), one a point, got {labels.shape}")
    return labels


def subset(n_points: int, max_points: int | None, seed: int) -> Array:
    """Rising indices of at most `max_points` of the points, drawn without replacement."""
    if max_points is None or n_points <= max_points:
        return np.arange(n_points)
    if max_points < 1:
        raise ValueError(f"max_points must be at least 1, got {max_points}")
    return np.sort(np.random.default_rng(seed).choice(n_points, max_points, replace=False))


def blocks(n_points: int) -> Iterator[slice]:
    """Slices that cover the points in order."""
    return (slice(start, start + _BLOCK) for start in range(0, n_points, _BLOCK))


def moments(points: Array) -> tuple[Array, Array]:
    """The mean `(D,)` and covariance `(D, D)` (divisor N - 1; 0 for one point), in float64."""
    # Sums are taken from the first point, so that the variance of a constant is 0 and not the
    # rounding of its mean.
    origin = points[0].astype(np.float64)
    parts = [points[block] for block in blocks(len(points))]
    mean = origin + sum((part - origin).sum(axis=0) for part in parts) / len(points)
    scatter = np.zeros((len(mean), len(mean)))
    for part in parts:
        centred = part - mean
        scatter += centred.T @ centred
    return mean, scatter / max(len(points) - 1, 1)


def squared_error(reconstructions: Array, targets: Array, clip: bool) -> float:
    """The summed squared error of one block, in float64."""
    error = (reconstructions.clip(0, 1) if clip else reconstructions) - targets.astype(np.float64)
    return float(np.vdot(error, error))
