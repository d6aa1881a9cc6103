from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import Adam

from autoencoder.data import Batch
from autoencoder.models.vector_quantized import Perplexity, VectorQuantizedAutoencoder

SHAPE = (1, 12, 12)


def made(**changed: Any) -> VectorQuantizedAutoencoder:
    torch.manual_seed(0)
    values: dict[str, Any] = {
        "channels": [8, 16], "blocks": 1, "codes": 8, "code_dim": 3, "decay": 0.9,
        "dead_below": 0.1, "commitment": 0.25, "image_shape": SHAPE,
        "optimizer": partial(Adam, lr=1e-3),
    }  # fmt: skip
    model = VectorQuantizedAutoencoder(**values | changed)
    model.log_train = lambda terms, *_, **__: logged.update(terms)  # there is no trainer
    return model


logged: dict[str, Tensor] = {}


def batch_of(count: int) -> Batch:
    images = torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(1))
    return Batch(images, images, torch.arange(count) % 10)


def trained() -> VectorQuantizedAutoencoder:
    model = made()
    for _ in range(5):
        model.training_step(batch_of(30), 0)
    return model.eval().requires_grad_(False)


def test_a_latent_is_counted_in_codes() -> None:
    model = made()
    assert model.latent_shape == (3, 3, 3)
    assert model.latent_size == 9
    assert model.latent_bits == 9 * 3
    assert model.has_codes


def test_latents_are_vectors_of_the_codebook() -> None:
    model = trained()
    latents = model.encode(batch_of(20).images)
    same = (latents.view(-1, 1, 3) == model.quantizer.codebook).all(2)
    assert same.any(1).all()  # to the last bit
    assert same.any(0).sum() > 1
    assert torch.equal(model(batch_of(20).images), model.decode(latents))


def test_what_is_decoded_are_the_nearest_codes() -> None:
    model = trained()
    latents = model.encode(batch_of(4).images)
    near = latents + 1e-4 * torch.randn(latents.shape)
    assert torch.equal(model.decode(near), model.decode(latents))
    assert not torch.equal(model.decode(near + 1e3), model.decode(latents))


def test_the_loss_is_the_error_and_the_commitment() -> None:
    model = trained()
    batch = batch_of(6)
    loss = model.training_step(batch, 0).item()
    vectors = model.encoder(batch.images)
    away = (vectors - model.encode(batch.images)).square().mean().item()
    mse = (model(batch.images) - batch.images).square().mean().item()
    assert logged["commitment"].item() == pytest.approx(0.25 * away, rel=1e-5)
    assert loss == pytest.approx(mse + 0.25 * away, rel=1e-5)


def test_measuring_leaves_the_codebook_alone() -> None:
    model = trained()
    model.log_dict = model.log = lambda *_, **__: None
    before = model.quantizer.codebook.clone()
    for step in (model.validation_step, model.test_step):
        step(batch_of(7), 0)
    assert torch.equal(model.quantizer.codebook, before)
    # In training as well, where a callback looks at latents.
    model.train().encode(batch_of(7).images)
    assert torch.equal(model.quantizer.codebook, before)


def test_training_learns_images_of_few_kinds() -> None:
    model = made(optimizer=partial(Adam, lr=3e-3))
    images = batch_of(4).images.repeat(4, 1, 1, 1).round()
    optimizer = model.optimizer(model.parameters())
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        loss = model.training_step(Batch(images, images, torch.zeros(16)), 0)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3
    assert logged["perplexity"] > 4


def test_perplexity_is_of_all_codes_that_were_counted() -> None:
    perplexity = Perplexity(6)
    perplexity.update(torch.tensor([[0, 0], [1, 1]]))
    assert perplexity.compute().item() == pytest.approx(2)
    perplexity.update(torch.tensor([2, 3, 2, 3]))
    assert perplexity.compute().item() == pytest.approx(4)  # not the mean of two batches
    perplexity.reset()
    perplexity.update(torch.tensor([5]))
    assert perplexity.compute().item() == pytest.approx(1)


@pytest.mark.parametrize("commitment", [0, -1.0])
def test_the_commitment_is_positive(commitment: float) -> None:
    with pytest.raises(ValueError, match="commitment must be a number > 0"):
        made(commitment=commitment)
