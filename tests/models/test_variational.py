import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.optim import Adam

from autoencoder.data import Batch
from autoencoder.models import VariationalAutoencoder
from autoencoder.models.likelihoods import BernoulliLikelihood, GaussianLikelihood
from autoencoder.models.variational import Terms

SHAPE = (1, 12, 12)


def made(**changed: Any) -> VariationalAutoencoder:
    torch.manual_seed(0)
    values: dict[str, Any] = {
        "channels": [8, 16], "blocks": 1, "latent_dim": 3, "image_shape": SHAPE,
        "likelihood": GaussianLikelihood(0.3, learnt=False),
        "optimizer": partial(Adam, lr=1e-3), "beta": 1.0, "warmup_epochs": 0,
        "free_bits": 0.0, "importance_samples": 50, "num_classes": 0,
    }  # fmt: skip
    model = VariationalAutoencoder(**values | changed)
    model.log_train = lambda terms, *_, **__: logged.update(terms)  # there is no trainer
    return model


logged: dict[str, Tensor] = {}


def batch_of(count: int) -> Batch:
    images = torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(1))
    return Batch(images, images, torch.arange(count) % 10)


def posterior_of(model: VariationalAutoencoder, mean: float, std: float) -> None:
    """Makes every posterior this Gaussian, whatever the image."""
    head = model.encoder[-1]
    assert isinstance(head, nn.Linear)
    raw = torch.tensor(std).expm1().log().item()  # the inverse of softplus
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(torch.tensor([mean] * 3 + [raw] * 3))


def test_kl_of_the_standard_normal_is_0() -> None:
    model = made()
    posterior_of(model, 0, 1)
    assert model.terms(batch_of(4)).kl.abs().max() < 1e-5


def test_kl_is_the_closed_form() -> None:
    model = made()
    posterior_of(model, 0.7, 0.4)
    expected = 0.5 * (0.4**2 + 0.7**2 - 1) - torch.tensor(0.4).log()
    assert torch.allclose(model.terms(batch_of(4)).kl, expected.expand(4, 3), atol=1e-4)
    sampled = model.posterior(batch_of(4).images).rsample((200_000,))
    ratio = Normal(0.7, 0.4).log_prob(sampled) - model.prior.log_prob(sampled)
    assert ratio.mean().item() == pytest.approx(expected.item(), abs=0.01)


def test_the_loss_is_nats_an_image_averaged_over_the_batch() -> None:
    model = made(beta=2.0).eval()
    posterior_of(model, 0.5, 1e-3)  # as good as no sampling
    batch = batch_of(6)
    loss = model.training_step(batch, 0)
    images = model.distribution(torch.full((6, 3), 0.5))
    kl = kl_divergence(Normal(0.5, 1e-3), Normal(0.0, 1.0)).item() * 3
    expected = -images.log_prob(batch.images).mean().item() + 2 * kl
    assert loss.item() == pytest.approx(expected, rel=2e-3)
    assert logged["reconstruction"].item() == pytest.approx(expected - 2 * kl, rel=1e-3)
    assert logged["kl"].item() == pytest.approx(kl, rel=1e-3)


def test_free_bits_cost_nothing() -> None:
    model = made(free_bits=0.5).eval()
    posterior_of(model, 0.1, 0.9)  # less than half a nat a dimension
    loss = model.training_step(batch_of(4), 0)
    assert loss.item() == pytest.approx(logged["reconstruction"].item() + 3 * 0.5, rel=1e-5)
    loss.backward()
    head = model.encoder[-1]
    assert isinstance(head, nn.Linear)
    assert head.bias.grad is not None


def test_bits_are_free_in_the_mean_of_a_batch() -> None:
    model = made(free_bits=0.5, beta=2.0)
    kl = torch.tensor([[1.2, 0.4, 0.9], [0.0, 0.4, 0.0]])
    model.terms = lambda batch: Terms(torch.tensor([-3.0, -5.0]), kl)
    # Means of .6, .4 and .45, of which all but the first cost half a nat.
    assert model.training_step(batch_of(2), 0).item() == pytest.approx(4 + 2 * (0.6 + 0.5 + 0.5))
    assert logged["kl"].item() == pytest.approx(0.6 + 0.4 + 0.45)


def test_the_validation_loss_has_the_final_beta() -> None:
    model = made(beta=2.0, warmup_epochs=4, free_bits=0.5)
    model.log_dict = lambda *_: None
    parts = {
        2: Terms(torch.tensor([-3.0, -5.0]), torch.tensor([[1.0, 0.5, 0.0], [2.0, 0.0, 0.0]])),
        1: Terms(torch.tensor([-7.0]), torch.tensor([[0.0, 0.0, 0.1]])),
    }
    model.terms = lambda batch: parts[len(batch.images)]
    for count in parts:
        model.validation_step(batch_of(count), 0)
    assert model.validation_loss().item() == pytest.approx(5 + 2 * 3.6 / 3)
    assert model.val_metrics["elbo"].compute().item() == pytest.approx(-5 - 3.6 / 3)


