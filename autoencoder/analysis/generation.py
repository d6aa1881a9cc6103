"""Measures of generated images against real ones.

Pure functions on tensors. Features of N images are `(N, D)`; distances and moments are computed
in float64. Every function raises ValueError for features that are no matrix, hold NaN or
infinity, are too few, or don't match in size.
"""

from typing import NamedTuple

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

# Distances are computed from this many points at a time: memory grows with their number.
_BLOCK = 1000


def frechet_distance(features: Tensor, others: Tensor) -> float:
    r"""Squared Frechet distance of two Gaussians fitted on features; 0 if they are the same.

    `|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^{1/2})` with means m and covariances C (Dowson &
    Landau, 1982). Of the features of Inception-v3 it is the FID (Heusel et al., 2017); of other
    features it is another number. It is biased upwards, more so for fewer points: compare what
    was measured with as many.

    Args:
        features: `(N, D)`, of 2 points or more.
        others: `(M, D)`, of 2 points or more.

    Example:
        >>> line = torch.linspace(-1, 1, 5)[:, None]
        >>> round(frechet_distance(line, line + 3), 6)
        9.0
    """
    mean, covariance = _moments(_points(features, 2))
    other_mean, other_covariance = _moments(_points(others, 2, features))
    # C_a C_b has the eigenvalues of the symmetric R^T C_b R with C_a = R R^T, which are real and,
    # but for rounding, not negative.
    variances, vectors = torch.linalg.eigh(covariance)
    root = vectors * variances.clamp(min=0).sqrt()
    shared = torch.linalg.eigvalsh(root.T @ other_covariance @ root).clamp(min=0).sqrt().sum()
    means = (mean - other_mean).square().sum()
    distance = means + covariance.trace() + other_covariance.trace() - 2 * shared
    return float(distance.clamp(min=0))


class PrecisionRecall(NamedTuple):
    """How generated images cover real ones.

    Attributes:
        precision: Share of the generated images that lie among the real ones.
        recall: Share of the real images that lie among the generated ones.
    """

    precision: float
    recall: float


def precision_recall(real: Tensor, generated: Tensor, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al., 2019).

    A point lies among others if it is no further from one of them than that one's k-th nearest
    neighbour among them. Both depend on how many points there are: compare what was measured with
    as many.

    Args:
        real: `(N, D)`, of more than k points.
        generated: `(M, D)`, of more than k points.
        k: Neighbours.

    Example:
        >>> real = torch.arange(4.0)[:, None]
        >>> precision_recall(real, torch.tensor([[0.5], [1.5], [9.0], [9.1]]), k=1)
        PrecisionRecall(precision=0.5, recall=0.75)
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    a, b = _points(real, k + 1), _points(generated, k + 1, real)
    # Products of points far from 0 would cancel in the distances.
    centre = a.mean(0)
    a, b = a - centre, b - centre
    radii, generated_radii = _radii(a, k), _radii(b, k)
    covered = torch.zeros(len(b), dtype=torch.bool)
    recalled = 0
    for block, block_radii in zip(a.split(_BLOCK), radii.split(_BLOCK), strict=True):
        distances = torch.cdist(block, b)
        covered |= (distances <= block_radii[:, None]).any(0)
        recalled += int((distances <= generated_radii).any(1).sum())
    return PrecisionRecall(covered.double().mean().item(), recalled / len(a))


def nearest_distance(features: Tensor, others: Tensor) -> Tensor:
    """The distance (N,) of each point to the nearest of the others.

    Args:
        features: `(N, D)`.
        others: `(M, D)`.
    """
    points, among = _points(features, 1), _points(others, 1, features)
    # Squares of points far from 0 would cancel; what is left is exact enough in half the time.
    centre = among.mean(0)
    points, among = (points - centre).float(), (among - centre).float()
    return torch.cat([torch.cdist(block, among).amin(1) for block in points.split(_BLOCK)])


def nearer_share(distances: Tensor, of_unseen: Tensor) -> float:
    """How often a generated image is nearer to the training images than an unseen real one is.

    The chance that a distance of the first is less than one of the second, ties counting half: .5
    for images that are as near as unseen ones, 1 for copies (Mann & Whitney's U, as Meehan et al.,
    2020, "A Three Sample Test to Detect Data Copying", take it).

    Args:
        distances: `(N,)`, of generated images to the nearest training image.
        of_unseen: `(M,)`, of test images to theirs.

    Example:
        >>> nearer_share(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 2.0, 3.0]))
        0.75
    """
    both = torch.cat([distances, of_unseen])
    generated = torch.arange(len(both)) < len(distances)
    return float(roc_auc_score(generated, -both))


def _radii(points: Tensor, k: int) -> Tensor:
    """The distance (N,) of each point to its k-th nearest neighbour."""
    # The nearest of all is the point itself.
    nearest = [
        torch.cdist(block, points).topk(k + 1, dim=1, largest=False).values[:, k]
        for block in points.split(_BLOCK)
    ]
    return torch.cat(nearest)


def _moments(points: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (D,) and the covariance (D, D), divisor N - 1."""
    return points.mean(0), torch.cov(points.T).reshape(2 * points.shape[1:])


def _points(features: Tensor, least: int, like: Tensor | None = None) -> Tensor:
    """The features in float64; ValueError unless they can be measured."""
    if features.ndim != 2 or len(features) < least:
        raise ValueError(f"features must be (N, D) of {least} points or more: {features.shape}")
    if like is not None and features.shape[1] != like.shape[1]:
        raise ValueError(f"features of {features.shape[1]} numbers, and of {like.shape[1]}")
    if not features.isfinite().all():
        raise ValueError("features must be finite, got NaN or infinity")
    return features.double()
