"""Floors of denoisers: what takes no network, or a linear one.

Every function raises ValueError for arrays that are empty, hold NaN or infinity, have no axis
besides that of the points, or don't match in shape, and for targets that leave [0, 1].
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import numpy as np

from autoencoder.analysis.arrays import Array, blocks, pixels_of, points_of, squared_error
from autoencoder.analysis.pca import PrincipalComponents, pca_mse

# Where the best projection lies falls with the noise: about 384 components at a standard deviation
# of .1, 32 at .5. A list that ends too early makes a floor that is too easy to beat.
DENOISING_COMPONENTS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
# Of the variance along the first direction: what varies less takes no part in a fit. Of float32, it
# is what rounding makes of nothing.
_SMALLEST_SHARE = 1e-12


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
        decibel(mse[best]),
        best,
    )


class AffineMap(NamedTuple):
    """An affine map of flattened images, `x -> x weights + offset`: a linear denoiser.

    Attributes:
        weights: `(D, E)`.
        offset: `(E,)`.
    """

    weights: Array
    offset: Array

    @classmethod
    def fit(cls, blocks: Iterable[tuple[Sequence[Array], Array]]) -> Self:
        r"""The map of least squared error from inputs to targets.

        `weights = C_xx^+ C_xy` and `offset = E y - E x weights`: the linear estimator of minimum
        mean squared error (Kay, "Fundamentals of Statistical Signal Processing", 1993, ch. 12),
        of the smallest weights where the inputs leave a choice. A block's products are taken in
        its own precision, and summed in float64; memory is that of one block and of `D x (D + E)`
        numbers.

        Args:
            blocks: Inputs, a sequence of `(n, ...)`, and the targets `(n, ...)` of each of them. Of
                corrupted images, several draws of the noise: it is the expectation over them that
                is wanted.

        Example:
            >>> x = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
            >>> AffineMap.fit([([x[:2]], 3 * x[:2, :1] + 1), ([x[2:]], 3 * x[2:, :1] + 1)])
            AffineMap(weights=array([[3.],
                   [0.]]), offset=array([1.]))
        """
        moments: Array = np.zeros(0)
        for inputs, targets in blocks:
            copies = [points_of(copy, "inputs") for copy in inputs]
            y = points_of(targets, "targets")
            for x in copies:
                if len(x) != len(y):
                    raise ValueError(f"{len(x)} inputs, but {len(y)} targets")
            if not moments.size:
                # Sums are taken from the first point, for what is constant to vary by exactly 0.
                x_origin, y_origin = copies[0][0], y[0]
                dtype = np.result_type(x_origin, y_origin)
                size, length = len(x_origin), len(x_origin) + len(y_origin)
                count, sums, moments = 0, np.zeros(length), np.zeros((size, length))
            copies = [x - x_origin for x in copies]
            y = y - y_origin
            total = np.sum(copies, axis=0)
            count += len(copies) * len(y)
            sums[:size] += total.sum(axis=0, dtype=np.float64)
            sums[size:] += len(copies) * y.sum(axis=0, dtype=np.float64)
            for x in copies:  # apart, as numpy computes but one half of `x.T @ x`
                moments[:, :size] += x.T @ x
            moments[:, size:] += total.T @ y
        if not moments.size:
            raise ValueError("blocks is empty")
        mean = sums / count
        covariance = moments / count - np.outer(mean[:size], mean)
        smallest = max(_SMALLEST_SHARE, np.finfo(dtype).eps)
        weights = (
            np.linalg.pinv(covariance[:, :size], smallest, hermitian=True) @ covariance[:, size:]
        )
        mean += np.concatenate([x_origin, y_origin])
        return cls(weights, mean[size:] - mean[:size] @ weights)

    @classmethod
    def wiener(cls, pca: PrincipalComponents, std: float) -> Self:
        r"""The Wiener filter: the best linear denoiser of white noise that is not clipped.

        Each code is shrunk instead of kept or dropped:
        `z_k <- z_k variance_k / (variance_k + std^2)` (Wiener 1949), the linear map of least
        expected squared error for images of this covariance.

        Args:
            pca: Components fitted on clean training images.
            std: The standard deviation of the noise, in pixel units, above 0.
        """
        if not std > 0:
            raise ValueError(f"std must be above 0, got {std}")
        gains = pca.variances / (pca.variances + std**2)
        weights = (pca.components.T * gains) @ pca.components
        return cls(weights, pca.mean - pca.mean @ weights)

    def psnr(self, corrupted: Array, images: Array) -> float:
        """PSNR in dB of the denoised images, clipped to [0, 1].

        Args:
            corrupted: `(N, ...)`.
            images: `(N, ...)` in [0, 1], the clean targets.
        """
        points = points_of(corrupted, "corrupted", size=len(self.weights))
        targets = pixels_of(images, "images", len(self.offset), len(points))
        weights = self.weights.astype(points.dtype)
        errors = (
            squared_error(points[block] @ weights + self.offset, targets[block], clip=True)
            for block in blocks(len(points))
        )
        return decibel(sum(errors) / targets.size)


def psnr(reconstructions: Array, images: Array, *, clip: bool = False) -> float:
    """Peak signal-to-noise ratio `10 log10(1 / MSE)` of the pooled MSE, in dB; inf if equal.

    Args:
        reconstructions: `(N, ...)`.
        images: `(N, ...)` in [0, 1].
        clip: Whether the reconstructions are clipped to [0, 1] first.

    Example:
        >>> psnr(np.full((1, 4), 0.6), np.full((1, 4), 0.5))
        20.0
    """
    points = points_of(reconstructions, "reconstructions")
    targets = pixels_of(images, "images", points.shape[1], len(points))
    errors = (squared_error(points[b], targets[b], clip) for b in blocks(len(points)))
    return decibel(sum(errors) / targets.size)


def decibel(mse: float) -> float:
    """PSNR in dB, `10 log10(1 / mse)`, of a mean squared error of pixels in [0, 1]; inf for 0."""
    return float(-10 * np.log10(mse)) if mse > 0 else float("inf")
