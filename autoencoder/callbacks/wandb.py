"""A run in Weights & Biases."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from autoencoder.callbacks.trackers import check_installed, sweep_of
from autoencoder.runs.files import write_text


class Wandb(WandbLogger):
    """Lightning's logger, for several runs in one process, with the sweep as group of its runs.

    A run has the name of the run directory, and lies in its folder `wandb`. It goes on where the
    run does: what an interrupted run has left and what followed have one id.

    Args:
        run_dir: The run directory.
        project: Of Weights & Biases.
        offline: Whether it is only written to that folder, for `wandb sync` to send it.
        **init: Other arguments of `wandb.init`, such as `entity` and `tags`.

    Raises:
        TrackerError: If the package wandb is missing.
    """

    def __init__(self, run_dir: str, project: str, offline: bool = True, **init: Any) -> None:
        check_installed("wandb")
        if offline:
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        self._folder = Path(run_dir)
        self._tested = False
        sweep = sweep_of(self._folder)
        settings = {"console": "off", "silent": offline}
        super().__init__(
            self._folder.name,
            save_dir=run_dir,
            project=project,
            **{
                "mode": "offline" if offline else "online",
                "group": sweep and sweep.name,
                # Lightning would write all runs of a process into the first that isn't finished.
                "reinit": "create_new",
                "settings": settings,
                **init,
            },
        )

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run; at first, it is begun or taken up again."""
        if self._experiment is None:
            known = self._folder / "wandb/run_id"
            if known.exists():
                self._wandb_init["id"] = known.read_text().strip()
            run = super().experiment
            write_text(known, f"{run.id}\n")
        return self._experiment

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Writes a point of each curve."""
        self._tested |= "test/mse" in metrics
        super().log_metrics(metrics, step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Ends the run when it was tested, or has failed; not between its fit and its test."""
        super().finalize(status)
        if self._experiment is not None and (self._tested or status != "success"):
            self._experiment.finish(exit_code=int(status != "success"))
