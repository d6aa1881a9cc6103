"""Outliers: how well a score tells images of classes that were never trained on from the others.

Scores are one number an image, more of it for the stranger. Every function raises ValueError for
arrays that are empty, hold NaN or infinity, or don't match in shape.
"""

import numpy as np
from sklearn.covariance import EmpiricalCovariance
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from autoencoder.analysis.arrays import Array, labels_of, pixels_of, points_of
from autoencoder.analysis.pca import PrincipalComponents

# Of the floor: the best of 8, 16, 32, 64 and 128 on Fashion-MNIST.
COMPONENTS = 32
# Training latents to which the distance of a latent is averaged.
NEIGHBOURS = 5
# Added to the mean squared error of each pixel, as that of a pixel which is always black is 0.
LEAST_VARIANCE = 1e-3


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


def weighted_errors(train_residuals: Array, residuals: Array) -> Array:
    """The squared error (M,) of images, each pixel in units of its mean over training images.

    But for constants, minus the log-likelihood of the residual under a Gaussian of independent
    pixels: an error counts for more where there is none in training.

    Args:
        train_residuals: `(N, ...)`, training images less their reconstructions.
        residuals: `(M, ...)`.
    """
    train = points_of(train_residuals, "train_residuals")
    points = points_of(residuals, "residuals", train.shape[1])
    expected = np.square(train).mean(0, dtype=np.float64) + LEAST_VARIANCE
    return np.asarray((np.square(points) / expected).mean(1))


def neighbour_distances(train_latents: Array, latents: Array) -> Array:
    """The mean distance (M,) of latents to the nearest five of the training latents.

    Distances are in standard deviations along the principal axes of the training latents, as those
    of Mahalanobis are, but a class need not be one Gaussian.

    Args:
        train_latents: `(N, ...)`.
        latents: `(M, ...)`.
    """
    train = points_of(train_latents, "train_latents").astype(np.float64)
    points = points_of(latents, "latents", train.shape[1]).astype(np.float64)
    pca = PrincipalComponents.fit(train)
    varying = pca.variances > pca.variances[0] * np.finfo(np.float32).eps
    axes = (pca.components[varying] / np.sqrt(pca.variances[varying])[:, None]).T
    # The centre is taken off first: latents far from zero would lose digits.
    nearest = NearestNeighbors(n_neighbors=NEIGHBOURS).fit((train - pca.mean) @ axes)
    return np.asarray(nearest.kneighbors((points - pca.mean) @ axes)[0].mean(1))


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
    return np.asarray(np.square(_through(pca, images, n_components)[0]).mean(1))


def pca_near(
    train_images: Array, val_images: Array, images: Array, n_components: int = COMPONENTS
) -> Array:
    """What a network is given by `together` of weighted errors and neighbours, (M,), given to PCA.

    Args:
        train_images: `(N, ...)` in [0, 1].
        val_images: Normal images that were not trained on, `(V, ...)`.
        images: `(M, ...)` in [0, 1].
        n_components: Of PCA.
    """
    pca = PrincipalComponents.of_images(train_images)
    residuals, codes = _through(pca, train_images, n_components)
    normal, strange = (
        (weighted_errors(residuals, left), neighbour_distances(codes, found))
        for left, found in (_through(pca, x, n_components) for x in (val_images, images))
    )
    return together(strange, normal)


def _through(pca: PrincipalComponents, images: Array, n_components: int) -> tuple[Array, Array]:
    """Images `(N, D)` less their reconstructions, and their codes."""
    points = pixels_of(images, "images", len(pca.mean), len(images))
    codes = pca.project(points, n_components)
    return points - pca.reconstruct(codes), codes
