"""The Hydra launcher that does several runs of a sweep at once on this machine."""

import logging
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from hydra.core.utils import JobReturn

from autoencoder.commandline import output, signals
from autoencoder.runs.identity import run_name
from autoencoder.runs.machine import free_cores, free_memory
from autoencoder.sweeps.processes import Call, JobError, LauncherError, ProcessLauncher

log = logging.getLogger(__name__)

# Where there is none, torch need not be imported to ask it for GPUs.
_DRIVER = Path("/dev/nvidiactl")
# Bytes: the baseline on Fashion-MNIST takes 1.4e9.
_MEMORY_OF_A_RUN = 2e9
_TRACKER = "joblib.externals.loky.backend.resource_tracker"


class JoblibLauncher(ProcessLauncher):
    """A Hydra launcher that does several runs at once, in processes of this machine.

    Args:
        n_jobs: Runs at once; -1 is one for each core, `auto` as many as there are GPUs, or else
            as there are free cores and memory for.
    """

    def __init__(self, n_jobs: int | str) -> None:
        if n_jobs != "auto" and (not isinstance(n_jobs, int) or n_jobs == 0):
            raise LauncherError(
                f"hydra.launcher.n_jobs must be auto, a whole number >= 1 or -1, got {n_jobs}"
            )
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
        # Who has killed all once may have been a passer-by; twice, it is one of the runs.
        for go_on in ("what is left goes on", "what is left goes on alone"):
            left = [call for call in calls if call[1] not in returns]
            try:
                if left:
                    self._run(left, returns)
            except BrokenProcessPool:
                log.warning("a process was killed, and the others with it: %s", go_on)
        for call in calls:
            if call[1] not in returns:
                try:
                    self._run([call], returns)
                except BrokenProcessPool:
                    returns[call[1]] = self.failed(*call[:2], JobError("its process was killed"))
        return [returns[call[1]] for call in calls]

    def _run(self, calls: list[Call], returns: dict[int, JobReturn]) -> None:
        import joblib

        asked = self._n_jobs() if isinstance(self.n_jobs, str) else self.n_jobs
        n_jobs = min(joblib.effective_n_jobs(asked), len(calls))
        # joblib gives each process its share of the cores, by OMP_NUM_THREADS where that isn't set.
        # A single job would run in this process.
        parallel = joblib.Parallel(
            n_jobs=max(2, n_jobs),
            batch_size=1,
            pre_dispatch=n_jobs,
            return_as="generator_unordered",
        )
        # Where a signal ends all of this, joblib's tracker puts semaphores away, and says so.
        os.environ.setdefault("PYTHONWARNINGS", f"ignore::UserWarning:{_TRACKER}")
        with signals.held():
            results = parallel(joblib.delayed(self._one)(*call) for call in calls)
        for number, returned in results:
            returns[number] = returned

    def _n_jobs(self) -> int:
        """How many runs the machine has GPUs, or cores and memory for.

        A run in a thread for each core: small networks gain less from a second thread than a
        second run does (`benchmarks/sweep_throughput.py`).
        """
        if self.config.trainer.accelerator != "cpu" and _DRIVER.exists():
            import torch

            if torch.cuda.is_available():
                return torch.cuda.device_count()
        return max(1, min(free_cores(), int(free_memory() // _MEMORY_OF_A_RUN)))

    def _one(self, *call: *Call) -> tuple[int, JobReturn]:
        # Here, as it takes as long to import as all else that --help needs of this package.
        from autoencoder.console import SHARED_CONSOLE

        signals.follow()
        output.keep()
        overrides, number, _ = call
        own = [text for text in overrides if text not in self._common_overrides]
        os.environ[SHARED_CONSOLE] = run_name(own) if own else f"run {number + 1}"
        # The processes of DDP do not know joblib's own way to start one, the default in this.
        multiprocessing.set_start_method("spawn", force=True)
        return number, self(*call)
