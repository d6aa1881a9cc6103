"""The Hydra launcher that makes each run of a sweep a job of a Slurm cluster."""

import logging
import os
import subprocess
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from autoencoder.sweeps.processes import Call, JobError, LauncherError, ProcessLauncher

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


class SlurmLauncher(ProcessLauncher):
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

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Takes what Hydra gives.

        Raises:
            LauncherError: If there is no Slurm or no submitit, before a folder is made.
        """
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self._executor()

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Submits the runs and waits for them. An interrupt cancels the jobs.

        Args:
            job_overrides: The overrides of each run.
            initial_job_idx: Number of the first.
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
                "hydra/launcher=slurm needs submitit: pip install submitit"
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
