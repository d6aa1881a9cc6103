"""What every model of conf/model does, whatever it is: a new file there is tested here."""

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from autoencoder.commandline.configs import CONF_DIR
from autoencoder.data import Batch
from autoencoder.models import Autoencoder
from autoencoder.networks.residual import ContextBlock, ResidualBlock

MODELS = sorted(path.stem for path in (CONF_DIR / "model").glob("*.yaml"))
SHAPES = [(1, 28, 28), (3, 32, 32), (1, 20, 14)]


def built(name: str, shape: tuple[int, int, int] = (1, 28, 28)) -> Autoencoder:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose("train", [f"model={name}", "run_dir=.", "name=x"])
    torch.manual_seed(0)
    options = {"optimizer": instantiate(cfg.optimizer, _convert_="all"), "image_shape": shape}
    model: Autoencoder = instantiate(cfg.model, _convert_="all", _partial_=True)(**options)
    return model


@pytest.fixture(params=[(name, shape) for name in MODELS for shape in SHAPES], ids=str)
def model(request: pytest.FixtureRequest) -> Autoencoder:
    return built(*request.param)


def batch_for(model: Autoencoder, count: int = 4, seed: int = 0) -> Batch:
    """Images, other images as their corrupted ones, and labels."""
    generator = torch.Generator().manual_seed(seed)
    images, corrupted = torch.rand(2, count, *model.image_shape, generator=generator)
    return Batch(images, corrupted, torch.arange(count) % 10)


def test_shapes_and_range(model: Autoencoder) -> None:
    images, _, labels = batch_for(model)
    latent = model.encode(images, labels)
    assert latent.shape == (4, *model.latent_shape)
    # The code of a vector is one, however many numbers that vector has.
    assert latent[0].numel() == model.latent_size or model.has_codes
    assert 0 < model.latent_bits <= 32 * model.latent_size
    for reconstructions in (model.decode(latent, labels), model(images, labels)):
        assert reconstructions.shape == images.shape
        assert reconstructions.min() >= 0
        assert reconstructions.max() <= 1


