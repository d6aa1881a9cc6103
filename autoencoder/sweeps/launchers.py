"""Hydra launchers: several runs of a sweep at once, on this machine or on a Slurm cluster.

Hydra's own plugins for joblib and submitit lose all runs of a sweep with one whose process is
killed, and wait forever for a Slurm job that was cancelled, where Slurm keeps no accounts. Here
every run has an outcome.
"""

import logging
import multiprocessing
import os
import pickle
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.errors import CompactHydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from autoencoder import AutoencoderError, runs
from autoencoder.console import SHARED_CONSOLE
from autoencoder.runs.files import write_text
from autoencoder.runs.identity import run_name

if TYPE_CHECKING:
    # Optional, and a program that only asks for --help should not wait for it.
    import submitit

log = logging.getLogger(__name__)

# What submitit knows of every kind of cluster; the rest is to be called slurm_...
_COMMON = (
    "name", "timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node",
    "stderr_to_stdout",
)  # fmt: skip
# Slurm's controllers dislike being asked often.
_SECONDS_BETWEEN_QUESTIONS = 10.0
# A result may take its time through a network's file system.
_SECONDS_FOR_A_RESULT = 5.0

# Overrides, number, and what Hydra knows in this process.
Call = tuple[list[str], int, dict[type, Singleton]]


class LauncherError(AutoencoderError, CompactHydraException):
    """A sweep that can't be launched as it was asked for."""


class JobError(AutoencoderError):
    """A run whose process ended without a result."""


class _ProcessLauncher(Launcher):
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


