import math
import re

import pytest
import torch
from torch import Tensor, nn

from autoencoder.data.noise import GaussianNoise, MaskingNoise, SaltAndPepperNoise

NOISES = [
    GaussianNoise(0.3, clip=True),
    GaussianNoise([0.0, 0.6], clip=True),
    SaltAndPepperNoise(0.2),
    MaskingNoise(0.4),
]


@pytest.fixture
def grey() -> Tensor:
    return torch.full((500, 3, 10, 12), 0.5)


@pytest.mark.parametrize("noise", NOISES, ids=str)
def test_same_seed_same_noise_and_fresh_otherwise(noise: nn.Module, grey: Tensor) -> None:
    torch.manual_seed(1)
    first, second = noise(grey), noise(grey)
    torch.manual_seed(1)
    again = noise(grey)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("noise", NOISES, ids=str)
def test_shape_range_and_input_left_alone(noise: nn.Module, grey: Tensor) -> None:
    corrupted = noise(grey)
    assert corrupted.shape == grey.shape
    assert corrupted.min() >= 0
    assert corrupted.max() <= 1
    assert torch.equal(grey, torch.full_like(grey, 0.5))


def test_gaussian_has_its_mean_and_std(grey: Tensor) -> None:
    error = GaussianNoise(0.3, clip=False)(grey) - grey
    assert error.mean().item() == pytest.approx(0, abs=0.005)
    assert error.std().item() == pytest.approx(0.3, rel=0.01)


def test_pixels_and_channels_and_images_have_noise_of_their_own(grey: Tensor) -> None:
    error = GaussianNoise(0.3, clip=False)(grey) - grey
    for one, other in ((error[:, 0], error[:, 1]), (error[0::2], error[1::2])):
        assert (one * other).mean().item() / 0.09 == pytest.approx(0, abs=0.02)
    for noise in (SaltAndPepperNoise(0.2), MaskingNoise(0.4)):
        changed = (noise(grey) != grey).float()[:, 0]
        # An image is hit as often as another, but not in the same pixels.
        both = (changed[0::2] * changed[1::2]).mean().item()
        assert both == pytest.approx(changed.mean().item() ** 2, rel=0.1)


def test_gaussian_range_draws_one_std_an_image(grey: Tensor) -> None:
    stds = (GaussianNoise([0.1, 0.5], clip=False)(grey) - grey).flatten(1).std(1)
    assert stds.min() > 0.08
    assert stds.max() < 0.55
    assert stds.mean().item() == pytest.approx(0.3, abs=0.03)
    # Uniformly between the two.
    assert stds.std().item() == pytest.approx(0.4 / 12**0.5, abs=0.02)


def test_salt_and_pepper_replaces_its_share(grey: Tensor) -> None:
    corrupted = SaltAndPepperNoise(0.2)(grey)
    assert (corrupted == 0).float().mean().item() == pytest.approx(0.1, rel=0.05)
    assert (corrupted == 1).float().mean().item() == pytest.approx(0.1, rel=0.05)


def test_masking_zeroes_its_share_of_pixels_in_all_channels(grey: Tensor) -> None:
    masked = MaskingNoise(0.4)(grey) == 0
    assert masked.float().mean().item() == pytest.approx(0.4, rel=0.05)
    assert torch.equal(masked.any(1), masked.all(1))


@pytest.mark.parametrize(
    "noise", [GaussianNoise(0, clip=True), SaltAndPepperNoise(0), MaskingNoise(0)]
)
def test_no_noise_changes_nothing(noise: nn.Module, grey: Tensor) -> None:
    assert torch.equal(noise(grey), grey)


STD = r"noise\.std must be a number >= 0 or a pair \[low, high\] of them"


@pytest.mark.parametrize(
    "std", [-1, [0.5, 0.1], [0.1], [0.1, "x"], [], "loud", "ab", None, True, math.nan, math.inf]
)
def test_bad_std_is_named(std: object) -> None:
    with pytest.raises(ValueError, match=f"{STD}, got {re.escape(repr(std))}"):
        GaussianNoise(std, clip=True)


@pytest.mark.parametrize("share", [1.5, -0.1, "x", None, True, [0.1], math.nan])
@pytest.mark.parametrize(
    ("noise", "key"), [(SaltAndPepperNoise, "amount"), (MaskingNoise, "ratio")]
)
def test_bad_share_is_named(noise: type[nn.Module], key: str, share: object) -> None:
    with pytest.raises(ValueError, match=rf"noise\.{key} must be a number in \[0, 1\], got "):
        noise(share)


@pytest.mark.parametrize("clip", [None, 1, "yes"])
def test_bad_clip_is_named(clip: object) -> None:
    with pytest.raises(ValueError, match=r"noise\.clip must be true or false, got "):
        GaussianNoise(0.3, clip)
