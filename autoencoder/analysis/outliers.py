"""Outliers: how well a score tells images of classes that were never trained on from the others.

Scores are one number an image, more of it for the stranger. Every function raises ValueError for
arrays that are empty, hold NaN or infinity, or don't match in shape.
"""

import numpy as np
from sklearn.covariance import EmpiricalCovariance
from sklearn.metrics import roc_auc_score

from autoencoder.analysis.arrays import Array, labels_of, pixels_of, points_of
from autoencoder.analysis.pca import PrincipalComponents

# Of the floor: the best of 8, 16, 32, 64 and 128 on Fashion-MNIST.
COMPONENTS = 32


def auroc(scores: Array, strange: Array) -> float:
    """Area under the receiver operating characteristic: the chance that a stranger scores higher.

    Args:
        scores: `(N,)`.
        strange: `(N,)`, whether an image is of another class; both must occur.

    Example:
        >>> auroc(np.array([0.1, 0.4, 0.3, 0.9]), np.array([False, False, True, True]))
        0.75
    """
    wanted = labels_of(strange, len(scores))
    if len(np.unique(wanted)) != 2:
        raise ValueError("an AUROC needs images of both kinds")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite, got NaN or infinity")
    return float(roc_auc_score(wanted, scores))


def mahalanobis(train_latents: Array, latents: Array) -> Array:
    """The squared Mahalanobis distance (M,) of latents to the Gaussian of the training latents.

    Args:
        train_latents: `(N, ...)`.
        latents: `(M, ...)`.
    """
    train = points_of(train_latents, "train_latents").astype(np.float64)
    points = points_of(latents, "latents", train.shape[1]).astype(np.float64)
    # A pseudo-inverse: latents that don't vary in training have no distance.
    return np.asarray(EmpiricalCovariance().fit(train).mahalanobis(points))


def together(scores: tuple[Array, Array], of_normal: tuple[Array, Array]) -> Array:
    """The sum (N,) of two scores, each in standard deviations from the mean of normal images.

    Args:
        scores: Two of `(N,)`.
        of_normal: The same of images of the class that were not trained on, `(M,)` each.
    """
    standard = [
        (score - normal.mean()) / (normal.std() or 1.0)
        for score, normal in zip(scores, of_normal, strict=True)
    ]
    return np.asarray(np.sum(standard, axis=0))


def pca_errors(train_images: Array, images: Array, n_components: int = COMPONENTS) -> Array:
    """Mean squared error (M,) of images through PCA fitted on the training images: the floor.

    Args:
        train_images: `(N, ...)` in [0, 1].
        images: `(M, ...)` in [0, 1].
        n_components: Of PCA.
    """
    pca = PrincipalComponents.of_images(train_images)
    points = pixels_of(images, "images", len(pca.mean), len(images))
    made = pca.reconstruct(pca.project(points, n_components))
    return np.asarray(np.square(made - points).mean(1))
