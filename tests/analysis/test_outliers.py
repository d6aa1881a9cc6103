"""Scores of strangers, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from autoencoder.analysis.outliers import (
    auroc,
    mahalanobis,
    neighbour_distances,
    pca_errors,
    pca_near,
    together,
    weighted_errors,
)

RNG = np.random.default_rng


def test_the_area_is_the_chance_that_a_stranger_scores_higher() -> None:
    rng = RNG(0)
    scores, strange = rng.normal(size=200).round(1), rng.random(200) < 0.3
    pairs = scores[strange][:, None] - scores[~strange][None]
    expected = (pairs > 0).mean() + (pairs == 0).mean() / 2
    assert auroc(scores, strange) == pytest.approx(expected)
    assert auroc(strange.astype(float), strange) == 1


@pytest.mark.parametrize(
    ("scores", "strange"),
    [
        (np.ones(4), np.zeros(4, bool)),
        (np.ones(4), np.array([True, False])),
        (np.full(4, np.nan), np.arange(4) > 1),
    ],
)
def test_what_has_no_area_is_refused(scores: np.ndarray, strange: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"both kinds|labels|finite"):
        auroc(scores, strange)


def test_distances_are_in_standard_deviations_along_the_axes() -> None:
    mixing = RNG(1).normal(size=(4, 4))
    white = RNG(0).normal(size=(500, 4))
    white = (white - white.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(white.T, ddof=0))).T
    found = mahalanobis(white @ mixing + 7, np.eye(4) * [1, 2, 3, 4] @ mixing + 7)
    np.testing.assert_allclose(found, [1, 4, 9, 16], rtol=1e-6)


def test_latents_that_never_vary_have_no_distance() -> None:
    train = np.pad(RNG(0).normal(size=(50, 2)), ((0, 0), (0, 3)), constant_values=2)
    assert np.isfinite(mahalanobis(train, train + 1)).all()


def test_scores_weigh_alike_whatever_their_scale() -> None:
    a, b = RNG(0).normal(5, 1, 50), RNG(1).normal(3, 2, 50)
    found = together((a, b), (a, b))
    np.testing.assert_allclose(found, together((1000 * a - 1, b), (1000 * a - 1, b)))
    assert found.mean() == pytest.approx(0, abs=1e-9)
    assert np.corrcoef(found, a)[0, 1] == pytest.approx(np.corrcoef(found, b)[0, 1])


def test_the_floor_is_that_of_scikit_learn() -> None:
    train, test = RNG(0).random((80, 1, 6, 6)), RNG(1).random((20, 1, 6, 6))
    pca = PCA(5).fit(train.reshape(80, -1))
    flat = test.reshape(20, -1)
    expected = np.square(pca.inverse_transform(pca.transform(flat)) - flat).mean(1)
    np.testing.assert_allclose(pca_errors(train, test, 5), expected, rtol=1e-6)


def test_errors_are_in_units_of_those_of_training() -> None:
    train = np.tile([[1.0, 0.1]], (50, 1)) * RNG(0).choice([-1, 1], (50, 2))
    found = weighted_errors(train, np.array([[2.0, 0.0], [0.0, 0.2], [1.0, 0.1]]))
    np.testing.assert_allclose(found, [2 / 1.001, 0.02 / 0.011, (1 / 1.001 + 0.01 / 0.011) / 2])


def test_neighbours_are_those_of_mahalanobis_distance() -> None:
    train, points = RNG(0).normal(size=(60, 4)) * [1, 2, 3, 40] + 5, RNG(1).normal(size=(7, 4))
    inverse = np.linalg.inv(np.cov(train.T))
    apart = points[:, None] - train[None]
    distances = np.sqrt(np.einsum("ijk,kl,ijl->ij", apart, inverse, apart))
    expected = np.sort(distances, axis=1)[:, :5].mean(1)
    np.testing.assert_allclose(neighbour_distances(train, points), expected)
    # A number that never varies in training adds nothing, and divides by nothing.
    constant = np.pad(train, ((0, 0), (0, 1)), constant_values=2)
    np.testing.assert_allclose(
        neighbour_distances(constant, np.pad(points, ((0, 0), (0, 1)))), expected, rtol=1e-6
    )


def test_the_floor_is_given_what_the_network_is() -> None:
    train, val, test = (RNG(i).random((n, 36)) for i, n in enumerate((80, 15, 20)))
    pca = PCA(5).fit(train)
    left, codes = (
        [f(x) for x in (train, val, test)]
        for f in (lambda x: x - pca.inverse_transform(pca.transform(x)), pca.transform)
    )
    errors = [np.mean(r**2 / (np.mean(left[0] ** 2, 0) + 1e-3), 1) for r in left]
    unit = [c / codes[0].std(0, ddof=1) for c in codes]
    near = [
        np.sort(np.linalg.norm(u[:, None] - unit[0], axis=2), axis=1)[:, :5].mean(1) for u in unit
    ]
    expected = sum((s[2] - s[1].mean()) / s[1].std() for s in (errors, near))
    np.testing.assert_allclose(pca_near(train, val, test, 5), expected, rtol=1e-6)
