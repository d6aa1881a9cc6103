"""What runs are compared by, in trackers."""

from collections.abc import Mapping
from typing import Any

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.tensorboard.summary import hparams

from autoencoder.callbacks.showing import tensorboards


class HyperParameters(L.Callback):
    """Tells all trackers the values that a run is compared by.

    In TensorBoard's HPARAMS tab the run is a session of them, from its start to the end of its
    test. No summary of the experiment is written, which would be that of all runs beside it:
    without one, TensorBoard takes the values of all runs, those that differ first, and all curves
    as metrics.

    Args:
        values: Names and values; what is neither number, bool nor string is shown as text.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {
            name: value if isinstance(value, bool | int | float | str) else str(value)
            for name, value in values.items()
        }

    @rank_zero_only
    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Writes the values."""
        _, start, _ = hparams(self.values, {})
        self._write(trainer, start)
        for logger in trainer.loggers:
            if not isinstance(logger, TensorBoardLogger):  # Lightning's would write that summary
                logger.log_hyperparams(self.values)

    @rank_zero_only
    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Marks the session as finished."""
        _, _, end = hparams(self.values, {})
        self._write(trainer, end)

    def _write(self, trainer: L.Trainer, summary: Any) -> None:
        for writer in tensorboards(trainer):
            writer.file_writer.add_summary(summary)  # type: ignore[attr-defined]  # it is open
