"""TensorBoard's HPARAMS tab, with metrics in it."""

from collections.abc import Mapping
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.tensorboard.summary import hparams

from autoencoder.callbacks.showing import tensorboards
from autoencoder.metrics import RECORDED

# Those by which any two runs may be compared.
METRICS = tuple(
    name for name, metric in RECORDED.items() if metric.better and "bound" not in metric.alike
)


class HyperParameters(L.Callback):
    """Registers the run's values at its start, and the metrics that it will log by its end.

    TensorBoard shows only metrics that were named together with the values; Lightning's own
    logger writes a made-up number for each of them into the curves, this does not.

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
        """Writes the values and the names of the metrics."""
        # Their values are read from the scalars of the same names.
        session_start = hparams(self.values, dict.fromkeys(METRICS, 0.0))[:2]
        self._write(trainer, *session_start)

    @rank_zero_only
    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Marks the session as finished."""
        self._write(trainer, hparams(self.values, dict.fromkeys(METRICS, 0.0))[2])

    def _write(self, trainer: L.Trainer, *summaries: Any) -> None:
        for writer in tensorboards(trainer):
            for summary in summaries:
                writer.file_writer.add_summary(summary)  # type: ignore[attr-defined]  # it is open
