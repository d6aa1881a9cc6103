from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.metrics import silhouette_score

from autoencoder.analysis.latents import latent_use, silhouette, trustworthiness

Array = npt.NDArray[Any]
POINTS = np.random.default_rng(0).random((20, 4))
LABELS = np.arange(20) % 2


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: silhouette(POINTS, LABELS[:5]), "one a point"),
        (lambda: silhouette(POINTS, np.zeros(20)), "two classes"),
        (lambda: silhouette(POINTS, np.arange(20)), "fewer than points"),
        (lambda: trustworthiness(POINTS, POINTS[:5]), "20 images, but 5 latents"),
        (lambda: trustworthiness(POINTS, POINTS, n_neighbors=10), "below half of 20"),
        (lambda: trustworthiness(POINTS, POINTS, max_points=0), "max_points"),
    ],
)
def test_mismatches_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
