"""A trained run in Python: what it makes of images and of latents, and what is known of it."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from autoencoder import runs
from autoencoder.analysis.codes import usual
from autoencoder.analysis.priors import Prior
from autoencoder.data import ImageDataModule
from autoencoder.experiment.build import build_data, load_model, received_config
from autoencoder.models import Autoencoder
from autoencoder.runs.checkpoints import ImageFacts, image_facts
from autoencoder.trained.arrays import (
    Array,
    InputError,
    Labels,
    as_batch,
    as_labels,
    check_images,
    check_latents,
)
from autoencoder.trained.places import located


class Run:
    """A trained run: its model, on a device, and what its directory says.

    Images are `(N, C, H, W)`, or `(N, H, W)` where they have one channel: uint8, or floats in
    [0, 1]. What is given as NumPy comes back as NumPy, what is given as a tensor as a tensor on
    the same device; in any case float32, and without gradients, for which there is `model`. Any
    number of images is taken: they go through the network in batches.

    Labels matter to a model that sees them (`model=conditional_vae`), which needs them, and to no
    other: names or numbers, one for all images or one for each.

    Attributes:
        path: The run directory.
        model: The network with its best weights, in evaluation.
        config: The resolved experiment, as plain values.
        metrics: Its `metrics.json`; empty for a run that is not finished.
        image_shape: `(C, H, W)`.
        latent_shape: Shape of one image's latent.
        classes: The name of each label.
        batch_size: Images that go through the network at once.
    """

    def __init__(
        self, path: Path, cfg: DictConfig, model: Autoencoder, facts: ImageFacts, batch_size: int
    ) -> None:
        self.path = path
        self.model = model
        config: Any = OmegaConf.to_container(cfg)
        self.config: dict[str, Any] = config
        self.metrics = runs.read_metrics(path) or {}
        self.image_shape = facts.image_shape
        self.latent_shape = tuple(model.latent_shape)
        self.classes = facts.classes
        self.batch_size = batch_size
        self._cfg = cfg
        self._priors: dict[int | None, Prior] = {}

    def __repr__(self) -> str:
        kind = type(self.model).__name__
        return f"Run({str(self.path)!r}: {kind}, {self.image_shape} -> {self.latent_shape})"

    @cached_property
    def data(self) -> ImageDataModule:
        """The images that it was trained, validated and tested on, loaded when first asked for.

        Raises:
            DataNotFoundError: If the files are nowhere; the text says what helps.
        """
        return build_data(self._cfg)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.model.device

    def to(self, device: str | torch.device) -> "Run":
        """Moves the network to a device, and returns the run.

        Raises:
            InputError: If there is no such device.
        """
        try:
            self.model.to(device)
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"device={device}: {str(error).splitlines()[0]}") from error
        return self

    def encode(self, images: Array, labels: Labels | None = None) -> Array:
        """Latents `(N, *latent_shape)` of images; of a variational model, the posterior's means.

        Raises:
            InputError: If images or labels are not of the run's shape, type or classes.
        """
        check_images(images, self.image_shape)
        return self._through(self.model.encode, images, labels, self.image_shape, "images")

    def decode(self, latents: Array, labels: Labels | None = None) -> Array:
        """Images `(N, C, H, W)` in [0, 1] of latents `(N, *latent_shape)`, or flat `(N, D)`.

        Raises:
            InputError: If latents or labels are not of the run's shape, type or classes.
        """
        check_latents(latents, self.latent_shape)
        return self._through(self.model.decode, latents, labels, self.latent_shape, "latents")

    def reconstruct(self, images: Array, labels: Labels | None = None) -> Array:
        """What decoding the latents of images gives, in [0, 1] and in the shape of the images.

        Of a run that was trained on noise, these are the images without it.

        Raises:
            InputError: If images or labels are not of the run's shape, type or classes.
        """
        check_images(images, self.image_shape)
        # Of the same shape: a difference of (N, H, W) and (N, 1, H, W) would be (N, N, H, W).
        return self._through(self.model, images, labels, self.image_shape, "images").reshape(
            images.shape
        )

    def sample(
        self, count: int, label: str | int | None = None, *, seed: int | None = None
    ) -> NDArray[np.float32]:
        """New images `(count, C, H, W)` in [0, 1].

        They are decoded from the model's prior, where it has one. For others a Gaussian with full
        covariance is fitted on the latents of the training images, once, which takes the data; so
        it is for a `label` that the model itself doesn't see, on the images of that class. Of a
        latent made of codes, it is a mixture of distributions of them.

        Args:
            count: How many.
            label: A class, by name or number; None for all of them: a model that sees labels
                takes them in turn.
            seed: The same one gives the same images; None draws from torch's global generator.

        Raises:
            InputError: If the label is no class of the data.
            DataNotFoundError: If the data is needed and not found.
        """
        if count < 0:
            raise InputError(f"count must not be negative, got {count}")
        asked: Tensor | None = None
        if label is not None:
            asked = as_labels(label, count, self.classes)
        elif self.model.num_classes:
            asked = torch.arange(count) % self.model.num_classes
        devices = [self.device] if self.device.type == "cuda" and seed is not None else []
        with torch.random.fork_rng(devices=devices, enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            latents = self._drawn(count, label)
            return self.decode(latents, asked).numpy()

    def _drawn(self, count: int, label: str | int | None) -> Tensor:
        prior = self.model.prior
        if prior is not None and (label is None or self.model.num_classes):
            return prior.sample((count, self.model.latent_size)).cpu()
        number = None if label is None else int(as_labels(label, 1, self.classes)[0])
        if number not in self._priors:
            train = self.data.examined
            rows = torch.arange(len(train)) if number is None else train.labels == number
            labels = train.labels[rows] if self.model.num_classes else None
            latents = self.encode(train.images[rows], labels)
            self._priors[number] = usual(self.model.has_codes).fit(latents.numpy())
        return self._priors[number].sample(count, torch.default_generator)

    @torch.no_grad()
    def _through(
        self,
        network: Callable[..., Tensor],
        rows: Array,
        labels: Labels | None,
        shape: tuple[int, ...],
        what: str,
    ) -> Array:
        """What a network makes of rows, batch by batch, where and as what the rows were given."""
        size = self.batch_size
        seen = as_labels(labels, len(rows), self.classes) if self.model.num_classes else None
        made = []
        # A network is called once at least: of no rows, it gives as many of the right shape.
        for start in range(0, max(1, len(rows)), size):
            batch = as_batch(rows[start : start + size], shape, what).to(self.device)
            of_batch = None if seen is None else seen[start : start + size].to(self.device)
            made.append(network(batch, of_batch))
        found = torch.cat([part.cpu() for part in made]).contiguous()
        return found.to(rows.device) if isinstance(rows, Tensor) else found.numpy()


def load(
    path: str | Path,
    *,
    device: str = "auto",
    data_root: str | Path | None = None,
    batch_size: int = 500,
    trust: tuple[str, ...] = (),
) -> Run:
    """A trained run, from its directory alone, which may be somebody else's.

    A run that has its weights in `checkpoints/best.safetensors` needs no data to be loaded; for
    one with a checkpoint, the images are loaded as well, as only they say what shape they have.

    Args:
        path: The run directory, such as `outputs/NAME`. `multirun/reference/NAME`, where it is not
            there, is looked for in the installed package, which brings the reference along.
        device: `cpu`, `cuda`, or `auto`, a GPU where there is one.
        data_root: The folder of the data's files; by default, of published data sets, the
            environment variable `AUTOENCODER_DATA`, else where the run was trained from.
        batch_size: Images that go through the network at once.
        trust: Packages beside this one whose classes the run's config may name.

    Raises:
        RunError: If it is no run, or its weights are missing, damaged or of another model.
        TrustError: If its config names what is neither this package's nor trusted.
        ConfigError: If something can't be built as its config describes.
        DataNotFoundError: If the data is needed and not found.
        InputError: If there is no such device.
    """
    run = located(path)
    found = runs.find_runs(run)
    there = [*found.finished, *found.unfinished]
    if run not in there:
        raise runs.RunError(
            f"{path} is no run, but holds {len(there):,}; name one of them, such as {there[0]}"
        )
    cfg = received_config(run, None if data_root is None else str(data_root), trust)
    facts, data = image_facts(runs.checkpoint(run)), None
    if facts is None:
        data = build_data(cfg)
        facts = ImageFacts(data.image_shape, tuple(data.classes))
    loaded = Run(run, cfg, load_model(run, cfg, facts), facts, batch_size)
    if data is not None:
        loaded.data = data
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return loaded.to(device)