class JoblibLauncher(_ProcessLauncher):
    """A Hydra launcher that does several runs at once, in processes of this machine.

    Args:
        n_jobs: Runs at once; -1 is one for each core.
    """

    def __init__(self, n_jobs: int) -> None:
        self.n_jobs = n_jobs

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Does the runs.

        Args:
            job_overrides: The overrides of each run.
            initial_job_idx: Number of the first.
        """
        calls = self.calls(job_overrides, initial_job_idx)
        # Not in the names on the console, which would fill it.
        self._common_overrides = set.intersection(*map(set, job_overrides))
        returns: dict[int, JobReturn] = {}
        try:
            self._run(calls, returns)
        except BrokenProcessPool:
            log.warning("a process was killed, and the others with it: what is left goes on alone")
        for call in calls:
            if call[1] not in returns:
                try:
                    self._run([call], returns)
                except BrokenProcessPool:
                    returns[call[1]] = self.failed(*call[:2], JobError("its process was killed"))
        return [returns[call[1]] for call in calls]

    def _run(self, calls: list[Call], returns: dict[int, JobReturn]) -> None:
        import joblib

        n_jobs = min(joblib.effective_n_jobs(self.n_jobs), len(calls))
        # joblib gives each process its share of the cores, by OMP_NUM_THREADS where that isn't set.
        # A single job would run in this process.
        parallel = joblib.Parallel(
            n_jobs=max(2, n_jobs),
            batch_size=1,
            pre_dispatch=n_jobs,
            return_as="generator_unordered",
        )
        for number, returned in parallel(joblib.delayed(self._one)(*call) for call in calls):
            returns[number] = returned

    def _one(self, *call: *Call) -> tuple[int, JobReturn]:
        overrides, number, _ = call
        own = [text for text in overrides if text not in self._common_overrides]
        os.environ[SHARED_CONSOLE] = run_name(own) if own else f"run {number + 1}"
        # The processes of DDP do not know joblib's own way to start one, the default in this.
        multiprocessing.set_start_method("spawn", force=True)
        return number, self(*call)


class SlurmLauncher(_ProcessLauncher):
    """A Hydra launcher that makes each run a Slurm job, on submitit.

    Args:
        folder: Where jobs and launcher leave messages for each other, and the jobs what they
            print; `%j` stands for a job's number.
        max_num_timeout: How often a job's time may run out before it counts as failed.
        **parameters: What the jobs ask Slurm for, in submitit's words.
    """

    def __init__(self, folder: str, max_num_timeout: int, **parameters: Any) -> None:
        self.folder = folder
        self.max_num_timeout = max_num_timeout
        self.parameters = {
            key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            for key, value in parameters.items()
            if value is not None
        }

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Submits the runs and waits for them. An interrupt cancels the jobs.

        Args:
            job_overrides: The overrides of each run.
            initial_job_idx: Number of the first.

        Raises:
            LauncherError: If there is no Slurm or no submitit.
        """
        calls = self.calls(job_overrides, initial_job_idx)
        jobs = self._executor().map_array(self, *zip(*calls, strict=True))
        returns: dict[int, JobReturn] = {}
        try:
            for call, job in zip(calls, jobs, strict=True):
                log.info("job %s: %s", job.job_id, self.job_config(*call[:2]).hydra.sweep.subdir)
            while len(returns) < len(jobs):
                waited_for = {i: job for i, job in enumerate(jobs) if i not in returns}
                for i in _some_that_ended(waited_for):
                    returns[i] = self._outcome(jobs[i], calls[i])
        except BaseException:
            subprocess.run(["scancel", *(job.job_id for job in jobs)], check=False)
            raise
        return [returns[i] for i in range(len(jobs))]

    def checkpoint(self, *args: Any) -> Any:
        """What submitit is to call when the job is started again: the same, which goes on."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, *args)

    def _executor(self) -> "submitit.AutoExecutor":
        try:
            import submitit
        except ImportError as error:
            raise LauncherError(
                'hydra/launcher=slurm needs submitit: pip install "autoencoder[slurm]"'
            ) from error
        try:
            executor = submitit.AutoExecutor(
                self.folder, cluster="slurm", slurm_max_num_timeout=self.max_num_timeout
            )
        except RuntimeError as error:
            raise LauncherError("hydra/launcher=slurm: there is no srun on this machine") from error
        executor.update_parameters(
            **{k if k in _COMMON else f"slurm_{k}": value for k, value in self.parameters.items()}
        )
        return executor

    def _outcome(self, job: "submitit.Job[JobReturn]", call: Call) -> JobReturn:
        """What a job that has ended has returned; without that, a failure."""
        overrides, number, _ = call
        paths = job.task(0).paths
        if not paths.result_pickle.exists():
            ended = f"job {job.job_id} was cancelled or killed; it has printed {paths.stdout}"
            return self.failed(overrides, number, JobError(ended))
        try:
            returned: JobReturn = job.task(0).result()
        except Exception as error:
            return self.failed(overrides, number, error)
        # The job itself has told its own log only.
        self.hydra_context.callbacks.on_job_end(
            self.job_config(overrides, number), job_return=returned
        )
        return returned


def register() -> None:
    """Makes the launchers known to Hydra; to be called before the program's `hydra.main`."""
    plugins = Plugins.instance()
    for launcher in (JoblibLauncher, SlurmLauncher):
        plugins.register(launcher)
        # As in autoencoder.sweeps.optuna_sweeper.register.
        plugins.class_name_to_class[f"hydra_plugins.{__name__}.{launcher.__name__}"] = launcher
    # Where Hydra's plugin for joblib is installed, it would have its say in a file of that name.
    ConfigStore.instance().repo["hydra"].get("launcher", {}).pop("joblib.yaml", None)


def _some_that_ended(waited_for: dict[int, "submitit.Job[JobReturn]"]) -> list[int]:
    """Waits until some of the jobs have ended."""
    asked = time.monotonic()
    while True:
        # Of a job's processes, the first leads.
        done = [i for i, job in waited_for.items() if job.task(0).paths.result_pickle.exists()]
        if done:
            return done
        if time.monotonic() - asked > _SECONDS_BETWEEN_QUESTIONS:
            asked, queued = time.monotonic(), _queued()
            gone = [i for i, job in waited_for.items() if queued and job.job_id not in queued]
            if gone:
                time.sleep(_SECONDS_FOR_A_RESULT)
                return gone
        time.sleep(1)


def _queued() -> list[str]:
    """Numbers of this user's jobs that wait or run; empty where Slurm does not answer."""
    command = ["squeue", "--noheader", "--array", "--format=%i", f"--user={os.getuid()}"]
    done = subprocess.run(command, capture_output=True, text=True)
    # Not empty where it does, and there are no jobs.
    return ["none", *done.stdout.split()] if done.returncode == 0 else []
