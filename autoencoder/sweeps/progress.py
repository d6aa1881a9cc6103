"""The progress of a sweep: a line after each of its runs.

Imports neither torch nor Lightning, as Hydra loads it before it runs anything.
"""

import logging
import time
from contextlib import suppress
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from autoencoder import AutoencoderError
from autoencoder.commandline import explain
from autoencoder.runs import is_pruned
from autoencoder.sweeps.pairs import jobs

log = logging.getLogger(__name__)


class SweepProgress(Callback):
    """Says after each run of a sweep how many are done, what it came to, and the time left.

    Args:
        fail_fast: Whether the first run that fails ends the sweep; else it goes on, and the
            sweep's exit status says that there was one.
    """

    def __init__(self, fail_fast: bool) -> None:
        self.fail_fast = fail_fast
        self._n_runs = 0
        self._start = self._seconds = 0.0
        self._timed = 0

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Counts the runs to come."""
        with suppress(AutoencoderError, HydraException):  # with which the sweep ends as well
            self._n_runs = count(config)

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Starts the clock."""
        self._start = time.monotonic()

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Logs the line; ends the sweep if a run has failed and that is wanted."""
        if not self._n_runs:  # a single run
            return
        if self._start:  # not in a process that only waits for the run
            self._seconds += time.monotonic() - self._start
            self._timed += 1
        failed = job_return.status is not JobStatus.COMPLETED
        error = job_return._return_value
        if failed and is_pruned(error):
            failed, result = False, f"pruned: {error}"
        elif failed:
            result = f"failed: {explain(error) or repr(error)}"
        else:
            names, values = config.optimized_metric, job_return.return_value
            pairs = [(names, values)] if isinstance(names, str) else zip(names, values, strict=True)
            result = ", ".join(f"{name} {value:.5g}" for name, value in pairs)
        done = config.hydra.job.num + 1
        line = f"run {done} of {self._n_runs}: {config.hydra.sweep.subdir}: {result}"
        # A launcher that runs jobs in parallel has a clock of its own in each process, or none.
        if self._timed == done < self._n_runs:
            left = round((self._n_runs - done) * self._seconds / self._timed)
            line += f"  {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"
        log.info("%s\n", line)
        if failed and self.fail_fast:
            raise SystemExit(f"error: the sweep ends with its first failed run: {line}")


def count(config: DictConfig) -> int:
    """The runs of a sweep, by its config, Hydra's own part included.

    Raises:
        PairsError: As for `autoencoder.sweeps.pairs.jobs`.
    """
    if "n_trials" in config.hydra.sweeper:
        return int(config.hydra.sweeper.n_trials)
    params = config.hydra.sweeper.get("params") or {}
    texts = [f"{key}={value}" for key, value in params.items()]
    return len(jobs([*texts, *config.hydra.overrides.task], config.get("pairs")))
