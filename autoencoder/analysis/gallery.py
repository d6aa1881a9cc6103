"""Galleries: what a model makes of latents that no image was encoded to, and how real it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoencoder.analysis import walks
from autoencoder.data import ImageDataModule, in_batches, to_bytes, to_float
from autoencoder.metrics import image_mse
from autoencoder.models import Autoencoder

Pixels = NDArray[np.uint8]

SAMPLES = 64
STYLES = 10
_SEED = 0  # of the latents drawn from the prior
_TEST_IMAGES = 16
_PAIRS = 5
_STEPS = 9  # of an interpolation, with both ends
_NEIGHBOURS = 12
_DIMENSIONS = 10
_VALUES = (-3, -2, -1, 0, 1, 2, 3)
_SIDE = 16
_MOST_CLASSES = 30
# Test images whose distances to the training images are measured, by themselves and in pairs.
_MEASURED = 200
# Test images whose posterior means' variances order the dimensions.
_ENCODED = 2000


@dataclass(frozen=True, eq=False, kw_only=True)
class Gallery:
    """Pictures of one model's latent space, uint8 in 0..255, and numbers of them.

    What a model has no picture of is empty.

    Attributes:
        test_images: `(n, C, H, W)`, of every class in turn.
        ends: `(pairs, 2, C, H, W)`, test images of different classes.
        end_labels: `(pairs, 2)`.
        linear: `(pairs, steps, C, H, W)`, decoded on the straight line between their latents; a
            conditional model is given the label of the end that is nearer.
        spherical: The same on the arc.
        samples: `(n, C, H, W)`, of latents drawn from the prior, or from what the caller has
            drawn them from; of every class in turn, if the model is conditional.
        neighbours: `(m, 2, C, H, W)`, the samples that are nearest to a training image, each
            beside it; the nearest first.
        neighbour_mse: `(m,)`, their squared errors.
        traversed: `(1, C, H, W)`, the test image whose latent traversals change: the one nearest
            to the mean of test images, the same for every model.
        traversals: `(rows, values, C, H, W)`, with one dimension set to each value.
        dimensions: `(rows,)`, which: those of largest variance of the posterior means.
        variances: `(rows,)`, these variances.
        values: `(values,)`, in standard deviations of the prior.
        class_grid: `(classes, styles, C, H, W)`, of the same latents for each label.
        manifold: `(side, side, C, H, W)`, of the latents of `walks.manifold`, for the first label
            if the model is conditional.
        nearest_mse: The median squared error to the nearest training image of `test` images,
            their `reconstruction`s, `sample`s, the middle of `linear` and `spherical`
            interpolations, and the `mix` of the pixels of the same two images.
        sharpness: The mean absolute difference of neighbouring pixels of `test` images, their
            `reconstruction`s, and `sample`s.
    """

    test_images: Pixels
    ends: Pixels
    end_labels: NDArray[np.int64]
    linear: Pixels
    spherical: Pixels
    samples: Pixels
    neighbours: Pixels
    neighbour_mse: NDArray[np.float32]
    traversed: Pixels
    traversals: Pixels
    dimensions: NDArray[np.int64]
    variances: NDArray[np.float32]
    values: NDArray[np.float32]
    class_grid: Pixels
    manifold: Pixels
    nearest_mse: Mapping[str, float]
    sharpness: Mapping[str, float]

    @property
    def has_prior(self) -> bool:
        """Whether the model says what latents are drawn from."""
        return len(self.traversals) > 0

    @property
    def is_conditional(self) -> bool:
        """Whether the model sees labels."""
        return len(self.class_grid) > 0


@torch.inference_mode()
def gallery(model: Autoencoder, data: ImageDataModule, samples: Tensor | None = None) -> Gallery:
    """Makes the pictures, of the same test images and the same draws for every model.

    Args:
        model: In evaluation mode, on any device.
        data: Loaded and split; its noise is not used.
        samples: Images `(n, C, H, W)` in [0, 1] that the model has generated. By default, those
            of `prior_samples`; of a model without a prior there are then none.
    """
    images, labels = data.test.images, data.test.labels
    rows = in_turn(labels, _MEASURED)
    chosen, of_chosen = to_float(images[rows]), labels[rows]
    network = _Network(model)
    codes = network.encode(chosen, of_chosen)
    kinds = {"test": chosen, "reconstruction": network.decode(codes, of_chosen)}
    parts, middles = _interpolations(network, chosen, codes, of_chosen)
    if model.prior is not None:
        parts |= _traversals(network, to_float(images[:_ENCODED]), labels[:_ENCODED])
        parts |= {"class_grid": class_grid(model, STYLES), "manifold": _manifold(network)}
        samples = prior_samples(model, SAMPLES) if samples is None else samples
    if samples is not None:
        kinds["sample"] = samples
        parts |= {"samples": samples, **_neighbours(samples, data)}
    arrays = {name: _array(part) for name, part in (_nothing(model) | parts).items()}
    return Gallery(
        test_images=_array(chosen[:_TEST_IMAGES]),
        nearest_mse={name: _nearest_mse(of, data) for name, of in (kinds | middles).items()},
        sharpness={name: _sharpness(of) for name, of in kinds.items()},
        **arrays,
    )


def prior_latents(model: Autoencoder, count: int) -> Tensor:
    """The same draws from the prior in every call, `(count, latent_dim)`.

    From a generator of their own: a callback that draws from the global one changes the training.
    """
    return torch.randn(count, model.latent_size, generator=torch.Generator().manual_seed(_SEED))


def prior_samples(model: Autoencoder, count: int) -> Tensor:
    """Images (count, C, H, W) of `prior_latents`, of every class in turn for conditional models."""
    labels = torch.arange(count) % max(1, model.num_classes)
    return _Network(model).decode(prior_latents(model, count), labels)


def class_grid(model: Autoencoder, styles: int) -> Tensor:
    """Images (classes, styles, C, H, W) of the same latents for each label.

    No classes for a model that sees no labels.
    """
    n_classes = min(model.num_classes, _MOST_CLASSES)
    latents = prior_latents(model, styles).repeat(n_classes, 1)
    labels = torch.arange(n_classes).repeat_interleave(styles)
    images = _Network(model).decode(latents, labels)
    return images.view(n_classes, styles, *model.image_shape)


class _Network:
    """A model that takes any number of images or latents, and gives back tensors on the CPU."""

    def __init__(self, model: Autoencoder) -> None:
        self.model = model

    def encode(self, images: Tensor, labels: Tensor) -> Tensor:
        """Latents (n, latent_size) of images (n, C, H, W)."""
        return in_batches(self.model.encode, images, labels, device=self.model.device).flatten(1)

    def decode(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Images (n, C, H, W) of latents (n, latent_size)."""
        if not len(latents):
            return torch.empty(0, *self.model.image_shape)
        latents = latents.view(-1, *self.model.latent_shape)
        return in_batches(self.model.decode, latents, labels, device=self.model.device)