def test_beta_grows_to_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    model = made(beta=2.0, warmup_epochs=4)
    betas = []
    for epoch in range(6):
        monkeypatch.setattr(VariationalAutoencoder, "current_epoch", epoch)
        betas.append(model._beta_now())
    assert betas == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0, 2.0])


def test_importance_weighted_bound_is_not_below_the_elbo_and_grows_with_k() -> None:
    model = made().eval()
    batch = batch_of(50)
    with torch.no_grad():
        elbos = torch.stack([model.terms(batch).elbo for _ in range(200)])
        few = torch.stack([model.importance_weighted_bound(batch, 2) for _ in range(100)])
        many = model.importance_weighted_bound(batch, 200)
    assert elbos.mean() < few.mean() < many.mean()


def test_one_importance_sample_gives_the_elbo() -> None:
    model = made().eval()
    batch = batch_of(20)
    with torch.no_grad():
        elbo = torch.stack([model.terms(batch).elbo for _ in range(400)]).mean()
        one = torch.stack([model.importance_weighted_bound(batch, 1) for _ in range(400)]).mean()
    assert one.item() == pytest.approx(elbo.item(), rel=0.01)


def test_importance_weighted_bound_is_its_definition() -> None:
    model = made(num_classes=10).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)  # else it hardly looks at its input
    images, labels = batch_of(4).images, torch.arange(4)
    batch = Batch(images, images.flip(0), labels)
    torch.manual_seed(3)
    with torch.no_grad():
        bound = model.importance_weighted_bound(batch, 5)
        posterior = model.posterior(batch.corrupted, labels)
        torch.manual_seed(3)
        latents = [posterior.rsample() for _ in range(5)]
    for k in range(4):
        terms = []
        for latent in latents:
            of_image = model.distribution(latent[k : k + 1], labels[k : k + 1])
            term = of_image.log_prob(images[k : k + 1]).item()
            q = Normal(posterior.mean[k], posterior.stddev[k])
            term += (Normal(0.0, 1.0).log_prob(latent[k]) - q.log_prob(latent[k])).sum().item()
            terms.append(term)
        mean = math.fsum(math.exp(term - max(terms)) for term in terms) / 5
        assert bound[k].item() == pytest.approx(max(terms) + math.log(mean), rel=1e-5)


def test_importance_weighted_bound_reaches_the_likelihood_of_a_known_model() -> None:
    # With a decoder that ignores its latent, log p(x) = log p(x|z) for any z.
    model = made().eval()
    posterior_of(model, 0.3, 0.8)
    with torch.no_grad():
        model.decoder[0].weight.zero_()
    batch = batch_of(5)
    exact = model.distribution(torch.zeros(5, 3)).log_prob(batch.images)
    with torch.no_grad():
        bound = model.importance_weighted_bound(batch, 1000)
    assert torch.allclose(bound, exact, atol=0.2)


def test_labels_change_what_the_conditional_one_does() -> None:
    model = made(num_classes=10, likelihood=BernoulliLikelihood()).eval()
    images, latent = batch_of(4).images, torch.randn(4, 3)
    ones, twos = torch.full((4,), 1), torch.full((4,), 2)
    assert not torch.allclose(model.encode(images, ones), model.encode(images, twos))
    assert not torch.allclose(model.decode(latent, ones), model.decode(latent, twos))
    for call in (model.encode, model.decode):
        with pytest.raises(ValueError, match="needs the labels"):
            call(images if call == model.encode else latent)


def test_labels_change_nothing_in_the_other() -> None:
    model = made().eval()
    images = batch_of(4).images
    assert torch.equal(model(images, torch.full((4,), 1)), model(images))


def test_samples_are_images_of_the_prior() -> None:
    model = made(num_classes=10).eval()
    samples = model.sample(7, torch.arange(7))
    assert samples.shape == (7, *SHAPE)
    assert samples.min() >= 0
    assert samples.max() <= 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"beta": -1.0}, "beta"),
        ({"importance_samples": 0}, "importance_samples"),
        ({"free_bits": -0.1}, "free_bits"),
        ({"latent_dim": 0}, "latent_dim .* got 0$"),
        ({"latent_dim": 2.5}, "latent_dim .* got 2.5$"),
        ({"latent_dim": None}, "latent_dim .* got None$"),
        ({"channels": []}, "channels"),
    ],
)
def test_bad_values_are_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**changed)
