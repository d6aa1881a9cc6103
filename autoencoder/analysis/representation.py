"""Measures of latents, and the linear floors that an autoencoder must beat.

Pure functions on arrays. An array of N images or latents has shape `(N, ...)` and is flattened to
`(N, D)`; any real dtype is taken, and what is summed over points is summed in float64. Whatever
draws at random takes a seed, and the same seed and number of points give the same subset.

Every function raises ValueError for arrays that are empty, hold NaN or infinity, have no axis
besides that of the points, or don't match in shape.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import RidgeClassifier
from sklearn.manifold import TSNE
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

Array = npt.NDArray[Any]

# Where the best projection lies falls with the noise: about 384 components at a standard deviation
# of .1, 32 at .5. A list that ends too early makes a floor that is too easy to beat.
DENOISING_COMPONENTS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)

# float64 copies are made of this many points at a time, not of a whole training set.
_BLOCK = 2048


class PrincipalComponents(NamedTuple):
    """A principal component analysis: the best linear autoencoder of the images it is fitted on.

    Attributes:
        mean: `(D,)`, the mean image.
        components: `(K, D)`, orthonormal rows by falling variance, each signed so that its largest
            entry is positive. `K = min(D, N - 1)`: N points determine no more directions.
        variances: `(K,)`, the variance along each component (divisor N - 1).
    """

    mean: Array
    components: Array
    variances: Array

    @classmethod
    def fit(cls, images: Array) -> Self:
        """Fit all components at once: eigenvectors of the D x D covariance.

        Args:
            images: `(N, ...)`. The cost is O(N D^2 + D^3): fine up to some thousand dimensions.
        """
        points = _points(images, "images")
        mean, covariance = _moments(points)
        variances, vectors = np.linalg.eigh(covariance)
        kept = min(points.shape[1], len(points) - 1)
        components = vectors.T[::-1][:kept]
        largest = np.abs(components).argmax(axis=1)
        components = components * np.sign(components[np.arange(kept), largest])[:, None]
        return cls(mean, components, variances[::-1][:kept].clip(min=0))

    def project(self, images: Array, n_components: int) -> Array:
        """Codes `(N, min(n_components, K))` of images `(N, ...)`: `(x - mean) components^T`."""
        points = _points(images, "images", size=len(self.mean))
        components = self.components[: _count(n_components)]
        codes = np.empty((len(points), len(components)))
        for block in _blocks(len(points)):
            codes[block] = (points[block] - self.mean) @ components.T
        return codes

    def reconstruct(self, codes: Array) -> Array:
        """Flat images `(N, D)`, not clipped, of codes `(N, n)` on the first n components."""
        if codes.ndim != 2 or codes.shape[1] > len(self.components):
            raise ValueError(
                f"codes must be (N, n) with n <= {len(self.components)}, got {codes.shape}"
            )
        return np.asarray(codes @ self.components[: codes.shape[1]] + self.mean)


def pca_mse(
    pca: PrincipalComponents,
    images: Array,
    n_components: Sequence[int],
    *,
    targets: Array | None = None,
    clip: bool = True,
) -> dict[int, float]:
    """Mean squared error over all pixels of the PCA reconstructions, for each number of components.

    Args:
        pca: The fitted components.
        images: `(N, ...)`, what is projected, in [0, 1] or corrupted.
        n_components: Any numbers; 0 is the mean image, and K or more is every component.
        targets: `(N, ...)` in [0, 1], what the reconstructions should be; the images by default.
        clip: Whether reconstructions are clipped to [0, 1], as those of an autoencoder are: PCA
            leaves the range, and clipping is free.
    """
    size = len(pca.mean)
    points = _points(images, "images", size=size)
    wanted = _pixels(images if targets is None else targets, "targets", size, len(points))
    counts = sorted({_count(n) for n in n_components})
    if not counts:
        raise ValueError("n_components is empty")
    errors = dict.fromkeys(counts, 0.0)
    for block in _blocks(len(points)):
        codes = (points[block] - pca.mean) @ pca.components[: counts[-1]].T
        # The list costs as much as its largest number: each step adds the components that are new.
        reconstruction = np.tile(pca.mean, (len(codes), 1))
        start = 0
        for n in counts:
            reconstruction += codes[:, start:n] @ pca.components[start:n]
            errors[n] += _squared_error(reconstruction, wanted[block], clip)
            start = n
    return {n: error / wanted.size for n, error in errors.items()}


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
    points = _points(corrupted, "corrupted", size=len(pca.mean))
    targets = _pixels(images, "images", len(pca.mean), len(points))
    gains = pca.variances / (pca.variances + std**2)
    error = 0.0
    for block in _blocks(len(points)):
        codes = pca.project(points[block], len(gains)) * gains
        error += _squared_error(pca.reconstruct(codes), targets[block], clip=True)
    return _decibel(error / targets.size)


def psnr(reconstructions: Array, images: Array, *, clip: bool = False) -> float:
    """Peak signal-to-noise ratio `10 log10(1 / MSE)` of the pooled MSE, in dB; inf if equal.

    Args:
        reconstructions: `(N, ...)`.
        images: `(N, ...)` in [0, 1].
        clip: Whether the reconstructions are clipped to [0, 1] first.
    """
    points = _points(reconstructions, "reconstructions")
    targets = _pixels(images, "images", points.shape[1], len(points))
    blocks = _blocks(len(points))
    error = sum(_squared_error(points[block], targets[block], clip) for block in blocks)
    return _decibel(error / targets.size)


def linear_probe_accuracy(
    train_latents: Array,
    train_labels: Array,
    test_latents: Array,
    test_labels: Array,
    *,
    alpha: float = 1.0,
) -> float:
    """Accuracy of a ridge classifier that reads the label off the latents.

    Latents are standardised on the training set, so that one `alpha` suits every model: without
    it, a latent of a small scale would be regularised more.

    Args:
        train_latents: `(N, ...)`.
        train_labels: `(N,)`, of two classes or more.
        test_latents: `(M, ...)`.
        test_labels: `(M,)`.
        alpha: The weight of the ridge penalty.
    """
    train, test = _train_and_test(train_latents, test_latents)
    labels, expected = _labels(train_labels, len(train)), _labels(test_labels, len(test))
    if len(np.unique(labels)) < 2:
        raise ValueError("a linear probe needs training labels of two classes or more")
    # In float32 the normal equations of a thousand correlated latents are too ill-conditioned for
    # a Cholesky solver, and scikit-learn then falls back to a slow decomposition.
    train, test = np.array(train, np.float64), np.array(test, np.float64)
    scaler = StandardScaler(copy=False)
    train = scaler.fit_transform(train)
    probe = RidgeClassifier(alpha=alpha, solver="cholesky", copy_X=False).fit(train, labels)
    return float(probe.score(scaler.transform(test), expected))


def knn_accuracy(
    train_latents: Array,
    train_labels: Array,
    test_latents: Array,
    test_labels: Array,
    *,
    n_neighbors: int = 5,
    max_points: int | None = 2000,
    seed: int = 0,
) -> float:
    """Accuracy of a k-nearest-neighbour vote, by Euclidean distance between latents as they are.

    Args:
        train_latents: `(N, ...)`.
        train_labels: `(N,)`.
        test_latents: `(M, ...)`.
        test_labels: `(M,)`.
        n_neighbors: How many training points vote, N at most.
        max_points: How many test points are classified; None is all. An accuracy near .85 on 2,000
            points has a standard error of .008, on 10,000 of .004.
        seed: Of the choice of test points.
    """
    train, test = _train_and_test(train_latents, test_latents)
    labels, expected = _labels(train_labels, len(train)), _labels(test_labels, len(test))
    if not 1 <= n_neighbors <= len(train):
        raise ValueError(f"n_neighbors must be in 1..{len(train)} (points), got {n_neighbors}")
    chosen = _subset(len(test), max_points, seed)
    # A tree is no faster than brute force in more than a few dozen dimensions.
    classifier = KNeighborsClassifier(n_neighbors, algorithm="brute").fit(train, labels)
    return float(classifier.score(test[chosen], expected[chosen]))


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
    originals, codes = _points(images, "images"), _points(latents, "latents")
    if len(originals) != len(codes):
        raise ValueError(f"{len(originals)} images, but {len(codes)} latents")
    chosen = _subset(len(codes), max_points, seed)
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
    """
    points = _points(latents, "latents")
    classes = _labels(labels, len(points))
    chosen = _subset(len(points), max_points, seed)
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
    """
    _, covariance = _moments(_points(latents, "latents"))
    variances = covariance.diagonal().copy()
    squares = float((covariance**2).sum())
    return LatentUse(
        variances,
        int((variances <= threshold * variances.max()).sum()),
        float(variances.sum() ** 2 / squares) if squares > 0 else 0.0,
    )


def pca_map(latents: Array) -> Array:
    """Latents `(N, ...)` on their first two principal components: `(N, 2)`.

    The second column is 0 where there is but one dimension, both where there is but one point.
    """
    codes = PrincipalComponents.fit(latents).project(latents, 2)
    return np.pad(codes, ((0, 0), (0, 2 - codes.shape[1])))


def tsne_map(
    latents: Array, *, seed: int = 0, max_points: int = 3000, perplexity: float = 30.0
) -> tuple[Array, Array]:
    """t-SNE map of a random subset of the latents: indices `(n,)`, rising, coordinates `(n, 2)`.

    Latents go to 50 principal components first, and start from the first two of them, which keeps
    the global arrangement (Kobak and Berens, 2019). A constant latent maps to zeros. The map is
    the same for the same seed and number of threads.

    Args:
        latents: `(N, ...)`, of 4 points or more.
        seed: Of the choice of points, and of the start where the latent has one dimension.
        max_points: How many points are mapped.
        perplexity: The effective number of neighbours; at most `(n - 1) / 3` of them are used.
    """
    points = _points(latents, "latents")
    chosen = _subset(len(points), max_points, seed)
    if len(chosen) < 4:
        raise ValueError(f"t-SNE needs 4 points or more, got {len(chosen)}")
    pca = PrincipalComponents.fit(points[chosen])
    if pca.variances[0] == 0:
        return chosen, np.zeros((len(chosen), 2), np.float32)
    # t-SNE ignores the scale of its input. The start is scikit-learn's init="pca", written out
    # because the codes are at hand, and because that one fails for one dimension.
    codes = (pca.project(points[chosen], 50) / np.sqrt(pca.variances[0])).astype(np.float32)
    tsne = TSNE(
        perplexity=min(perplexity, (len(chosen) - 1) / 3),
        init=codes[:, :2] * np.float32(1e-4) if codes.shape[1] > 1 else "random",
        random_state=seed,
    )
    return chosen, np.asarray(tsne.fit_transform(codes))


def _points(array: Array, name: str, size: int | None = None) -> Array:
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


def _pixels(array: Array, name: str, size: int, n_points: int) -> Array:
    """Images as `(n_points, size)`; ValueError unless in [0, 1], the range that is clipped to."""
    points = _points(array, name, size)
    if len(points) != n_points:
        raise ValueError(f"{name} must hold {n_points} images, got {len(points)}")
    if points.min() < 0 or points.max() > 1:
        raise ValueError(f"{name} must be in [0, 1], got {points.min():g} to {points.max():g}")
    return points


def _train_and_test(train_latents: Array, test_latents: Array) -> tuple[Array, Array]:
    """Both latents as `(N, D)` and `(M, D)`."""
    train = _points(train_latents, "train_latents")
    return train, _points(test_latents, "test_latents", train.shape[1])


def _labels(labels: Array, n_points: int) -> Array:
    """The labels as an array; ValueError unless there is one for each point."""
    labels = np.asarray(labels)
    if labels.shape != (n_points,):
        raise ValueError(f"labels must be ({n_points},), one a point, got {labels.shape}")
    return labels


def _count(n_components: int) -> int:
    """The number of components; ValueError if it is negative."""
    if n_components < 0:
        raise ValueError(f"n_components must not be negative, got {n_components}")
    return n_components


def _subset(n_points: int, max_points: int | None, seed: int) -> Array:
    """Rising indices of at most `max_points` of the points, drawn without replacement."""
    if max_points is None or n_points <= max_points:
        return np.arange(n_points)
    if max_points < 1:
        raise ValueError(f"max_points must be at least 1, got {max_points}")
    return np.sort(np.random.default_rng(seed).choice(n_points, max_points, replace=False))


def _blocks(n_points: int) -> Iterator[slice]:
    """Slices that cover the points in order."""
    return (slice(start, start + _BLOCK) for start in range(0, n_points, _BLOCK))


def _moments(points: Array) -> tuple[Array, Array]:
    """The mean `(D,)` and covariance `(D, D)` (divisor N - 1; 0 for one point), in float64."""
    # Sums are taken from the first point, so that the variance of a constant is 0 and not the
    # rounding of its mean.
    origin = points[0].astype(np.float64)
    blocks = [points[block] for block in _blocks(len(points))]
    mean = origin + sum((block - origin).sum(axis=0) for block in blocks) / len(points)
    scatter = np.zeros((len(mean), len(mean)))
    for block in blocks:
        centred = block - mean
        scatter += centred.T @ centred
    return mean, scatter / max(len(points) - 1, 1)


def _squared_error(reconstructions: Array, targets: Array, clip: bool) -> float:
    """The summed squared error of one block, in float64."""
    error = (reconstructions.clip(0, 1) if clip else reconstructions) - targets.astype(np.float64)
    return float(np.vdot(error, error))


def _decibel(mse: float) -> float:
    """`10 log10(1 / mse)`, inf for 0."""
    return float(-10 * np.log10(mse)) if mse > 0 else float("inf")
