import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifier
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autoencoder.analysis.representation import (
    PrincipalComponents,
    denoising_floor,
    knn_accuracy,
    latent_use,
    linear_probe_accuracy,
    pca_map,
    pca_mse,
    psnr,
    silhouette,
    trustworthiness,
    tsne_map,
    wiener_psnr,
)

Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def images() -> Array:
    """Correlated pixels in [0, 1], more of them than one block holds: (3000, 1, 6, 5)."""
    rng = np.random.default_rng(0)
    flat = 0.5 + rng.standard_normal((3000, 8)) @ rng.standard_normal((8, 30)) / 10
    flat += rng.standard_normal(flat.shape) / 50
    return flat.clip(0, 1).astype(np.float32).reshape(-1, 1, 6, 5)


@pytest.fixture(scope="module")
def pca(images: Array) -> PrincipalComponents:
    return PrincipalComponents.fit(images)


@pytest.fixture(scope="module")
def latents() -> tuple[Array, Array]:
    """Overlapping classes of very different scales by dimension: (600, 6), (600,)."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 600)
    points = np.eye(3, 6)[labels] * 2 + rng.standard_normal((600, 6))
    return (points * 10.0 ** np.arange(-2, 4)).astype(np.float32), labels


# Principal components


def test_components_are_those_of_scikit_learn(images: Array, pca: PrincipalComponents) -> None:
    flat = images.reshape(len(images), -1).astype(np.float64)
    reference = PCA(svd_solver="covariance_eigh").fit(flat)
    np.testing.assert_allclose(pca.mean, reference.mean_, atol=1e-12)
    np.testing.assert_allclose(pca.variances, reference.explained_variance_, rtol=1e-9)
    overlap = np.abs((pca.components * reference.components_).sum(axis=1))
    np.testing.assert_allclose(overlap, 1, atol=1e-9)
    codes, expected = pca.project(images, 4), reference.transform(flat)[:, :4]
    np.testing.assert_allclose(np.abs(codes), np.abs(expected), atol=1e-9)


def test_components_have_a_fixed_sign(pca: PrincipalComponents) -> None:
    largest = np.abs(pca.components).argmax(axis=1)
    assert (pca.components[np.arange(len(largest)), largest] > 0).all()


@pytest.mark.parametrize("n_points", [1, 2, 5])
def test_few_points_determine_few_components(images: Array, n_points: int) -> None:
    pca = PrincipalComponents.fit(images[:n_points])
    assert pca.components.shape == (n_points - 1, 30)
    assert pca_mse(pca, images[:n_points], [30])[30] == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("clip", [True, False])
def test_pca_mse_is_that_of_projection_and_reconstruction(
    images: Array, pca: PrincipalComponents, clip: bool
) -> None:
    flat = images.reshape(len(images), -1)
    mse = pca_mse(pca, images, [8, 0, 2, 8], clip=clip)
    assert list(mse) == [0, 2, 8]
    for n, value in mse.items():
        reconstruction = pca.reconstruct(pca.project(images, n))
        if clip:
            reconstruction = reconstruction.clip(0, 1)
        assert value == pytest.approx(((reconstruction - flat) ** 2).mean(), rel=1e-9)
    assert mse[0] == pytest.approx(flat.var(axis=0, dtype=np.float64).mean(), rel=1e-6)


def test_more_components_than_pixels_leave_no_error(
    images: Array, pca: PrincipalComponents
) -> None:
    mse = pca_mse(pca, images, [29, 30, 1024])
    assert mse[29] > 1e-6
    assert mse[30] == mse[1024] == pytest.approx(0, abs=1e-20)
    assert pca.project(images, 1024).shape == (3000, 30)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_pca_takes_any_float(images: Array, pca: PrincipalComponents, dtype: type) -> None:
    expected = pca_mse(pca, images, [4])[4]
    other: Array = images.astype(dtype)
    assert pca_mse(PrincipalComponents.fit(other), other, [4])[4] == pytest.approx(
        expected, rel=1e-3
    )


# Denoising floors


def test_psnr_is_that_of_the_pooled_error() -> None:
    targets = np.zeros((2, 4))
    assert psnr(np.array([[0.1] * 4, [0.3] * 4]), targets) == pytest.approx(-10 * np.log10(0.05))
    assert psnr(np.full((2, 4), -0.5), targets, clip=True) == float("inf")


def test_denoising_floor_is_the_best_of_the_projections(
    images: Array, pca: PrincipalComponents
) -> None:
    corrupted = images + 0.1 * np.random.default_rng(2).standard_normal(images.shape)
    floor = denoising_floor(pca, corrupted, images, (2, 8, 30))
    mse = pca_mse(pca, corrupted, [2, 8, 30], targets=images)
    assert floor.n_components == 8
    assert floor.pca_psnr == pytest.approx(-10 * np.log10(min(mse.values())))
    assert floor.input_psnr == pytest.approx(20, abs=0.1)
    assert floor.clipped_input_psnr == pytest.approx(psnr(corrupted.clip(0, 1), images))
    # All components give the corrupted images back.
    assert -10 * np.log10(mse[30]) == pytest.approx(floor.clipped_input_psnr, rel=1e-6)


def test_wiener_filter_beats_every_projection(images: Array, pca: PrincipalComponents) -> None:
    corrupted = images + 0.1 * np.random.default_rng(2).standard_normal(images.shape)
    floor = denoising_floor(pca, corrupted, images, range(31))
    assert wiener_psnr(pca, corrupted, images, std=0.1) > floor.pca_psnr
    assert wiener_psnr(pca, images, images, std=1e-6) > 80


# Probes


def test_linear_probe_is_the_ridge_classifier_of_scikit_learn(
    latents: tuple[Array, Array],
) -> None:
    x, y = latents
    before = x.copy()
    accuracy = linear_probe_accuracy(x[:400], y[:400], x[400:], y[400:], alpha=2.0)
    reference = make_pipeline(StandardScaler(), RidgeClassifier(alpha=2.0))
    reference.fit(x[:400].astype(np.float64), y[:400])
    assert accuracy == reference.score(x[400:].astype(np.float64), y[400:])
    assert 0.6 < accuracy < 1
    np.testing.assert_array_equal(x, before)


def test_linear_probe_ignores_the_scale_of_the_latents(latents: tuple[Array, Array]) -> None:
    x, y = latents[0].astype(np.float64), latents[1]
    expected = linear_probe_accuracy(x[:400], y[:400], x[400:], y[400:])
    assert linear_probe_accuracy(x[:400] / 1e6, y[:400], x[400:] / 1e6, y[400:]) == expected


def test_linear_probe_does_not_touch_float64_latents(latents: tuple[Array, Array]) -> None:
    x, y = latents[0].astype(np.float64), latents[1]
    before = x.copy()
    linear_probe_accuracy(x[:400], y[:400], x[400:], y[400:])
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("n_neighbors", [1, 5])
def test_knn_is_that_of_scikit_learn(latents: tuple[Array, Array], n_neighbors: int) -> None:
    x, y = latents[0].reshape(-1, 3, 2), latents[1]
    accuracy = knn_accuracy(x[:400], y[:400], x[400:], y[400:], n_neighbors=n_neighbors)
    reference = KNeighborsClassifier(n_neighbors).fit(latents[0][:400], y[:400])
    assert accuracy == reference.score(latents[0][400:], y[400:])


def test_knn_draws_its_test_points_from_the_seed(latents: tuple[Array, Array]) -> None:
    x, y = latents

    def accuracy(seed: int) -> float:
        return knn_accuracy(x[:300], y[:300], x[300:], y[300:], max_points=50, seed=seed)

    assert accuracy(0) == accuracy(0)
    assert len({accuracy(seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("shape", [(60, 1), (60, 2), (60, 3)])
def test_probes_of_constant_latents_are_at_chance(shape: tuple[int, int]) -> None:
    labels = np.arange(60) % 2
    constant = np.full(shape, 0.1, np.float32)
    assert linear_probe_accuracy(constant, labels, constant, labels) == 0.5
    assert knn_accuracy(constant, labels, constant, labels) == 0.5


@pytest.mark.parametrize("probe", [linear_probe_accuracy, knn_accuracy])
def test_probes_read_a_single_dimension(probe: Callable[..., float]) -> None:
    labels = np.arange(100) % 2
    line = labels[:, None] + np.linspace(0, 0.1, 100)[:, None]
    assert probe(line, labels, line, labels) == 1


# Neighbourhoods


def test_trustworthiness_is_that_of_scikit_learn(images: Array) -> None:
    flat = images[:200].reshape(200, -1)
    codes = flat[:, :3]
    expected = sklearn_trustworthiness(flat, codes, n_neighbors=7)
    assert trustworthiness(images[:200], codes, n_neighbors=7) == expected
    assert 0.5 < expected < 1
    assert trustworthiness(images[:200], images[:200]) == 1


def test_silhouette_is_that_of_scikit_learn(latents: tuple[Array, Array]) -> None:
    assert silhouette(*latents) == pytest.approx(silhouette_score(*latents))
    assert silhouette(np.ones((20, 2)), np.arange(20) % 2) == 0


def test_subsets_come_from_the_seed(images: Array) -> None:
    codes = images[:, 0, :2, 0]
    labels = (codes[:, 0] > 0.5).astype(int)

    def measures(seed: int) -> tuple[float, float]:
        return (
            trustworthiness(images, codes, max_points=100, seed=seed),
            silhouette(codes, labels, max_points=100, seed=seed),
        )

    assert measures(3) == measures(3)
    assert all(first != second for first, second in zip(measures(3), measures(4), strict=True))


# Use of the latent


def test_latent_use_of_a_known_covariance() -> None:
    rng = np.random.default_rng(0)
    latents = rng.standard_normal((5000, 3)) * [2, 1, 0.001] + 100
    use = latent_use(latents.reshape(-1, 3, 1))
    np.testing.assert_allclose(use.variances, latents.var(axis=0, ddof=1))
    assert use.dead_units == 1
    assert latent_use(latents, threshold=0.5).dead_units == 2
    eigenvalues = np.linalg.eigvalsh(np.cov(latents.T))
    expected = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    assert use.participation_ratio == pytest.approx(expected)


def test_participation_ratio_counts_directions_not_axes() -> None:
    line = np.linspace(0, 1, 50)[:, None] * np.ones(8)
    assert latent_use(line).participation_ratio == pytest.approx(1)
    ball = np.concatenate([np.eye(8), -np.eye(8)])
    assert latent_use(ball).participation_ratio == pytest.approx(8)


@pytest.mark.parametrize("shape", [(50, 1), (50, 4), (1, 4)])
def test_constant_latent_is_dead(shape: tuple[int, int]) -> None:
    use = latent_use(np.full(shape, 0.1, np.float32))
    assert use.dead_units == shape[1]
    assert use.participation_ratio == 0


# Maps


def test_pca_map_is_the_first_two_components(images: Array, pca: PrincipalComponents) -> None:
    np.testing.assert_array_equal(pca_map(images), pca.project(images, 2))


@pytest.mark.parametrize("shape", [(20, 1), (1, 5), (1, 1)])
def test_pca_map_fills_missing_dimensions(shape: tuple[int, int]) -> None:
    coordinates = pca_map(np.random.default_rng(0).standard_normal(shape))
    assert coordinates.shape == (shape[0], 2)
    assert (coordinates[:, 1] == 0).all()


def test_maps_of_a_constant_latent_are_zero() -> None:
    constant = np.full((50, 3), 0.1, np.float32)
    assert (pca_map(constant) == 0).all()
    assert (tsne_map(constant)[1] == 0).all()


def test_tsne_map_separates_clusters_and_repeats_itself() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    latents = 10 * np.eye(3, 60)[labels] + rng.standard_normal((300, 60))
    indices, coordinates = tsne_map(latents, max_points=120, seed=5)
    assert coordinates.shape == (120, 2)
    assert (np.diff(indices) > 0).all()
    assert silhouette_score(coordinates, labels[indices]) > 0.5
    again_indices, again = tsne_map(latents.copy(), max_points=120, seed=5)
    np.testing.assert_array_equal(indices, again_indices)
    np.testing.assert_array_equal(coordinates, again)
    assert (tsne_map(latents, max_points=120, seed=6)[0] != indices).any()


@pytest.mark.parametrize("shape", [(40, 1), (40, 2), (4, 3)])
def test_tsne_map_of_small_latents(shape: tuple[int, int]) -> None:
    indices, coordinates = tsne_map(np.random.default_rng(0).standard_normal(shape))
    np.testing.assert_array_equal(indices, np.arange(shape[0]))
    assert coordinates.shape == (shape[0], 2)
    assert np.isfinite(coordinates).all()


# Errors

POINTS = np.random.default_rng(0).random((20, 4))
LABELS = np.arange(20) % 2
FITTED = PrincipalComponents.fit(POINTS)

# Each takes the points as they should not be.
MEASURES: dict[str, Callable[[Array], Any]] = {
    "fit": PrincipalComponents.fit,
    "project": lambda x: FITTED.project(x, 2),
    "pca_mse": lambda x: pca_mse(FITTED, x, [2]),
    "denoising_floor": lambda x: denoising_floor(FITTED, x, POINTS),
    "wiener_psnr": lambda x: wiener_psnr(FITTED, x, POINTS, 0.1),
    "psnr": lambda x: psnr(x, POINTS),
    "linear_probe_accuracy": lambda x: linear_probe_accuracy(x, LABELS, POINTS, LABELS),
    "knn_accuracy": lambda x: knn_accuracy(POINTS, LABELS, x, LABELS),
    "trustworthiness": lambda x: trustworthiness(POINTS, x),
    "silhouette": lambda x: silhouette(x, LABELS),
    "latent_use": latent_use,
    "pca_map": pca_map,
    "tsne_map": tsne_map,
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES.keys())
@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.empty((0, 4)), "not empty"),
        (np.empty((20, 0)), "not empty"),
        (np.ones(20), r"must be \(N, ...\)"),
        (np.where(POINTS > 0.9, np.nan, POINTS), "finite"),
        (np.where(POINTS > 0.9, np.inf, POINTS), "finite"),
        (POINTS.astype(complex), "real numbers"),
    ],
)
def test_unusable_points_are_refused(
    measure: Callable[[Array], Any], points: Array, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        measure(points)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FITTED.project(POINTS[:, :3], 2), "4 values a point"),
        (lambda: FITTED.project(POINTS, -1), "negative"),
        (lambda: FITTED.reconstruct(np.ones((20, 5))), "n <= 4"),
        (lambda: pca_mse(FITTED, POINTS, []), "n_components is empty"),
        (lambda: pca_mse(FITTED, POINTS * 255, [2]), r"in \[0, 1\]"),
        (lambda: pca_mse(FITTED, POINTS, [2], targets=POINTS[:5]), "20 images, got 5"),
        (lambda: wiener_psnr(FITTED, POINTS, POINTS, 0), "std"),
        (lambda: psnr(POINTS, POINTS[:, :3]), "4 values a point"),
        (lambda: silhouette(POINTS, LABELS[:5]), "one a point"),
        (lambda: silhouette(POINTS, np.zeros(20)), "two classes"),
        (lambda: silhouette(POINTS, np.arange(20)), "fewer than points"),
        (lambda: trustworthiness(POINTS, POINTS[:5]), "20 images, but 5 latents"),
        (lambda: trustworthiness(POINTS, POINTS, n_neighbors=10), "below half of 20"),
        (lambda: trustworthiness(POINTS, POINTS, max_points=0), "max_points"),
        (lambda: knn_accuracy(POINTS[:3], LABELS[:3], POINTS, LABELS), r"in 1..3"),
        (lambda: knn_accuracy(POINTS, LABELS, POINTS[:, :2], LABELS), "4 values a point"),
        (lambda: linear_probe_accuracy(POINTS, LABELS * 0, POINTS, LABELS), "two classes"),
        (lambda: tsne_map(POINTS[:3]), "4 points"),
    ],
)
def test_mismatches_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# The published floors


@pytest.fixture(scope="module")
def fashion_mnist() -> dict[str, Array]:
    """The real files, read here so that the floors rest on no other code of the package."""
    folder = os.environ.get("AUTOENCODER_DATA")
    if not folder:
        pytest.skip("AUTOENCODER_DATA is not set to the folder of the Fashion-MNIST files")

    def read(name: str, header: int) -> Array:
        content = gzip.decompress((Path(folder) / name).read_bytes())
        return np.frombuffer(content, np.uint8, offset=header)

    return {
        stage: read(f"{prefix}-images-idx3-ubyte.gz", 16).reshape(-1, 784) / np.float32(255)
        for stage, prefix in (("train", "train"), ("test", "t10k"))
    } | {
        f"{stage}_labels": read(f"{prefix}-labels-idx1-ubyte.gz", 8)
        for stage, prefix in (("train", "train"), ("test", "t10k"))
    }


@pytest.fixture(scope="module")
def real_pca(fashion_mnist: dict[str, Array]) -> PrincipalComponents:
    return PrincipalComponents.fit(fashion_mnist["train"])


@pytest.mark.real
@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        (False, [0.0866, 0.0461, 0.0266, 0.0204, 0.0151, 0.0104, 0.0063, 0.0030, 0.0006]),
        (True, [0.0866, 0.0456, 0.0260, 0.0198, 0.0145, 0.0098, 0.0059, 0.0027, 0.0005]),
    ],
    ids=["as it is", "clipped"],
)
def test_pca_floors_of_fashion_mnist(
    fashion_mnist: dict[str, Array],
    real_pca: PrincipalComponents,
    clip: bool,
    expected: list[float],
) -> None:
    mse = pca_mse(real_pca, fashion_mnist["test"], [0, 2, 8, 16, 32, 64, 128, 256, 512], clip=clip)
    assert [round(value, 4) for value in mse.values()] == expected


@pytest.mark.real
@pytest.mark.parametrize(
    ("std", "expected", "wiener"),
    [
        (0.1, (20.0, 21.6, 21.5), 24.2),
        (0.2, (14.0, 15.9, 19.7), 20.8),
        (0.3, (10.5, 12.8, 18.1), 19.2),
        (0.4, (8.0, 10.7, 17.1), 18.2),
        (0.5, (6.0, 9.3, 16.5), 17.4),
    ],
)
def test_denoising_floors_of_fashion_mnist(
    fashion_mnist: dict[str, Array],
    real_pca: PrincipalComponents,
    std: float,
    expected: tuple[float, float, float],
    wiener: float,
) -> None:
    images = fashion_mnist["test"]
    noise = np.random.default_rng(0).standard_normal(images.shape, np.float32)
    corrupted = images + np.float32(std) * noise
    # The published table knows powers of 2 up to 128; at .1 the best projection lies beyond.
    coarse = denoising_floor(real_pca, corrupted, images, (2, 8, 16, 32, 64, 128))
    assert coarse[:3] == pytest.approx(expected, abs=0.1)
    fine = denoising_floor(real_pca, corrupted, images)
    assert fine.pca_psnr >= coarse.pca_psnr
    if std == 0.1:
        assert fine.pca_psnr == pytest.approx(23.0, abs=0.1)
    assert wiener_psnr(real_pca, corrupted, images, std) == pytest.approx(wiener, abs=0.06)
    clipped = denoising_floor(real_pca, corrupted.clip(0, 1), images)
    assert clipped.pca_psnr < fine.pca_psnr


@pytest.mark.real
@pytest.mark.parametrize(
    ("n_components", "probe", "knn"), [(32, 0.760, 0.852), (64, 0.785, None), (128, 0.801, 0.863)]
)
def test_probes_of_pca_codes_of_fashion_mnist(
    fashion_mnist: dict[str, Array],
    real_pca: PrincipalComponents,
    n_components: int,
    probe: float,
    knn: float | None,
) -> None:
    arrays = (
        real_pca.project(fashion_mnist["train"], n_components),
        fashion_mnist["train_labels"],
        real_pca.project(fashion_mnist["test"], n_components),
        fashion_mnist["test_labels"],
    )
    assert linear_probe_accuracy(*arrays) == pytest.approx(probe, abs=6e-4)
    if knn is not None:
        assert knn_accuracy(*arrays, max_points=None) == pytest.approx(knn, abs=6e-4)
        # Two standard errors of 2,000 points.
        assert knn_accuracy(*arrays) == pytest.approx(knn, abs=0.016)


@pytest.mark.real
def test_probe_of_the_pixels_of_fashion_mnist(fashion_mnist: dict[str, Array]) -> None:
    arrays = [fashion_mnist[name] for name in ("train", "train_labels", "test", "test_labels")]
    assert linear_probe_accuracy(*arrays) == pytest.approx(0.811, abs=6e-4)