def test_every_parameter_gets_a_gradient(model: Autoencoder) -> None:
    model.log_train = lambda *_, **__: None  # there is no trainer to log to
    for module in model.modules():
        if isinstance(module, ResidualBlock):  # which starts as its activation alone
            torch.nn.init.ones_(module.residual[-1].weight)
        if isinstance(module, ContextBlock):  # which starts as the identity
            torch.nn.init.ones_(module.expand[-1].weight)
    # A unit of an untrained network may be dead for four images.
    sum(model.training_step(batch_for(model, seed=seed), 0) for seed in range(3)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_state_round_trip(model: Autoencoder, tmp_path: Path) -> None:
    model.eval()  # batch normalisation in training changes its state
    images, _, labels = batch_for(model)
    before = model(images, labels)
    torch.save(model.state_dict(), tmp_path / "weights.ckpt")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert not torch.equal(model(images, labels), before)
    model.load_state_dict(torch.load(tmp_path / "weights.ckpt", weights_only=True))
    assert torch.equal(model(images, labels), before)


def test_a_prior_is_of_latents_that_decode_to_images() -> None:
    with_prior = [model for model in map(built, MODELS) if model.prior is not None]
    assert with_prior
    for model in with_prior:
        latents = model.prior.sample((4, model.latent_size)).view(4, *model.latent_shape)
        images = model.eval().decode(latents, torch.arange(4))
        assert images.shape == (4, *model.image_shape)


# The contract: the target is the clean image, the input the corrupted one, means are over pixels.


def squared_errors(one: Tensor, other: Tensor) -> Iterator[float]:
    for a, b in zip(one.flatten().tolist(), other.flatten().tolist(), strict=True):
        yield (a - b) ** 2


def mse(one: Tensor, other: Tensor) -> float:
    """By the definition, in Python's own numbers."""
    return math.fsum(squared_errors(one, other)) / one.numel()


@pytest.fixture(params=MODELS)
def untrained(request: pytest.FixtureRequest) -> Autoencoder:
    model = built(request.param)
    model.eval().requires_grad_(False)
    for parameter in model.parameters():
        if parameter.ndim > 1:  # as they are first, networks hardly look at their input
            parameter.mul_(3)
    model.log_dict = model.log = lambda *_, **__: None
    return model


def test_the_training_loss_is_the_error_to_the_clean_image(untrained: Autoencoder) -> None:
    logged: dict[str, Tensor] = {}
    untrained.log_train = lambda terms, *_, **__: logged.update(terms)
    batch = batch_for(untrained)
    torch.manual_seed(5)
    loss = untrained.training_step(batch, 0).item()
    if untrained.prior is None:
        reconstructions = untrained.decode(untrained.encode(batch.corrupted, batch.labels))
        commitment = logged["commitment"].item() if untrained.has_codes else 0.0
        assert loss - commitment == pytest.approx(mse(reconstructions, batch.images), rel=1e-5)
    else:
        # E[log p(x|z)] of the clean image, under the posterior of the corrupted one.
        torch.manual_seed(5)
        posterior = untrained.posterior(batch.corrupted, batch.labels)
        given = untrained.distribution(posterior.rsample(), batch.labels)
        means, stds = posterior.mean, posterior.stddev
        kl = (means**2 + stds**2 - 1).sum().item() / 2 - stds.log().sum().item()
        expected = (kl - given.log_prob(batch.images).sum().item()) / len(batch.images)
        assert loss == pytest.approx(expected, rel=1e-4)
        assert logged["kl"].item() == pytest.approx(kl / len(batch.images), rel=1e-4)
    assert logged["loss"].item() == loss


def test_the_validation_compares_with_the_clean_images(untrained: Autoencoder) -> None:
    parts = [batch_for(untrained, 5, seed=1), batch_for(untrained, 3, seed=2)]
    for number, batch in enumerate(parts):
        untrained.validation_step(batch, number)
    images, corrupted, labels = (torch.cat(part) for part in zip(*parts, strict=True))
    # Of all images, not the mean of two batches' means.
    expected = mse(untrained(corrupted, labels), images)
    measured = untrained.val_metrics.compute()["val/mse"].item()
    assert measured == pytest.approx(expected, rel=1e-5)
    loss = untrained.validation_loss().item()
    if untrained.has_codes:
        commitment = untrained.val_metrics.compute()["val/commitment"].item()
        assert loss == pytest.approx(measured + commitment)
    elif untrained.prior is None:
        assert loss == measured
    else:
        terms = untrained.val_metrics.compute()
        assert loss == pytest.approx(-terms["val/elbo"].item(), rel=1e-5)


def test_the_test_measures_what_its_names_say(untrained: Autoencoder) -> None:
    parts = [batch_for(untrained, 5, seed=1), batch_for(untrained, 3, seed=2)]
    for number, batch in enumerate(parts):
        untrained.test_step(batch, number)
    images, corrupted, labels = (torch.cat(part) for part in zip(*parts, strict=True))
    measured = {name: value.item() for name, value in untrained.test_metrics.compute().items()}
    of_corrupted, of_clean = untrained(corrupted, labels), untrained(images, labels)
    assert mse(of_corrupted, images) != pytest.approx(mse(of_clean, images), rel=1e-4)
    expected = {
        "test/mse": mse(of_corrupted, images),
        "test/psnr": -10 * math.log10(mse(of_corrupted, images)),
        "test/ssim": structural_similarity_index_measure(
            of_corrupted, images, data_range=1.0
        ).item(),
        "test/clean_mse": mse(of_clean, images),
        "test/input_mse": mse(corrupted, images),
    }
    assert {name: measured[name] for name in expected} == pytest.approx(expected, rel=1e-5)


def test_doing_nothing_is_measured_on_images_and_the_model_on_what_it_was_given() -> None:
    model = built("baseline")
    images, _, labels = batch_for(model)
    corrupted = images + torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    model.test_step(Batch(images, corrupted, labels), 0)
    measured = model.test_metrics.compute()
    assert measured["test/input_mse"].item() == pytest.approx(mse(corrupted.clip(0, 1), images))
    assert measured["test/mse"].item() == pytest.approx(mse(model(corrupted), images))


def test_the_training_terms_are_means_over_the_images_of_an_epoch() -> None:
    model = built("baseline")
    trainer = SimpleNamespace(is_last_batch=False)
    model.trainer = trainer
    logged: list[dict[str, float]] = []

    def log_dict(terms: dict[str, Tensor], **options: object) -> None:
        assert (options["on_step"], options["on_epoch"]) == (False, True)
        logged.append({name: value.item() for name, value in terms.items()})

    model.log_dict = log_dict
    for losses in ((3.0, 5.0, 13.0), (1.0, 2.0, 3.0)):
        for number, (loss, n_images) in enumerate(zip(losses, (4, 4, 2), strict=True)):
            trainer.is_last_batch = number == 2
            terms = {"loss": torch.tensor(loss, requires_grad=True), "kl": torch.tensor(-loss)}
            model.log_train(terms, n_images, first=number == 0)
    means = [(4 * 3 + 4 * 5 + 2 * 13) / 10, (4 * 1 + 4 * 2 + 2 * 3) / 10]
    assert logged == [pytest.approx({"train/loss": mean, "train/kl": -mean}) for mean in means]


def test_without_noise_the_input_is_reconstructed_once(untrained: Autoencoder) -> None:
    images, _, labels = batch_for(untrained)
    calls: list[int] = []
    untrained.decoder.register_forward_hook(lambda *_: calls.append(1))
    untrained.test_step(Batch(images, images, labels), 0)
    clean = len(calls)
    untrained.test_step(Batch(images, images / 2, labels), 0)
    assert len(calls) - clean == clean + 1
    measured = untrained.test_metrics.compute()["test/clean_mse"].item()
    assert measured == pytest.approx(mse(untrained(images, labels), images), rel=1e-5)