def _interpolations(
    network: _Network, images: Tensor, codes: Tensor, labels: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Ways between the first pairs of images, and the middle of those between all pairs."""
    n_pairs = len(images) // 2
    start, end = codes[: 2 * n_pairs].unflatten(0, (n_pairs, 2)).unbind(1)
    ends, of_ends = images[: 2 * n_pairs].unflatten(0, (n_pairs, 2)), labels[: 2 * n_pairs]
    of_ends = of_ends.view(n_pairs, 2)
    shown = min(_PAIRS, n_pairs)
    # The label can't be between two: it changes behind the middle.
    steps = of_ends[:shown].repeat_interleave(torch.tensor([_STEPS - _STEPS // 2, _STEPS // 2]), 1)
    parts = {"ends": ends[:shown], "end_labels": of_ends[:shown]}
    middles = {"mix": ends.mean(1)}
    for name, spherical in (("linear", False), ("spherical", True)):
        way = walks.interpolate(start[:shown], end[:shown], _STEPS, spherical=spherical)
        decoded = network.decode(way.flatten(0, 1), steps.flatten())
        parts[name] = decoded.unflatten(0, (shown, _STEPS))
        middle = walks.interpolate(start, end, 3, spherical=spherical)[:, 1]
        middles[name] = network.decode(middle, of_ends[:, 0])
    return parts, middles


def _traversals(network: _Network, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The dimensions in which the latents of these images vary most, one after the other."""
    codes = network.encode(images, labels)
    variances = codes.var(0, correction=0)
    dimensions = variances.argsort(descending=True)[:_DIMENSIONS]
    typical = image_mse(images, images.mean(0)).argmin()
    walk = walks.traversal(codes[typical], dimensions.tolist(), _VALUES)
    decoded = network.decode(walk.flatten(0, 1), labels[typical].repeat(walk.shape[:2].numel()))
    return {
        "traversed": images[typical][None],
        "traversals": decoded.unflatten(0, walk.shape[:2]),
        "dimensions": dimensions,
        "variances": variances[dimensions],
        "values": torch.tensor(_VALUES, dtype=torch.float32),
    }


def _manifold(network: _Network) -> Tensor:
    side = _SIDE if network.model.latent_size == 2 else 0
    latents = walks.manifold(side).flatten(0, 1)
    labels = torch.zeros(len(latents), dtype=torch.int64)
    return network.decode(latents, labels).view(side, side, *network.model.image_shape)


def _nothing(model: Autoencoder) -> dict[str, Tensor]:
    """What only some models have, as it is for the others."""
    pictures = ("samples", "neighbours", "traversed", "traversals", "class_grid", "manifold")
    numbers = ("neighbour_mse", "variances", "values")
    return {
        **{name: torch.empty(0, *model.image_shape) for name in pictures},
        **{name: torch.empty(0) for name in numbers},
        "dimensions": torch.empty(0, dtype=torch.int64),
    }


def _neighbours(samples: Tensor, data: ImageDataModule) -> dict[str, Tensor]:
    train = data.examined.images
    neighbours = to_float(train[walks.nearest(samples, train)])
    errors = image_mse(samples, neighbours)
    first = errors.argsort()[:_NEIGHBOURS]
    pairs = torch.stack([samples[first], neighbours[first]], 1)
    return {"neighbours": pairs, "neighbour_mse": errors[first]}


def _nearest_mse(images: Tensor, data: ImageDataModule) -> float:
    train = data.examined.images
    found = train[walks.nearest(images, train)]
    median: float = image_mse(images, to_float(found)).median().item()
    return median


def _sharpness(images: Tensor) -> float:
    differences = torch.stack([images.diff(dim=side).abs().mean() for side in (2, 3)])
    sharpness: float = differences.mean().item()
    return sharpness


def in_turn(labels: Tensor, count: int) -> Tensor:
    """Which images are the first of every class, then the second, and so on.

    Args:
        labels: `(N,)`.
        count: How many are wanted, of at most N.

    Returns:
        `(count,)`: that of the first class, that of the next, ...; of the classes that are used up
        no more.
    """
    # How many of its class come before each image.
    before = torch.zeros_like(labels)
    for label in labels.unique():
        of_class = labels == label
        before[of_class] = torch.arange(int(of_class.sum()))
    return torch.argsort(before * (labels.max() + 1) + labels, stable=True)[:count]


def _array(part: Tensor) -> NDArray[Any]:
    """As NumPy has it; images, which have at least four axes, as uint8."""
    if part.ndim < 4:
        return part.numpy()
    return to_bytes(part).numpy()
