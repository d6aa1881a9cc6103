"""The Hydra launcher that makes each run of a sweep a task of a Ray cluster.

Hydra's own plugin for Ray does not start with today's Hydra. Ray's retries of a task are not used:
they tell nobody, and a run that comes back must not overwrite what it has done itself.
"""

import logging
import os
import secrets
import signal
import socket
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from autoencoder import AutoencoderError
from autoencoder.runs import lock
from autoencoder.runs.directory import first_lines
from autoencoder.sweeps.processes import Call, JobError, LauncherError, ProcessLauncher

log = logging.getLogger(__name__)

# A network's file system may hold the lock of a node that is gone for as long as its lease lasts.
_SECONDS_FOR_A_LOCK = 120.0
# Bytes for what runs send to each other, which is nothing; Ray takes a third of the memory.
_OBJECT_STORE = 100_000_000


class RayLauncher(ProcessLauncher):
    """A Hydra launcher that makes each run a Ray task, in a process of its own.

    Args:
        address: Of the cluster: `auto` for the one that this machine is part of, or
            `HEAD:PORT`; None starts one of this machine alone, for the time of the sweep.
        num_cpus: CPUs of a run, which computes with as many threads.
        num_gpus: GPUs of a run; `auto` is one for each of its trainer's devices where the
            cluster has GPUs.
        resources: What else the cluster's nodes must have for a run, by name.
        max_losses: How often a run may lose its node or its process, and go on elsewhere.

    Raises:
        LauncherError: If one of them can't be.
    """

    def __init__(
        self,
        address: str | None,
        num_cpus: float,
        num_gpus: float | str,
        resources: DictConfig | dict[str, float] | None,
        max_losses: int,
    ) -> None:
        if not _is_number(num_cpus) or num_cpus <= 0:
            raise LauncherError(f"hydra.launcher.num_cpus must be a number > 0, got {num_cpus}")
        if num_gpus != "auto" and (not _is_number(num_gpus) or float(num_gpus) < 0):
            raise LauncherError(
                f"hydra.launcher.num_gpus must be auto or a number >= 0, got {num_gpus}"
            )
        if not isinstance(max_losses, int) or max_losses < 0:
            raise LauncherError(
                f"hydra.launcher.max_losses must be a whole number >= 0, got {max_losses}"
            )
        self.address = address
        self.num_cpus = num_cpus
        self.num_gpus = num_gpus
        self.resources: dict[str, float] = dict(resources or {})
        self.max_losses = max_losses
        self.comes_back = False

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Takes what Hydra gives, and joins the cluster.

        Raises:
            LauncherError: If there is no Ray or no cluster, before a folder is made.
        """
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self.folders = [Path.cwd(), Path(config.hydra.sweep.dir).absolute()]
        self.environment = {k: v for k, v in os.environ.items() if k.startswith("AUTOENCODER_")}
        self._join()

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Gives the runs to the cluster and waits for them. An interrupt ends them.

        Args:
            job_overrides: The overrides of each run.
            initial_job_idx: Number of the first.
        """
        import ray
        from ray import exceptions

        calls = self.calls(job_overrides, initial_job_idx)
        needs = [self._needs(call) for call in calls]
        self._say_where(needs)
        returns: dict[int, JobReturn] = {}
        losses: Counter[int] = Counter()
        waited_for = {self._task(calls[i], needs[i]): i for i in range(len(calls))}
        try:
            while waited_for:
                (ended, *_), _ = ray.wait(list(waited_for))
                i = waited_for.pop(ended)
                overrides, number, _ = calls[i]
                try:
                    returns[i] = ray.get(ended)
                except (
                    exceptions.NodeDiedError,
                    exceptions.WorkerCrashedError,
                    exceptions.OutOfMemoryError,
                ) as error:
                    losses[i] += 1
                    if losses[i] <= self.max_losses:
                        folder = self.job_config(overrides, number).hydra.sweep.subdir
                        log.warning("%s: %s; it goes on elsewhere", folder, _loss(error))
                        waited_for[self._task(calls[i], needs[i], comes_back=True)] = i
                    else:
                        returns[i] = self.failed(overrides, number, JobError(_loss(error)))
                except exceptions.RayError as error:
                    cause = getattr(error, "cause", None) or error
                    if not isinstance(cause, AutoencoderError):
                        cause = JobError(f"{type(cause).__name__}: {first_lines(cause)}")
                    returns[i] = self.failed(overrides, number, cause)
                else:
                    # The task itself has told its own log only.
                    self.hydra_context.callbacks.on_job_end(
                        self.job_config(overrides, number), job_return=returns[i]
                    )
        except BaseException:
            for task in waited_for:
                ray.cancel(task, force=True)
            raise
        return [returns[i] for i in range(len(calls))]

    def job_config(self, overrides: list[str], number: int) -> DictConfig:
        """The config of a run; what is there already of one that comes back is its own."""
        config = super().job_config(overrides, number)
        if self.comes_back:
            config.overwrite = False
        return config

    def _join(self) -> None:
        if self.address is None and "RAY_AUTH_MODE" not in os.environ:
            # Ray would write one into the home directory, and later clusters would ask for it.
            os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        try:
            import ray
        except ImportError as error:
            raise LauncherError("hydra/launcher=ray needs Ray: pip install ray") from error
        if ray.is_initialized():
            return
        # It would be told of what is started here, each time.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        alone: dict[str, Any] = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE}
        answer = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(
                address=self.address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({} if self.address else alone),
            )
        except Exception as error:  # of as many kinds as there are reasons
            said = first_lines(error)
            raise LauncherError(f"hydra.launcher.address={self.address}: {said}") from error
        finally:
            signal.signal(signal.SIGTERM, answer)  # Ray's exits with a status of its own

    def _needs(self, call: Call) -> dict[str, float]:
        """What a run takes from a node, in Ray's names."""
        import ray

        gpus = self.num_gpus
        if isinstance(gpus, str):
            trainer = self.job_config(*call[:2]).trainer
            devices = trainer.devices if isinstance(trainer.devices, int) else 1
            has_gpus = ray.cluster_resources().get("GPU", 0) > 0
            gpus = max(1, devices) if has_gpus and trainer.accelerator != "cpu" else 0
        return {"CPU": self.num_cpus, "GPU": gpus, **self.resources}

    def _say_where(self, needs: list[dict[str, float]]) -> None:
        """Says what the cluster has, and what no node of it has.

        Raises:
            LauncherError: If that is so, and no node can be added.
        """
        import ray

        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        log.info(
            "Ray of %d %s with %g CPUs and %g GPUs",
            len(nodes), "node" if len(nodes) == 1 else "nodes",
            *(sum(node.get(name, 0) for node in nodes) for name in ("CPU", "GPU")),
        )  # fmt: skip
        for need in needs:
            if any(all(node.get(k, 0) >= v for k, v in need.items()) for node in nodes):
                continue
            wanted = ", ".join(f"{name} {amount:g}" for name, amount in need.items() if amount)
            text = f"no node has what a run is to get: {wanted}"
            if self.address is None:
                raise LauncherError(f"hydra/launcher=ray: {text}")
            log.warning("%s; what needs it waits for a node that does", text)
            return

    def _task(self, call: Call, needs: dict[str, float], comes_back: bool = False) -> Any:
        import ray

        others = {name: amount for name, amount in needs.items() if name not in ("CPU", "GPU")}
        # A process for each run: what the last one has set in torch and Hydra ends with it.
        task = ray.remote(max_calls=1, max_retries=0)(RayLauncher._one)
        sweep = self.job_config(*call[:2]).hydra.sweep
        options = task.options(
            name=sweep.subdir, num_cpus=needs["CPU"], num_gpus=needs["GPU"], resources=others
        )
        back_in = Path(sweep.dir) / sweep.subdir if comes_back else None
        return options.remote(self, call, needs["GPU"], back_in)

    def _one(self, call: Call, gpus: float, back_in: Path | None) -> JobReturn:
        """Does a run, on a node of the cluster; it may come back, in a folder."""
        for folder in self.folders:
            if not folder.is_dir():
                raise JobError(
                    f"{socket.gethostname()} has no folder {folder}: it must be on storage that "
                    "all nodes of the cluster see"
                )
        os.chdir(self.folders[0])
        # Of a Ray that was started inside a Slurm job; a run would take its tasks for its own.
        for name in [name for name in os.environ if name.startswith("SLURM_")]:
            del os.environ[name]
        os.environ.update(self.environment)
        if not gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # those of the node are for others
        self.comes_back = back_in is not None
        if back_in is not None:
            _wait_for(back_in / ".lock")
        try:
            return self(*call)
        except SystemExit as end:
            # The first failed run is to end the sweep, or a signal this process, which is a loss.
            if isinstance(end.code, str):
                raise JobError(end.code) from end
            raise


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _loss(error: Exception) -> str:
    """How a run was lost, in words."""
    return {
        "NodeDiedError": "its node was lost",
        "OutOfMemoryError": "its node had no memory left for it",
    }.get(type(error).__name__, "its process was killed")


def _wait_for(path: Path) -> None:
    """Waits until whoever is gone no longer has the lock."""
    end = time.monotonic() + _SECONDS_FOR_A_LOCK
    while path.exists() and time.monotonic() < end:
        with lock.held(path) as free:
            if free:
                return
        time.sleep(1)
