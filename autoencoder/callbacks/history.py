"""The history of a run: a row an epoch."""

import csv
import io
import logging
import math
import statistics
import time
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_only

from autoencoder.analysis import plotting
from autoencoder.callbacks.showing import save_figure, tensorboards
from autoencoder.runs.files import write_text

log = logging.getLogger(__name__)

Row = dict[str, float]

# TensorBoard's CUSTOM SCALARS tab: group, chart, curves.
_CHARTS = {"loss": {"training and validation": ["Multiline", ["train/loss", "val/loss"]]}}


class History(L.Callback):
    """Keeps a row of metrics for each epoch, in `metrics.csv` and in the checkpoints.

    Columns: `epoch` (completed, from 1), the epoch's `train/...` and `val/...` metrics, `lr`,
    `seconds` (wall time of the epoch with its validation) and `images_per_second` (training
    alone). At the end, draws `figures/loss_curve.png`.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._epoch_start = self._val_start = self._val_seconds = 0.0
        self._validated = False

    @property
    def train_seconds(self) -> float:
        """Wall time of all epochs with their validation."""
        return sum(row["seconds"] for row in self.rows)

    @property
    def images_per_second(self) -> float:
        """Training images a second, over all epochs."""
        rates = [row["images_per_second"] for row in self.rows]
        return statistics.harmonic_mean(rates) if rates else 0.0

    def best(self, metric: str) -> Row:
        """The row in which a metric is smallest."""
        return min(self.rows, key=lambda row: row.get(metric, math.inf))

    @rank_zero_only
    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Has TensorBoard show both losses in one chart."""
        for writer in tensorboards(trainer):
            writer.add_custom_scalars(_CHARTS)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts the clock."""
        self._epoch_start, self._val_seconds, self._validated = time.perf_counter(), 0.0, False

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts the clock of the validation."""
        self._val_start = time.perf_counter()

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stops the clock of the validation."""
        self._val_seconds += time.perf_counter() - self._val_start
        self._validated = True

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Adds the epoch's row."""
        # Without a validation in this epoch, `callback_metrics` holds an earlier one's.
        stages = ("train/", "val/") if self._validated else ("train/",)
        metrics = {
            name: value.item()
            for name, value in trainer.callback_metrics.items()
            if name.startswith(stages)
        }
        seconds = time.perf_counter() - self._epoch_start
        batches = trainer.num_training_batches
        sampler_size = trainer.datamodule.batch_size * batches  # type: ignore[attr-defined]
        images = min(sampler_size, len(trainer.datamodule.train))  # type: ignore[attr-defined]
        self.rows.append(
            {
                "epoch": trainer.current_epoch + 1,
                **metrics,
                "lr": trainer.optimizers[0].param_groups[0]["lr"],
                "seconds": seconds,
                "images_per_second": images / (seconds - self._val_seconds),
            }
        )
        if trainer.is_global_zero:
            self._write(Path(trainer.default_root_dir))
            log.info(self._line(trainer.max_epochs or -1))

    @rank_zero_only
    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draws the loss curve; also of a fit that had nothing left to train."""
        if not self.rows:
            return
        curves = {
            label: [row.get(f"{stage}/loss", math.nan) for row in self.rows]
            for stage, label in (("train", "train"), ("val", "validation"))
        }
        figure = plotting.loss_curve([int(row["epoch"]) for row in self.rows], curves)
        save_figure(trainer, "loss_curve", figure)

    def state_dict(self) -> dict[str, Any]:
        """The rows, for a checkpoint."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over the rows of a checkpoint."""
        self.rows = state_dict["rows"]

    def _write(self, run_dir: Path) -> None:
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(run_dir / "metrics.csv", text.getvalue())

    def _line(self, max_epochs: int) -> str:
        row = self.rows[-1]
        epoch = int(row["epoch"])
        total = f"/{max_epochs}" if max_epochs > 0 else ""
        losses = "  ".join(
            f"{name} {row[name]:.5f}" for name in ("train/loss", "val/loss") if name in row
        )
        line = f"epoch {epoch:>3}{total}  {losses}  {row['images_per_second']:,.0f} images/s"
        if max_epochs > epoch:
            left = (max_epochs - epoch) * self.train_seconds / len(self.rows)
            line += f"  {int(left // 60)}:{int(left % 60):02d} left"
        return line
