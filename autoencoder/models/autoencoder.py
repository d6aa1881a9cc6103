"""The autoencoder: an encoder and a decoder trained on the squared error of reconstructions."""

import math
from collections.abc import Callable, Iterable

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import MeanSquaredError

from autoencoder.data import Batch
from autoencoder.metrics import reconstruction_metrics

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
# Called with the optimiser and, as `total_steps`, the number of all steps.
SchedulerFactory = Callable[..., LRScheduler]


class Autoencoder(L.LightningModule):
    """An encoder and a decoder, trained to minimise the mean squared error to the clean image.

    Args:
        encoder: Module from images (B, C, H, W) to latents (B, *latent_shape).
        decoder: Module from latents back to images in [0, 1].
        image_shape: `(C, H, W)` of the images.
        latent_shape: Shape of one image's latent.
        optimizer: Makes the optimiser from the parameters, e.g. `partial(Adam, lr=1e-3)`.
        scheduler: Makes the learning rate's schedule, a step a batch, from the optimiser and the
            number of all steps, e.g. `partial(OneCycleLR, max_lr=1e-3)`; None for a constant rate.
    """

    # How many classes of labels the networks see; 0 where labels make no difference.
    num_classes = 0

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
        self.val_mse = MeanSquaredError()
        self.test_metrics = reconstruction_metrics(image_shape)
        self.test_clean_mse = MeanSquaredError()
        self.test_input_mse = MeanSquaredError()

    @property
    def latent_size(self) -> int:
        """How many numbers a latent has."""
        return math.prod(self.latent_shape)

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps images (B, C, H, W) to latents (B, *latent_shape)."""
        latent: Tensor = self.encoder(images)
        return latent

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
        self._log_train({"loss": loss}, len(batch.images), first=batch_idx == 0)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Updates the validation error."""
        reconstructions = self(batch.corrupted, batch.labels)
        self.val_mse.update(reconstructions.contiguous(), batch.images)

    def on_validation_epoch_end(self) -> None:
        """Logs the validation error of the whole split, which is the loss as well."""
        mse = self.val_mse.compute()
        self.val_mse.reset()
        self.log_dict({"val/loss": mse, "val/mse": mse})

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Updates the test metrics: corrupted input, clean input, and no model at all."""
        images, corrupted, labels = batch
        # torchmetrics flattens with `view`, which channels_last tensors don't have.
        self.test_metrics.update(self(corrupted, labels).contiguous(), images)
        self.test_clean_mse.update(self(images, labels).contiguous(), images)
        self.test_input_mse.update(corrupted, images)

    def on_test_epoch_end(self) -> None:
        """Logs the test metrics of the whole split."""
        metrics = {f"test/{name}": value for name, value in self.test_metrics.compute().items()}
        metrics["test/clean_mse"] = self.test_clean_mse.compute()
        metrics["test/input_mse"] = self.test_input_mse.compute()
        self.log_dict(metrics)

    def on_test_epoch_start(self) -> None:
        """Forgets what an earlier test counted."""
        for metric in (self.test_metrics, self.test_clean_mse, self.test_input_mse):
            metric.reset()

    @property
    def test_names(self) -> list[str]:
        """What the test measures, as in `test/NAME`."""
        return [*self.test_metrics, "clean_mse", "input_mse"]

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

    def _log_train(self, terms: dict[str, Tensor], n_images: int, first: bool) -> None:
        """Logs the means over the images of an epoch, in its last step.

        A `self.log` in every step takes a tenth of a small network's step.
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
