from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autoencoder.analysis.pca import PrincipalComponents
from autoencoder.analysis.probes import knn_accuracy, linear_probe_accuracy

Array = npt.NDArray[Any]
POINTS = np.random.default_rng(0).random((20, 4))
LABELS = np.arange(20) % 2


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: knn_accuracy(POINTS[:3], LABELS[:3], POINTS, LABELS), r"in 1..3"),
        (lambda: knn_accuracy(POINTS, LABELS, POINTS[:, :2], LABELS), "4 values a point"),
        (lambda: linear_probe_accuracy(POINTS, LABELS * 0, POINTS, LABELS), "two classes"),
    ],
)
def test_mismatches_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


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
