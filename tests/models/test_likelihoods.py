import math

import pytest
import torch
import torch.nn.functional as F

from autoencoder.models.likelihoods import BernoulliLikelihood, GaussianLikelihood

LIKELIHOODS = {
    "gaussian": GaussianLikelihood(0.2, learnt=False),
    "learnt_gaussian": GaussianLikelihood(0.2, learnt=True),
    "bernoulli": BernoulliLikelihood(),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_mean_is_the_sigmoid_and_log_prob_is_of_an_image(name: str) -> None:
    logits = torch.randn(5, 3, 6, 4)
    images = LIKELIHOODS[name](logits)
    assert torch.allclose(images.mean, logits.sigmoid())
    assert images.log_prob(torch.rand(5, 3, 6, 4)).shape == (5,)


def test_gaussian_is_the_squared_error_and_a_constant() -> None:
    logits, images, std = torch.randn(4, 1, 5, 5), torch.rand(4, 1, 5, 5), 0.3
    squared = (logits.sigmoid() - images).square().sum((1, 2, 3))
    constant = 25 * (math.log(std) + 0.5 * math.log(2 * math.pi))
    expected = -squared / (2 * std**2) - constant
    assert torch.allclose(
        GaussianLikelihood(std, learnt=False)(logits).log_prob(images), expected, atol=1e-4
    )


def test_bernoulli_is_minus_the_cross_entropy_also_of_grey_and_saturated_pixels() -> None:
    logits, images = torch.randn(4, 1, 5, 5) * 100, torch.rand(4, 1, 5, 5)
    entropy = F.binary_cross_entropy_with_logits(logits, images, reduction="none")
    found = BernoulliLikelihood()(logits).log_prob(images)
    assert torch.allclose(found, -entropy.sum((1, 2, 3)))


def test_a_learnt_std_finds_the_error() -> None:
    logits = torch.randn(200, 1, 8, 8)
    images = logits.sigmoid() + 0.05 * torch.randn_like(logits)
    likelihood = GaussianLikelihood(0.5, learnt=True)
    optimizer = torch.optim.Adam(likelihood.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        (-likelihood(logits).log_prob(images).mean()).backward()
        optimizer.step()
    assert likelihood.log_std.exp().item() == pytest.approx(0.05, rel=0.02)


def test_a_fixed_std_is_not_trained_but_saved() -> None:
    likelihood = GaussianLikelihood(0.2, learnt=False)
    assert not list(likelihood.parameters())
    assert list(likelihood.state_dict()) == ["log_std"]


@pytest.mark.parametrize("std", [0, -1, math.nan])
def test_std_must_be_positive(std: float) -> None:
    with pytest.raises(ValueError, match="std must be a number > 0"):
        GaussianLikelihood(std, learnt=False)
