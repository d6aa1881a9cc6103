"""The progress bar of a whole run."""

import os
import time
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_only
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from autoencoder.console import SHARED_CONSOLE


class Progress(L.Callback):
    """A progress bar over all epochs: loss, images a second, time left.

    Only on a terminal, and on one that no other run writes to.

    Args:
        refresh_seconds: Least time between two updates, each of which waits for the device.
    """

    def __init__(self, refresh_seconds: float) -> None:
        self.refresh_seconds = refresh_seconds
        self._bar: RichProgress | None = None

    @rank_zero_only
    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draws the bar."""
        bar = RichProgress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            transient=True,
        )
        # Two bars would each take away the other's lines.
        shared = SHARED_CONSOLE in os.environ
        if shared or not bar.console.is_terminal or bar.console.is_dumb_terminal:
            return
        total = trainer.estimated_stepping_batches * trainer.accumulate_grad_batches
        self._task = bar.add_task(
            "train",
            total=total if total != float("inf") else None,
            completed=int(trainer.current_epoch * trainer.num_training_batches),
            epoch="",
            rate="",
        )
        bar.start()
        self._bar, self._shown, self._batches = bar, time.perf_counter(), 0

    @rank_zero_only
    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Moves the bar on."""
        if self._bar is None:
            return
        self._batches += 1
        seconds = time.perf_counter() - self._shown
        if seconds < self.refresh_seconds:
            return
        images = self._batches * trainer.datamodule.batch_size  # type: ignore[attr-defined]
        self._bar.update(
            self._task,
            advance=self._batches,
            epoch=f"{trainer.current_epoch + 1}/{trainer.max_epochs}",
            rate=f"loss {outputs['loss'].item():.5f}  {images / seconds:,.0f} images/s",
        )
        self._shown, self._batches = time.perf_counter(), 0

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Takes the bar away."""
        self._stop()

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Takes the bar away."""
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
