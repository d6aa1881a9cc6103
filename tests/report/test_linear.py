"""The floors of denoisers, of any noise, against scikit-learn's linear regression."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn

from autoencoder.analysis import pca as pca_module
from autoencoder.analysis.arrays import Array
from autoencoder.data import ImageDataModule, to_float
from autoencoder.data.noise import GaussianNoise, MaskingNoise, SaltAndPepperNoise
from autoencoder.data.split import Split
from autoencoder.data.synthetic import SyntheticGarments
from autoencoder.report.measure import linear as linear_module
from autoencoder.report.measure.linear import LinearMethods
from tests.report.runs_on_disk import SETTINGS

NOISES = {
    "gaussian": GaussianNoise(0.2, clip=True),
    "a range": GaussianNoise([0, 0.6], clip=True),
    "salt and pepper": SaltAndPepperNoise(0.1),
    "masking": MaskingNoise(0.25),
}


def garments(noise: nn.Module) -> ImageDataModule:
    data = SyntheticGarments(
        train_size=4032, test_size=200, image_size=8, channels=1,
        batch_size=100, val_size=32, seed=0, split_seed=0, num_workers=0, noise=noise,
    )  # fmt: skip
    data.setup()
    return data


def corrupted(data: ImageDataModule) -> Tensor:
    images = data.test.corrupted
    assert images is not None
    return images


def regression_psnr(data: ImageDataModule) -> float:
    """Of scikit-learn's regression on ten copies of the training images."""
    images = to_float(data.train.images).repeat(10, 1, 1, 1)
    torch.manual_seed(7)
    noisy, clean = (part.flatten(1).double().numpy() for part in (data.noise(images), images))
    fitted = LinearRegression().fit(noisy, clean)
    denoised = fitted.predict(corrupted(data).flatten(1).double().numpy()).clip(0, 1)
    errors = denoised - to_float(data.test.images).flatten(1).numpy()
    return float(-10 * np.log10(np.square(errors).mean()))


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES.keys())
def test_the_best_linear_method_is_no_worse_than_a_regression(noise: nn.Module) -> None:
    data = garments(noise)
    linear = LinearMethods(data, SETTINGS)
    best = linear.linear_psnr(data.noise, corrupted(data))
    assert regression_psnr(data) - 0.15 < best < regression_psnr(data) + 0.5


def test_more_copies_are_worth_little(monkeypatch: pytest.MonkeyPatch) -> None:
    data = garments(NOISES["masking"])
    few = LinearMethods(data, SETTINGS).linear_psnr(data.noise, corrupted(data))
    monkeypatch.setattr(linear_module, "COPIES", 10)
    many = LinearMethods(data, SETTINGS).linear_psnr(data.noise, corrupted(data))
    assert few < many == pytest.approx(regression_psnr(data), abs=0.05)


def test_few_training_images_leave_the_other_methods() -> None:
    data = garments(GaussianNoise(0.3, clip=True))
    data.train = Split(data.train.images[:20], None, data.train.labels[:20])
    settings = dataclasses.replace(SETTINGS, noise_stds=(0.3,))
    linear = LinearMethods(data, settings)
    floors = linear.floors([4])
    assert floors.affine_psnr[0.3] < floors.wiener_psnr[0.3]
    best = linear.linear_psnr(data.noise, corrupted(data))
    assert best >= max(floors.wiener_psnr[0.3], floors.pca_psnr[0.3])


def test_the_curve_holds_the_map_of_each_strength() -> None:
    data = garments(nn.Identity())
    floors = LinearMethods(data, dataclasses.replace(SETTINGS, noise_stds=(0, 0.1, 0.2)))
    curve = floors.floors([4]).affine_psnr
    assert set(curve) == {0.1, 0.2}
    noisy = garments(NOISES["gaussian"])
    # Other noise of the same strength on the test images.
    assert curve[0.2] == pytest.approx(regression_psnr(noisy), abs=0.2)
    assert curve[0.1] > curve[0.2] + 2


def test_the_fit_leaves_the_global_generator_alone_and_repeats_itself() -> None:
    data = garments(NOISES["masking"])
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = LinearMethods(data, SETTINGS).linear_psnr(data.noise, corrupted(data))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(4)
    assert LinearMethods(data, SETTINGS).linear_psnr(data.noise, corrupted(data)) == first


class Dimmed(nn.Module):
    """A user's noise, which does not print what it holds."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, images: Tensor) -> Tensor:
        return images * (torch.rand_like(images) > self.share)


def test_runs_of_the_same_noise_share_a_fit_and_others_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = garments(nn.Identity())
    linear = LinearMethods(data, SETTINGS)
    fits: list[nn.Module] = []
    pairs = linear._corrupted

    def counted(noise: nn.Module) -> Iterator[tuple[list[Array], Array]]:
        fits.append(noise)
        return pairs(noise)

    monkeypatch.setattr(linear, "_corrupted", counted)
    images = to_float(data.test.images)
    torch.manual_seed(0)
    low, high = Dimmed(0.1), Dimmed(0.6)
    psnr = [
        linear.linear_psnr(noise, noise(images)) for noise in (low, high, nn.Sequential(low), low)
    ]
    assert psnr[0] == psnr[3] > psnr[1] + 1
    assert fits[:2] == [low, high]
    assert len(fits) == 3
    assert linear.linear_psnr(Dimmed(0.6), images) == psnr[1]
    nested = [nn.Sequential(nn.Sequential(Dimmed(share))) for share in (0.1, 0.6)]
    assert linear.linear_psnr(nested[0], low(images)) > linear.linear_psnr(nested[1], high(images))


def test_an_overcomplete_latent_is_held_against_the_pixels() -> None:
    data = garments(nn.Identity())
    linear = LinearMethods(data, SETTINGS)
    train, test = (to_float(split.images).flatten(1).numpy() for split in (data.train, data.test))
    classifier = KNeighborsClassifier(5).fit(train, data.train.labels.numpy())
    rows = np.sort(np.random.default_rng(0).choice(200, SETTINGS.knn_points, replace=False))
    expected = classifier.score(test[rows], data.test.labels.numpy()[rows])
    knn, probe = linear.accuracies(1000)
    assert (knn, probe) == linear.accuracies(64)
    assert knn == pytest.approx(expected, abs=0.02)


def test_of_large_images_there_are_leading_components_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = garments(GaussianNoise(0.2, clip=True))
    whole = LinearMethods(data, SETTINGS)
    expected, best = whole.floors([8, 30, 64]), whole.linear_psnr(data.noise, corrupted(data))
    for module in (pca_module, linear_module):
        monkeypatch.setattr(module, "LARGEST", 10)
    monkeypatch.setattr(pca_module, "LEADING", 20)
    large = LinearMethods(data, SETTINGS)
    floors = large.floors([8, 30, 64])
    assert floors.pca_mse[8] == pytest.approx(expected.pca_mse[8], rel=0.01)
    assert 32 in expected.pca_mse
    assert 32 not in floors.pca_mse
    assert np.isnan(floors.pca_mse[30])
    assert (floors.wiener_psnr, floors.affine_psnr) == ({}, {})
    assert set(floors.pca_psnr) == set(expected.pca_psnr)
    assert best - 3 < large.linear_psnr(data.noise, corrupted(data)) < best
    assert not np.isnan(large.accuracies(8)).any()
    assert np.isnan(large.accuracies(30)).all()
