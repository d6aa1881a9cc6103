from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LinearRegression

from autoencoder.analysis.denoising import AffineMap, denoising_floor, psnr
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
    assert AffineMap.wiener(pca, std=0.1).psnr(corrupted, images) > floor.pca_psnr
    assert AffineMap.wiener(pca, std=1e-6).psnr(images, images) > 80


def test_wiener_filter_shrinks_codes(images: Array, pca: PrincipalComponents) -> None:
    gains = pca.variances / (pca.variances + 0.2**2)
    expected = pca.reconstruct(pca.project(images, 30) * gains).clip(0, 1)
    denoised = AffineMap.wiener(pca, std=0.2).psnr(images, images)
    assert denoised == pytest.approx(psnr(expected, images), rel=1e-7)


# Of weights that are found in such numbers.
ROUNDING = {np.float64: 1e-6, np.float32: 1e-4}


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize(("block", "copies"), [(1, 1), (7, 1), (3000, 1), (3000, 3), (800, 2)])
def test_affine_map_is_the_linear_regression_of_scikit_learn(
    images: Array, block: int, copies: int, dtype: type
) -> None:
    noise = np.random.default_rng(2).standard_normal((copies, 3000, 30)) / 10
    x: Array = (images.reshape(3000, -1) + noise).clip(0, 1).astype(dtype)
    # Targets need not be as many as inputs.
    y: Array = images.reshape(3000, -1)[:, :20].astype(dtype)
    starts = range(0, 3000, block)
    fitted = AffineMap.fit((list(x[:, i : i + block]), y[i : i + block]) for i in starts)
    all_x, all_y = np.concatenate(x).astype(np.float64), np.tile(y, (copies, 1))
    reference = LinearRegression().fit(all_x, all_y.astype(np.float64))
    np.testing.assert_allclose(fitted.weights, reference.coef_.T, atol=ROUNDING[dtype])
    np.testing.assert_allclose(fitted.offset, reference.intercept_, atol=ROUNDING[dtype])
    expected = psnr(reference.predict(all_x), all_y, clip=True)
    assert fitted.psnr(all_x, all_y) == pytest.approx(expected, rel=1e-6)
    assert fitted.psnr(np.concatenate(x), all_y) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", ROUNDING)
def test_affine_map_of_inputs_that_leave_a_choice_is_the_smallest(
    images: Array, dtype: type
) -> None:
    y: Array = images[:12].reshape(12, -1).astype(dtype)
    # A pixel that is constant, two that are the same, and more of them than points.
    x = np.concatenate([y, y[:, :1], np.full((12, 1), 0.1, dtype)], axis=1)
    fitted = AffineMap.fit([([x[:5]], y[:5]), ([x[5:]], y[5:])])
    reference = LinearRegression().fit(x.astype(np.float64), y.astype(np.float64))
    np.testing.assert_allclose(fitted.weights, reference.coef_.T, atol=ROUNDING[dtype])
    assert fitted.psnr(x, y) > 80
    constant = AffineMap.fit([([x[:, -1:]], y)])
    np.testing.assert_allclose(constant.weights, 0)
    np.testing.assert_allclose(constant.offset, y.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("corrupt", ["clip", "mask"])
def test_affine_map_beats_every_projection_and_filter(
    images: Array, pca: PrincipalComponents, corrupt: str
) -> None:
    def noise(seed: int) -> Array:
        rng = np.random.default_rng(seed)
        if corrupt == "mask":
            return images * (rng.random(images.shape) > 0.25)
        return (images + 0.5 * rng.standard_normal(images.shape)).clip(0, 1)

    fitted = AffineMap.fit([([noise(3), noise(4)], images)])
    corrupted = noise(2)
    floor = denoising_floor(pca, corrupted, images, range(31))
    wiener = AffineMap.wiener(pca, std=0.5)
    best = max(floor.pca_psnr, wiener.psnr(corrupted, images), floor.clipped_input_psnr)
    assert fitted.psnr(corrupted, images) > best + 0.4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AffineMap.wiener(FITTED, 0), "std"),
        (lambda: AffineMap.fit([]), "blocks is empty"),
        (lambda: AffineMap.fit([([POINTS], POINTS[:5])]), "20 inputs, but 5 targets"),
        (lambda: AffineMap.wiener(FITTED, 1).psnr(POINTS[:, :3], POINTS), "4 values a point"),
        (lambda: AffineMap.wiener(FITTED, 1).psnr(POINTS, POINTS * 2), r"in \[0, 1\]"),
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
    filtered = AffineMap.wiener(real_pca, std).psnr(corrupted, images)
    assert filtered == pytest.approx(wiener, abs=0.06)
    clipped = denoising_floor(real_pca, corrupted.clip(0, 1), images)
    assert clipped.pca_psnr < fine.pca_psnr


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize(
    ("low", "high", "copies", "expected"),
    [(0.1, 0.1, 1, 24.69), (0.2, 0.2, 1, 21.11), (0.3, 0.3, 1, 19.33), (0.0, 0.6, 4, 18.48)],
)
def test_affine_floors_of_fashion_mnist(
    fashion_mnist: dict[str, Array], low: float, high: float, copies: int, expected: float
) -> None:
    train, test = fashion_mnist["train"][:55_000], fashion_mnist["test"]

    def noise(images: Array, rng: np.random.Generator) -> Array:
        std = rng.uniform(low, high, (len(images), 1)).astype(np.float32)
        noisy: Array = images + std * rng.standard_normal(images.shape, np.float32)
        return noisy.clip(0, 1)

    def pairs() -> Iterator[tuple[Array, Array]]:
        rng = np.random.default_rng(2)
        for _ in range(copies):
            for block in np.split(train, 11):
                yield noise(block, rng), block

    # Normal equations of a column of ones beside the pixels, in plain numpy.
    moments, cross = np.zeros((785, 785)), np.zeros((785, 784))
    for noisy, clean in pairs():
        rows = np.pad(noisy.astype(np.float64), ((0, 0), (0, 1)), constant_values=1)
        moments += rows.T @ rows
        cross += rows.T @ clean
    weights = np.linalg.solve(moments, cross)
    corrupted = noise(test, np.random.default_rng(1))
    errors = (corrupted @ weights[:-1] + weights[-1]).clip(0, 1) - test
    plain = -10 * np.log10(np.square(errors).mean())
    assert plain == pytest.approx(expected, abs=0.02)
    fitted = AffineMap.fit(([noisy], clean) for noisy, clean in pairs())
    assert fitted.psnr(corrupted, test) == pytest.approx(plain, abs=1e-3)
