from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autoencoder.analysis.denoising import denoising_floor, psnr, wiener_psnr
from autoencoder.analysis.pca import PrincipalComponents, pca_mse

Array = npt.NDArray[Any]
POINTS = np.random.default_rng(0).random((20, 4))
FITTED = PrincipalComponents.fit(POINTS)


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wiener_psnr(FITTED, POINTS, POINTS, 0), "std"),
        (lambda: psnr(POINTS, POINTS[:, :3]), "4 values a point"),
    ],
)
def test_mismatches_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


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
