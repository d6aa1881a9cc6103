from functools import partial

import pytest
import torch
from torch.optim import Adam

from autoencoder.data import Batch
from autoencoder.models import (
    Autoencoder,
    ConvAutoencoder,
    ResidualAutoencoder,
    VariationalAutoencoder,
)
from autoencoder.models.likelihoods import BernoulliLikelihood, GaussianLikelihood
from autoencoder.networks.residual import ContextBlock, ResidualBlock

adam = partial(Adam, lr=1e-3)

# A row a model: what makes it, for images of a shape.
MODELS = {
    "baseline": partial(ConvAutoencoder, [16, 32, 64], 3, 2, 1, optimizer=adam),
    "compact4layer": partial(ConvAutoencoder, [16, 32, 64, 32], 3, 2, 1, optimizer=adam),
    "residual": partial(ResidualAutoencoder, [8, 16], 1, 12, optimizer=adam),
    "overcomplete": partial(ResidualAutoencoder, [8, 16], 2, None, context=8, optimizer=adam),
    "vae": partial(
        VariationalAutoencoder, [8, 16], 1, 6, GaussianLikelihood(0.1, learnt=True), optimizer=adam
    ),
    "conditional_vae": partial(
        VariationalAutoencoder, [8, 16], 1, 6, BernoulliLikelihood(), num_classes=10, optimizer=adam
    ),
}
SHAPES = [(1, 28, 28), (3, 32, 32), (1, 20, 14)]


@pytest.fixture(params=[(name, shape) for name in MODELS for shape in SHAPES], ids=str)
def model(request: pytest.FixtureRequest) -> Autoencoder:
    name, shape = request.param
    torch.manual_seed(0)
    built: Autoencoder = MODELS[name](image_shape=shape)
    return built


def batch_for(model: Autoencoder) -> Batch:
    images = torch.rand(4, *model.image_shape)
    return Batch(images, images, torch.arange(4))


def test_shapes_and_range(model: Autoencoder) -> None:
    images, _, labels = batch_for(model)
    latent = model.encode(images, labels)
    assert latent.shape == (4, *model.latent_shape)
    assert latent[0].numel() == model.latent_size
    for reconstructions in (model.decode(latent, labels), model(images, labels)):
        assert reconstructions.shape == images.shape
        assert reconstructions.min() >= 0
        assert reconstructions.max() <= 1


def test_every_parameter_gets_a_gradient(model: Autoencoder) -> None:
    batch = batch_for(model)
    # A unit of a tiny untrained network may be dead for four images.
    model._log_train = lambda *_, **__: None  # there is no trainer to log to
    batches = (Batch(torch.rand_like(batch.images), *batch[1:]) for _ in range(3))
    for module in model.modules():
        if isinstance(module, ResidualBlock):  # which starts as its activation alone
            torch.nn.init.ones_(module.residual[-1].weight)
        if isinstance(module, ContextBlock):  # which starts as the identity
            torch.nn.init.ones_(module.expand[-1].weight)
    loss = sum(model.training_step(batch, 0) for batch in batches)
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_state_round_trip(model: Autoencoder, tmp_path: object) -> None:
    model.eval()  # batch normalisation in training changes its state
    images, _, labels = batch_for(model)
    before = model(images, labels)
    path = f"{tmp_path}/weights.ckpt"
    torch.save(model.state_dict(), path)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert not torch.equal(model(images, labels), before)
    model.load_state_dict(torch.load(path, weights_only=True))
    assert torch.equal(model(images, labels), before)
