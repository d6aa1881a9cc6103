"""The end of a run whose loss is no number any more."""

from typing import Any

import lightning as L
import torch

from autoencoder import AutoencoderError


class NonFiniteLossError(AutoencoderError):
    """The training loss became NaN or infinite."""


class FiniteLoss(L.Callback):
    """Stops the run when the training loss becomes NaN or infinite.

    Args:
        every_n_steps: How often to look; each look waits for the device. The last step of an
            epoch is looked at always, so that no checkpoint holds what a bad loss left.
    """

    def __init__(self, every_n_steps: int) -> None:
        self.every_n_steps = every_n_steps

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Looks at the loss of this step.

        Raises:
            NonFiniteLossError: If it is NaN or infinite.
        """
        if batch_idx % self.every_n_steps and not trainer.is_last_batch:
            return
        loss = outputs["loss"]
        if not torch.isfinite(loss):
            raise NonFiniteLossError(
                f"the loss is {loss.item()} in epoch {trainer.current_epoch + 1}, step "
                f"{trainer.global_step}; try a smaller optimizer.lr or "
                "trainer.gradient_clip_val=1.0"
            )
