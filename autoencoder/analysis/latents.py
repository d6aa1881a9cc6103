"""Latents as they are: whose neighbours they keep, how they cluster, how much of them is used.

Every function raises ValueError for arrays that are empty, hold NaN or infinity, have no axis
besides that of the points, or don't match in shape. The same seed and number of points give the
same subset.
"""

from typing import NamedTuple

import numpy as np
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.metrics import silhouette_score

from autoencoder.analysis.arrays import Array, labels_of, moments, points_of, subset


def trustworthiness(
    images: Array,
    latents: Array,
    *,
    n_neighbors: int = 5,
    max_points: int = 2000,
    seed: int = 0,
) -> float:
    """Trustworthiness in [0, 1]: whether the neighbours of a latent are neighbours as images.

    1 where every one of the `n_neighbors` nearest latents is among as many nearest images
    (Venna and Kaski, 2001, through `sklearn.manifold.trustworthiness`).

    Args:
        images: `(N, ...)`.
        latents: `(N, ...)` of the same images.
        n_neighbors: Below half the number of points that are used.
        max_points: How many points are used; memory and time grow with its square.
        seed: Of the choice of points.
    """
    originals, codes = points_of(images, "images"), points_of(latents, "latents")
    if len(originals) != len(codes):
        raise ValueError(f"{len(originals)} images, but {len(codes)} latents")
    chosen = subset(len(codes), max_points, seed)
    if not 1 <= n_neighbors < len(chosen) / 2:
        raise ValueError(
            f"n_neighbors must be at least 1 and below half of {len(chosen)} points, "
            f"got {n_neighbors}"
        )
    return float(sklearn_trustworthiness(originals[chosen], codes[chosen], n_neighbors=n_neighbors))


def silhouette(latents: Array, labels: Array, *, max_points: int = 2000, seed: int = 0) -> float:
    """Mean silhouette in [-1, 1] of the classes as clusters (Rousseeuw, 1987); 0 if all coincide.

    Args:
        latents: `(N, ...)`.
        labels: `(N,)`; in the points used, two classes or more, and fewer than points.
        max_points: How many points are used; time grows with its square.
        seed: Of the choice of points.

    Example:
        >>> silhouette(np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0, 0, 1, 1]))
        1.0
    """
    points = points_of(latents, "latents")
    classes = labels_of(labels, len(points))
    chosen = subset(len(points), max_points, seed)
    n_classes = len(np.unique(classes[chosen]))
    if not 2 <= n_classes < len(chosen):
        raise ValueError(
            f"a silhouette needs two classes or more, and fewer than points: "
            f"got {n_classes} in {len(chosen)} points"
        )
    return float(silhouette_score(points[chosen], classes[chosen]))


class LatentUse(NamedTuple):
    """How much of its latent a model uses.

    Attributes:
        variances: `(D,)`, the variance of each latent dimension (divisor N - 1).
        dead_units: How many dimensions have at most `threshold` of the largest variance: all of
            them, if the latent is constant.
        participation_ratio: The effective number of dimensions, from 1 (a line) to D (a ball); 0
            for a constant latent.
    """

    variances: Array
    dead_units: int
    participation_ratio: float


def latent_use(latents: Array, *, threshold: float = 1e-4) -> LatentUse:
    r"""How much of the latent is used: variances, dead units and the participation ratio.

    With `l_i` the eigenvalues of the covariance C, the participation ratio is
    `(sum_i l_i)^2 / sum_i l_i^2 = trace(C)^2 / |C|_F^2` (Gao et al., "A theory of multineuronal
    dimensionality, dynamics and measurement", 2017).

    Args:
        latents: `(N, ...)`.
        threshold: The share of the largest variance up to which a unit is dead. The weakest of 256
            principal components of Fashion-MNIST has 6.5e-4 of the first one's: weak, not dead.

    Example:
        >>> latent_use(np.array([[0.0, 0.0, 5.0], [2.0, 2.0, 5.0], [4.0, 4.0, 5.0]]))
        LatentUse(variances=array([4., 4., 0.]), dead_units=1, participation_ratio=1.0)
    """
    _, covariance = moments(points_of(latents, "latents"))
    variances = covariance.diagonal().copy()
    squares = float((covariance**2).sum())
    return LatentUse(
        variances,
        int((variances <= threshold * variances.max()).sum()),
        float(variances.sum() ** 2 / squares) if squares > 0 else 0.0,
    )
