"""The autoencoder: an encoder and a decoder trained on the squared error of reconstructions."""

import math
from collections.abc import Callable, Iterable

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MeanSquaredError

from autoencoder.data import Batch
from autoencoder.metrics import reconstruction_metrics

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]


class Autoencoder(L.LightningModule):
    """An encoder and a decoder, trained to minimise the mean squared error to the clean image.

    Args:
        encoder: Module from images (B, C, H, W) to latents (B, *latent_shape).
        decoder: Module from latents back to images in [0, 1].
        image_shape: `(C, H, W)` of the images.
        latent_shape: Shape of one image's latent.
        optimizer: Makes the optimiser from the parameters, e.g. `partial(Adam, lr=1e-3)`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        image_shape: tuple[int, int, int],
        latent_shape: tuple[int, ...],
        optimizer: OptimizerFactory,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.image_shape = image_shape
        self.latent_shape = latent_shape
        self.optimizer = optimizer
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
        self._log_train_loss(loss.detach(), len(batch.images), first=batch_idx == 0)
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

    def configure_optimizers(self) -> Optimizer:
        """The optimiser of all parameters."""
        return self.optimizer(self.parameters())

    def _log_train_loss(self, loss: Tensor, n_images: int, first: bool) -> None:
        """Logs the mean over the images of an epoch, in its last step.

        A `self.log` in every step takes a tenth of a small network's step.
        """
        if first:
            self._train_loss, self._train_images = torch.zeros_like(loss), 0
        self._train_loss += loss * n_images
        self._train_images += n_images
        if self.trainer.is_last_batch:
            mean = self._train_loss / self._train_images
            self.log("train/loss", mean, on_step=False, on_epoch=True, sync_dist=True, batch_size=1)
