"""Hydra launchers whose runs are processes of their own, each of which has an outcome.

Hydra's own plugins for joblib and submitit lose all runs of a sweep with one whose process is
killed, and wait forever for a Slurm job that was cancelled, where Slurm keeps no accounts.
"""

import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.errors import CompactHydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from autoencoder import AutoencoderError, runs
from autoencoder.runs.files import write_text

# Overrides, number, and what Hydra knows in this process.
Call = tuple[list[str], int, dict[type, Singleton]]


class LauncherError(AutoencoderError, CompactHydraException):
    """A sweep that can't be launched as it was asked for."""


class JobError(AutoencoderError):
    """A run whose process ended without a result."""


class ProcessLauncher(Launcher):
    """A launcher whose runs are calls of itself in other processes."""

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Takes what Hydra gives."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config
        self.argv = sys.argv

    def calls(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[Call]:
        """Arguments of this object for each run, once the folder of the sweep is there."""
        Path(self.config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)
        return [
            (list(overrides), first + i, Singleton.get_state())
            for i, overrides in enumerate(job_overrides)
        ]

    def __call__(
        self, overrides: list[str], number: int, singletons: dict[type, Singleton]
    ) -> JobReturn:
        """Does a run, in a process of its own."""
        Singleton.set_state(singletons)
        # The sweep's command, for what the run says of itself.
        sys.argv = self.argv
        setup_globals()
        returned = run_job(
            hydra_context=self.hydra_context,
            task_function=self.task_function,
            config=self.job_config(overrides, number),
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
        try:
            pickle.loads(pickle.dumps(returned._return_value))
        except Exception:
            # An error that can't be sent to where the sweep is would look like a crash there.
            error = returned._return_value
            returned.return_value = JobError(f"{type(error).__name__}: {error}")
        return returned

    def job_config(self, overrides: list[str], number: int) -> DictConfig:
        """The config of a run."""
        config = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        OmegaConf.set_struct(config, False)
        config.hydra.job.id = os.environ.get("SLURM_JOB_ID", "")
        config.hydra.job.num = number
        OmegaConf.set_struct(config, True)
        # The name of its folder is made from what this knows.
        HydraConfig.instance().set_config(config)
        return config

    def failed(self, overrides: list[str], number: int, error: Exception) -> JobReturn:
        """A run that has failed, which its directory says as well, and whoever watches the sweep.

        Args:
            overrides: Of the run.
            number: Of the run.
            error: What is known from outside; the run itself may have left something better.
        """
        config = self.job_config(overrides, number)
        path = Path(config.hydra.sweep.dir) / config.hydra.sweep.subdir / runs.ERROR
        if path.exists():
            error = JobError(path.read_text().partition("\n")[0])
        else:
            write_text(path, f"{error}\n")
        failed = JobReturn(overrides=overrides, status=JobStatus.FAILED)
        failed.return_value = error
        self.hydra_context.callbacks.on_job_end(config, job_return=failed)
        return failed
