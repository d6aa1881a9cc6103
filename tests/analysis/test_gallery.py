from functools import partial

import numpy as np
import pytest
import torch
from torch.optim import Adam

from autoencoder.analysis.gallery import Gallery, class_grid, gallery, prior_latents, prior_samples
from autoencoder.data import SyntheticGarments
from autoencoder.models import Autoencoder, ConvAutoencoder, VariationalAutoencoder
from autoencoder.models.likelihoods import BernoulliLikelihood

SPLITS = {"batch_size": 8, "val_size": 8, "seed": 0, "split_seed": 0, "num_workers": 0}
# A row a shape: (C, H, W) as the synthetic data has it.
SHAPES = [(1, 16, 16), (3, 12, 12)]


def garments(shape: tuple[int, int, int], n_test: int = 40) -> SyntheticGarments:
    data = SyntheticGarments(88, n_test, shape[1], shape[0], **SPLITS)
    data.prepare_data()
    data.setup()
    return data


def variational(
    shape: tuple[int, int, int], latent_dim: int = 4, num_classes: int = 0
) -> VariationalAutoencoder:
    torch.manual_seed(0)
    model = VariationalAutoencoder(
        channels=[4, 8],
        blocks=0,
        latent_dim=latent_dim,
        likelihood=BernoulliLikelihood(),
        image_shape=shape,
        optimizer=partial(Adam),
        beta=1.0,
        warmup_epochs=0,
        free_bits=0.0,
        importance_samples=1,
        num_classes=num_classes,
    )
    return model.eval()


def plain(shape: tuple[int, int, int]) -> Autoencoder:
    torch.manual_seed(0)
    return ConvAutoencoder([4, 8], 3, 2, 1, image_shape=shape, optimizer=partial(Adam)).eval()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_model_has_its_pictures(shape: tuple[int, int, int]) -> None:
    data = garments(shape)
    two, conditional, without = (
        gallery(model, data)
        for model in (variational(shape, 2), variational(shape, 5, 10), plain(shape))
    )
    for one in (two, conditional, without):
        assert one.linear.shape == one.spherical.shape == (5, 9, *shape)
        assert one.ends.shape == (5, 2, *shape)
        assert one.linear.dtype == one.test_images.dtype == np.uint8
    assert two.manifold.shape == (16, 16, *shape)
    assert two.traversals.shape == (2, 7, *shape)
    assert conditional.traversals.shape == (5, 7, *shape)
    assert conditional.class_grid.shape == (10, 10, *shape)
    assert two.samples.shape == conditional.samples.shape == (64, *shape)
    assert not len(two.class_grid)
    assert not len(conditional.manifold)
    assert (two.has_prior, conditional.has_prior, without.has_prior) == (True, True, False)
    assert (two.is_conditional, conditional.is_conditional) == (False, True)
    for name in ("samples", "neighbours", "traversals", "class_grid", "manifold"):
        assert not len(getattr(without, name)), name
    assert "sample" in two.nearest_mse
    assert set(without.nearest_mse) == {"test", "reconstruction", "linear", "spherical", "mix"}


def test_ends_are_reconstructions_of_images_of_two_classes() -> None:
    shape = (1, 16, 16)
    data = garments(shape)
    for model in (plain(shape), variational(shape), variational(shape, num_classes=10)):
        made = gallery(model, data)
        assert (made.end_labels[:, 0] != made.end_labels[:, 1]).all()
        ends = torch.from_numpy(made.ends).flatten(0, 1) / 255
        with torch.inference_mode():
            expected = model(ends, torch.from_numpy(made.end_labels).flatten())
        for way in (made.linear, made.spherical):
            found = torch.from_numpy(way[:, [0, -1]]).flatten(0, 1) / 255
            torch.testing.assert_close(found, expected, atol=0.003, rtol=0)


def test_a_traversal_changes_what_it_says() -> None:
    shape = (1, 16, 16)
    data, model = garments(shape), variational(shape, 12)
    made = gallery(model, data)
    images = data.test.images / 255
    with torch.inference_mode():
        codes = model.encode(images)
        assert len(made.dimensions) == 10
        variances = codes.var(0, correction=0)
        expected = variances.sort(descending=True).values[:10]
        torch.testing.assert_close(torch.from_numpy(made.variances), expected)
        row = next(k for k, image in enumerate(images) if (image * 255 == made.traversed[0]).all())
        assert row == (images - images.mean(0)).flatten(1).norm(dim=1).argmin()
        latent = codes[row].clone()
        latent[made.dimensions[3]] = float(made.values[1])
        decoded = model.decode(latent[None])[0]
    found = torch.from_numpy(made.traversals[3, 1]) / 255
    torch.testing.assert_close(found, decoded, atol=0.003, rtol=0)


def test_samples_are_the_same_each_time_and_leave_the_global_generator() -> None:
    model, other = variational((1, 16, 16)), variational((1, 16, 16), num_classes=10)
    before = torch.random.get_rng_state()
    first = prior_samples(model, 20)
    class_grid(other, 3)
    gallery(other, garments((1, 16, 16)))
    # The synthetic garments are drawn from generators of their own as well.
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.randn(3)
    assert torch.equal(prior_samples(model, 20), first)


def test_a_column_of_the_class_grid_is_one_latent() -> None:
    model = variational((1, 16, 16), num_classes=10)
    grid = class_grid(model, 4)
    with torch.inference_mode():
        decoded = model.decode(prior_latents(model, 4)[2:3].expand(10, -1), torch.arange(10))
    torch.testing.assert_close(grid[:, 2], decoded)


def test_neighbours_show_memorising() -> None:
    shape = (1, 16, 16)
    data = garments(shape)
    copies = data.train.images[:5] / 255
    noise = torch.rand(10, *shape, generator=torch.Generator().manual_seed(0))
    made = gallery(plain(shape), data, torch.cat([noise, copies]))
    assert made.neighbours.shape == (12, 2, *shape)
    assert (made.neighbour_mse[:5] == 0).all()
    assert (made.neighbours[:5, 0] == made.neighbours[:5, 1]).all()
    assert (np.diff(made.neighbour_mse) >= 0).all()
    assert made.nearest_mse["sample"] > made.nearest_mse["test"] > 0


@pytest.mark.parametrize("n_test", [1, 2, 7])
def test_few_test_images(n_test: int) -> None:
    made = gallery(variational((1, 16, 16)), garments((1, 16, 16), n_test))
    assert len(made.ends) == len(made.linear) == n_test // 2
    assert len(made.test_images) == n_test


def test_a_diverged_model_has_pictures_without_numbers() -> None:
    model = variational((1, 16, 16))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(torch.nan)
    made: Gallery = gallery(model, garments((1, 16, 16)))
    assert np.isnan(made.nearest_mse["sample"])
    assert made.samples.shape == (64, 1, 16, 16)
