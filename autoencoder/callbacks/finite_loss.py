"""The end of a run whose loss is no number any more."""

from typing import Any

import lightning as L
import torch
from torch import Tensor

from autoencoder import AutoencoderError

# Devices that need not be waited for to know a number.
_AT_HAND = ("cpu",)


class NonFiniteLossError(AutoencoderError):
    """The training loss became NaN or infinite."""


class FiniteLoss(L.Callback):
    """Stops the run when the training loss becomes NaN or infinite.

    Args:
        every_n_steps: How often to look on a CPU. A look at another device waits for all that it
            has to do, so there what has been seen is kept on it until the last step of an epoch,
            which is looked at always: no checkpoint holds what a bad loss left.
    """

    def __init__(self, every_n_steps: int) -> None:
        self.every_n_steps = every_n_steps
        # 0 while all losses have been numbers, NaN from then on; from the first step on a tensor.
        self._seen: float | Tensor = 0.0

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Looks at the losses up to this step, where it is one to look at.

        Raises:
            NonFiniteLossError: If one was NaN or infinite.
        """
        loss = outputs["loss"].detach()
        self._seen = seen = self._seen + 0 * loss
        due = loss.device.type in _AT_HAND and batch_idx % self.every_n_steps == 0
        if not (due or trainer.is_last_batch):
            return
        if not torch.isfinite(seen):
            shown = seen if torch.isfinite(loss) else loss
            raise NonFiniteLossError(
                f"the loss is {shown.item()} in epoch {trainer.current_epoch + 1}, step "
                f"{trainer.global_step}; try a smaller optimizer.lr or "
                "trainer.gradient_clip_val=1.0"
            )
