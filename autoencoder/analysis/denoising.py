"""Floors of denoisers: what takes no network, or a linear one.

Every function raises ValueError for arrays that are empty, hold NaN or infinity, have no axis
besides that of the points, or don't match in shape, and for targets that leave [0, 1].
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from autoencoder.analysis.arrays import Array, blocks, pixels_of, points_of, squared_error
from autoencoder.analysis.pca import PrincipalComponents, pca_mse

# Where the best projection lies falls with the noise: about 384 components at a standard deviation
# of .1, 32 at .5. A list that ends too early makes a floor that is too easy to beat.
DENOISING_COMPONENTS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)


class DenoisingFloor(NamedTuple):
    """What denoisers without a network reach on corrupted images: PSNR of the pooled MSE, in dB.

    Attributes:
        input_psnr: Doing nothing.
        clipped_input_psnr: Clipping the corrupted images to [0, 1].
        pca_psnr: The best PCA projection, clipped. It is chosen on the very images it is measured
            on, so it flatters the floor, not the autoencoder.
        n_components: The number of components of that projection.
    """

    input_psnr: float
    clipped_input_psnr: float
    pca_psnr: float
    n_components: int


def denoising_floor(
    pca: PrincipalComponents,
    corrupted: Array,
    images: Array,
    n_components: Sequence[int] = DENOISING_COMPONENTS,
) -> DenoisingFloor:
    """The denoising floors of corrupted images.

    Args:
        pca: Components fitted on clean training images.
        corrupted: `(N, ...)`. Pass noise that was *not* clipped where there is a choice: clipping
            before the projection biases it and costs up to 2 dB.
        images: `(N, ...)` in [0, 1], the clean targets.
        n_components: The numbers of components to choose from.
    """
    mse = pca_mse(pca, corrupted, n_components, targets=images)
    best = min(mse, key=lambda n: mse[n])
    return DenoisingFloor(
        psnr(corrupted, images),
        psnr(corrupted, images, clip=True),
        _decibel(mse[best]),
        best,
    )


def wiener_psnr(pca: PrincipalComponents, corrupted: Array, images: Array, std: float) -> float:
    r"""PSNR in dB of the Wiener filter, clipped: the best linear denoiser of white additive noise.

    Each code is shrunk instead of kept or dropped:
    `z_k <- z_k variance_k / (variance_k + std^2)` (Wiener 1949), the linear map of least expected
    squared error for images of this covariance. No number of components is chosen.

    Args:
        pca: Components fitted on clean training images.
        corrupted: `(N, ...)`, with noise of standard deviation `std` that was not clipped.
        images: `(N, ...)` in [0, 1], the clean targets.
        std: The standard deviation of the noise, in pixel units, above 0.
    """
    if not std > 0:
        raise ValueError(f"std must be above 0, got {std}")
    points = points_of(corrupted, "corrupted", size=len(pca.mean))
    targets = pixels_of(images, "images", len(pca.mean), len(points))
    gains = pca.variances / (pca.variances + std**2)
    error = 0.0
    for block in blocks(len(points)):
        codes = pca.project(points[block], len(gains)) * gains
        error += squared_error(pca.reconstruct(codes), targets[block], clip=True)
    return _decibel(error / targets.size)


def psnr(reconstructions: Array, images: Array, *, clip: bool = False) -> float:
    """Peak signal-to-noise ratio `10 log10(1 / MSE)` of the pooled MSE, in dB; inf if equal.

    Args:
        reconstructions: `(N, ...)`.
        images: `(N, ...)` in [0, 1].
        clip: Whether the reconstructions are clipped to [0, 1] first.
    """
    points = points_of(reconstructions, "reconstructions")
    targets = pixels_of(images, "images", points.shape[1], len(points))
    errors = (squared_error(points[b], targets[b], clip) for b in blocks(len(points)))
    return _decibel(sum(errors) / targets.size)


def _decibel(mse: float) -> float:
    """`10 log10(1 / mse)`, inf for 0."""
    return float(-10 * np.log10(mse)) if mse > 0 else float("inf")
