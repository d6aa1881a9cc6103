"""The autoencoder: an encoder and a decoder trained on the squared error of reconstructions."""

import math
from collections.abc import Callable, Iterable
from typing import NotRequired, TypedDict

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import MeanSquaredError, MetricCollection

from autoencoder.data import Batch
from autoencoder.metrics import reconstruction_metrics

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
# Called with the optimiser and, as `total_steps`, the number of all steps.
SchedulerFactory = Callable[..., LRScheduler]

# Of a float32, as which an encoder gives each number of a latent.
_BITS = 32


class Training(TypedDict):
    """How a model is trained, as every model takes it.

    Attributes:
        optimizer: Makes the optimiser from the parameters, e.g. `partial(Adam, lr=1e-3)`.
        scheduler: Makes the learning rate's schedule, a step a batch, from the optimiser and the
            number of all steps, e.g. `partial(OneCycleLR, max_lr=1e-3)`; None for a constant rate.
    """

    optimizer: OptimizerFactory
    scheduler: NotRequired[SchedulerFactory | None]


class Autoencoder(L.LightningModule):
    """An encoder and a decoder, trained to minimise the mean squared error to the clean image.

    A model with further terms adds metrics to `val_metrics` and `test_metrics`, and updates them
    in its steps: whatever is in them is logged.

    Args:
        encoder: Module from images (B, C, H, W) to latents (B, *latent_shape).
        decoder: Module from latents back to images in [0, 1].
        image_shape: `(C, H, W)` of the images.
        latent_shape: Shape of one image's latent.
        optimizer: As for `Training`.
        scheduler: As for `Training`.

    Attributes:
        num_classes: How many classes of labels the networks see; 0 where labels make no difference.
        prior: What a number of a latent is distributed as, if the training sees to it; None for a
            model whose latents are to be sampled from what is fitted on them.
    """

    num_classes = 0
    prior: Distribution | None = None

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        image_shape: tuple[int, int, int],
        latent_shape: tuple[int, ...],
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.image_shape = image_shape
        self.latent_shape = latent_shape
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.val_metrics = MetricCollection({"mse": MeanSquaredError()}, prefix="val/")
        of_reconstructions = reconstruction_metrics(image_shape)
        self._of_reconstructions = [str(name) for name in of_reconstructions]
        self.test_metrics = MetricCollection(
            [of_reconstructions], prefix="test/", compute_groups=False
        )
        self.test_metrics.add_metrics(
            {"clean_mse": MeanSquaredError(), "input_mse": MeanSquaredError()}
        )

    @property
    def latent_size(self) -> int:
        """How many numbers a latent has; of one that is made of codes, how many codes."""
        return math.prod(self.latent_shape)

    @property
    def latent_bits(self) -> float:
        """How many bits a latent takes; fewer than 32 a number where it is one of few values."""
        return _BITS * self.latent_size

    @property
    def has_codes(self) -> bool:
        """Whether a latent is made of few values, so that no density describes it."""
        return self.latent_bits < _BITS * self.latent_size

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps images (B, C, H, W) to latents (B, *latent_shape)."""
        latent: Tensor = self.encoder(images)
        return latent

    def draw(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents (B, *latent_shape) as the decoder is trained on them.

        Those of `encode`, where the training adds nothing random to them.
        """
        return self.encode(images, labels)

    def decode(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps latents (B, *latent_shape) to images (B, C, H, W) in [0, 1]."""
        images: Tensor = self.decoder(latent)
        return images

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Reconstructs images (B, C, H, W)."""
        return self.decode(self.encode(images, labels), labels)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Mean squared error of a batch over all of its pixels."""
        loss = F.mse_loss(self(batch.corrupted, batch.labels), batch.images)
        self.log_train({"loss": loss}, len(batch.images), first=batch_idx == 0)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Updates the validation error."""
        reconstructions = self._measurable(batch.corrupted, batch.labels)
        self.val_metrics["mse"].update(reconstructions, batch.images)
        self.log_dict(self.val_metrics)

    def on_validation_epoch_end(self) -> None:
        """Logs the loss of the whole split."""
        self.log("val/loss", self.validation_loss())

    def validation_loss(self) -> Tensor:
        """What the training minimises, over the whole validation split."""
        mse: Tensor = self.val_metrics["mse"].compute()
        return mse

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Updates the test metrics: corrupted input, clean input, and no model at all.

        Doing nothing costs what the corrupted image does as an image, clipped to [0, 1], whether
        the noise has clipped it for the model or not: no image is outside, so that who hands it on
        would clip it, and it only comes nearer to the clean one.
        """
        images, corrupted, labels = batch
        reconstructions = self._measurable(corrupted, labels)
        # Without noise, both inputs are the same.
        clean = reconstructions if corrupted.equal(images) else self._measurable(images, labels)
        for name in self._of_reconstructions:
            self.test_metrics[name].update(reconstructions, images)
        self.test_metrics["clean_mse"].update(clean, images)
        self.test_metrics["input_mse"].update(corrupted.clamp(0, 1), images)
        self.log_dict(self.test_metrics)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser of all parameters, and the schedule of its learning rate."""
        optimizer = self.optimizer(self.parameters())
        if self.scheduler is None:
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = self.scheduler(optimizer, total_steps=steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def log_train(self, terms: dict[str, Tensor], n_images: int, first: bool) -> None:
        """Logs the means of a batch's terms over the images of an epoch, in its last step.

        A `self.log` in every step takes a tenth of a small network's step.

        Args:
            terms: Scalars, means over the images of the batch.
            n_images: How many these are.
            first: Whether the batch is the first of its epoch.
        """
        values = torch.stack(list(terms.values())).detach()
        if first:
            self._train_terms, self._train_images = torch.zeros_like(values), 0
        self._train_terms += values * n_images
        self._train_images += n_images
        if self.trainer.is_last_batch:
            means = self._train_terms / self._train_images
            logged = {f"train/{name}": mean for name, mean in zip(terms, means, strict=True)}
            self.log_dict(logged, on_step=False, on_epoch=True, sync_dist=True, batch_size=1)

    def _measurable(self, images: Tensor, labels: Tensor) -> Tensor:
        """Reconstructions as torchmetrics takes them, which flattens with `view`."""
        reconstructions: Tensor = self(images, labels)
        return reconstructions.contiguous()
