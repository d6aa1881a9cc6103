"""The curves of a run in TensorBoard."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only


class TensorBoard(TensorBoardLogger):
    """Lightning's logger, without the curve of epochs over steps that it puts before all others."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Writes a point of each curve."""
        super().log_metrics({k: v for k, v in metrics.items() if k != "epoch"}, step)
