"""Generated images, and a judge of them: how like real ones they are, as a classifier sees them."""

import math
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from autoencoder.analysis.classifier import Classifier, Recipe
from autoencoder.analysis.codes import Codes
from autoencoder.analysis.generation import (
    frechet_distance,
    nearer_share,
    nearest_distance,
    precision_recall,
)
from autoencoder.analysis.priors import Prior
from autoencoder.data import ImageDataModule, in_batches
from autoencoder.models import Autoencoder
from autoencoder.report.measure.settings import Settings
from autoencoder.runs import RunError, checkpoints
from autoencoder.runs.files import write_if_possible

RECIPE = Recipe()
# On generated images.
COLUMNS = "frechet", "precision", "recall", "memorised", "named_as_asked"
NEIGHBORS = 3


class Generated(NamedTuple):
    """What a network made of latents that no image was encoded to.

    Attributes:
        images: `(N, C, H, W)` in [0, 1].
        labels: `(N,)`, as many of each class; only those asked for where the network sees labels.
        prior: What the latents were drawn from, in words.
    """

    images: Tensor
    labels: Tensor
    prior: str


def generate(
    model: Autoencoder, prior: Prior | None, n_classes: int, settings: Settings
) -> Generated:
    """Images of latents drawn from a prior.

    The draw depends on the seed of the settings; the global generators are left as they were.

    Args:
        model: On the device of the settings.
        prior: Fitted on the model's latents; None for the model's own.
        n_classes: Of the data.
        settings: How runs are evaluated.
    """
    labels = torch.arange(n_classes).repeat(settings.samples_per_class)
    generator = torch.Generator().manual_seed(settings.seed)

    def decoded(asked: Tensor) -> Tensor:
        count = len(asked)
        if prior is not None:
            of_class = asked if model.num_classes else None
            latents = prior.sample(count, generator, of_class).to(model.device)
        else:
            assert model.prior is not None
            latents = model.prior.sample((count, model.latent_size))
        return model.decode(latents.view(-1, *model.latent_shape), asked)

    on_gpu = model.device.type == "cuda"
    with torch.random.fork_rng(devices=[model.device] if on_gpu else []):
        torch.manual_seed(settings.seed)
        images = in_batches(decoded, labels, device=model.device, batch_size=settings.batch_size)
    own = "the prior, a standard normal distribution"
    return Generated(images, labels, prior_in_words(model, prior) if prior else own)


def prior_in_words(model: Autoencoder, prior: Prior) -> str:
    """What latents are drawn from, and what becomes of them where a model's are codes."""
    if model.has_codes and not isinstance(prior, Codes):
        return f"{prior}, with the nearest code in the place of each vector"
    return str(prior)


class Judge:
    """What generated images of one data set are held against, computed when it is asked for.

    Args:
        data: Loaded and split; its noise is not used.
        data_key: Names the data set and its split.
        folder: Where the classifier is kept.
        settings: How runs are evaluated.
    """

    def __init__(
        self, data: ImageDataModule, data_key: str, folder: Path, settings: Settings
    ) -> None:
        self._data = data
        self._data_key = data_key
        self._folder = folder
        self._settings = settings

    @cached_property
    def classifier(self) -> Classifier:
        """Names garments, and describes them by its features.

        Raises:
            ValueError: If the data has too few classes.
        """
        return kept_classifier(
            self._folder, self._data_key, self._data, RECIPE, self._settings.torch_device
        )

    def columns(self, generated: Generated, asked: bool) -> dict[str, float]:
        """The columns on generated images; NaN where there are too few images or classes.

        Args:
            generated: As many of each class.
            asked: Whether the network was given the labels.
        """
        try:
            named = self._named(generated.images, generated.labels) if asked else math.nan
            return {**self._compared(generated.images), "named_as_asked": named}
        except ValueError:
            return dict.fromkeys(COLUMNS, math.nan)

    def floor(self) -> dict[str, float]:
        """The same columns on the real test images, at most as many as are generated."""
        images, labels = self._data.test.images, self._data.test.labels
        count = self._settings.samples_per_class * len(self._data.classes)
        return self.columns(Generated(images[:count], labels[:count], ""), asked=True)

    def frechet(self, images: Tensor) -> float:
        """The Fréchet distance of images to the training images; NaN where it can't be measured."""
        try:
            return frechet_distance(self.classifier.features(images), self._real)
        except ValueError:
            return math.nan

    @property
    def fingerprint(self) -> str:
        """Names the classifier; empty if there is none."""
        try:
            return self.classifier.fingerprint
        except ValueError:
            return ""

    @cached_property
    def _real(self) -> Tensor:
        return self.classifier.features(self._data.examined.images)

    @cached_property
    def _of_unseen(self) -> Tensor:
        """The distances (N,) of test images to their nearest training images."""
        return nearest_distance(self.classifier.features(self._data.test.images), self._real)

    def _compared(self, images: Tensor) -> dict[str, float]:
        features = self.classifier.features(images)
        # As many real ones: precision and recall depend on both numbers. The order is random.
        covered = precision_recall(self._real[: len(features)], features, NEIGHBORS)
        return {
            "frechet": frechet_distance(features, self._real),
            **covered._asdict(),
            "memorised": nearer_share(nearest_distance(features, self._real), self._of_unseen),
        }

    def _named(self, images: Tensor, labels: Tensor) -> float:
        return (self.classifier.predict(images) == labels).double().mean().item()


def kept_classifier(
    folder: Path, data_key: str, data: ImageDataModule, recipe: Recipe, device: str = "cpu"
) -> Classifier:
    """The classifier of a folder, trained and put there where it is missing or damaged.

    Args:
        folder: Of the file.
        data_key: Names the data set and its split.
        data: Loaded and split; its noise is not used.
        recipe: How it is built and trained.
        device: Where.

    Raises:
        ValueError: If there are training images of one class alone.
    """
    path = folder / f"classifier-{data_key}-{recipe.key}.pt"
    try:
        weights = checkpoints.read(path, device)
        classifier = Classifier(data.image_shape, len(data.classes), recipe).to(device).eval()
        classifier.load_state_dict(weights)
    except (RunError, RuntimeError, LookupError, TypeError, AttributeError):
        classifier = Classifier.trained(data, recipe, device)
        write_if_possible(folder, lambda: checkpoints.save(classifier.state_dict(), path))
    return classifier
