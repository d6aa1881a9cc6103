from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.decomposition import PCA

from autoencoder.analysis.pca import PrincipalComponents, pca_mse

Array = npt.NDArray[Any]
POINTS = np.random.default_rng(0).random((20, 4))
FITTED = PrincipalComponents.fit(POINTS)


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FITTED.project(POINTS[:, :3], 2), "4 values a point"),
        (lambda: FITTED.project(POINTS, -1), "negative"),
        (lambda: FITTED.reconstruct(np.ones((20, 5))), "n <= 4"),
        (lambda: pca_mse(FITTED, POINTS, []), "n_components is empty"),
        (lambda: pca_mse(FITTED, POINTS * 255, [2]), r"in \[0, 1\]"),
        (lambda: pca_mse(FITTED, POINTS, [2], targets=POINTS[:5]), "20 images, got 5"),
    ],
)
def test_mismatches_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


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


def test_leading_components_are_the_first_of_all() -> None:
    generator = np.random.default_rng(0)
    points = generator.normal(size=(300, 40)) * np.linspace(3, 0.1, 40)
    points = points.astype(np.float32)
    whole, leading = PrincipalComponents.fit(points), PrincipalComponents.leading(points, 5)
    assert leading.components.shape == (5, 40)
    np.testing.assert_allclose(leading.mean, whole.mean, atol=1e-5)
    np.testing.assert_allclose(leading.variances, whole.variances[:5], rtol=1e-2)
    np.testing.assert_allclose(leading.components[:2], whole.components[:2], atol=0.05)
    with pytest.raises(ValueError, match="two points"):
        PrincipalComponents.leading(points[:1], 5)
