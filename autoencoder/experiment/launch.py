"""The processes of a distributed run, started on this machine."""

import logging
import logging.config
import os
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.core.hydra_config import HydraConfig
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from omegaconf import DictConfig, OmegaConf
from torch.distributed import TCPStore  # type: ignore[attr-defined]  # not in its __all__
from torch.multiprocessing.spawn import (
    ProcessExitedException,
    ProcessRaisedException,
    start_processes,
)

from autoencoder import AutoencoderError, runs
from autoencoder.commandline import explain, output, signals
from autoencoder.experiment import slurm
from autoencoder.experiment.build import ConfigError, build
from autoencoder.experiment.fit import fit_and_test, quiet
from autoencoder.runs import is_pruned


class ProcessError(AutoencoderError):
    """A failure in one of the processes of a distributed run."""


def must_launch(trainer: L.Trainer) -> bool:
    """Whether the trainer's processes are still to be started."""
    environment = getattr(trainer.strategy, "cluster_environment", None)
    n_processes = trainer.num_devices * trainer.num_nodes
    if environment is None or n_processes == 1:
        return False
    if isinstance(environment, SLURMEnvironment) and slurm.n_tasks() != n_processes:
        raise ConfigError(
            f"trainer: {n_processes} processes are asked for, Slurm has started {slurm.n_tasks()}; "
            f"use srun --nodes={trainer.num_nodes} --ntasks-per-node={trainer.num_devices}"
        )
    return not environment.creates_processes_externally


def launch(cfg: DictConfig, n_processes: int) -> dict[str, float]:
    """Runs the config in processes of this machine that know of each other.

    Lightning would start the command line again for each of them, which under `--multirun` is
    the whole sweep. This starts one run, whatever started this process.

    Raises:
        ProcessError: What an error in one of them says, if that says it all; or that it was killed.
        ProcessRaisedException: Another error in one of them, with its traceback.
    """
    # The processes meet at a store of this one, as those of torchrun do.
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    errors = get_context("spawn").SimpleQueue()
    threads = max(1, torch.get_num_threads() // n_processes)
    values = OmegaConf.to_container(cfg, resolve=True)
    # It tells of the other processes that it ends when one has failed.
    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)
    with signals.held():
        context = start_processes(
            _process,
            (n_processes, store.port, values, _job_logging(), threads, errors),
            nprocs=n_processes,
            join=False,
        )
    try:
        while not context.join():
            pass
    except ProcessExitedException as error:
        raise ProcessError(str(error)) from error
    except ProcessRaisedException as error:
        if errors.empty():
            raise
        raise ProcessError(errors.get()) from error
    finally:
        for process in context.processes:
            process.kill()  # those that are left, where a signal ends this one
    metrics = runs.read_metrics(Path(cfg.run_dir))
    assert metrics is not None
    return metrics


def _job_logging() -> dict[str, Any]:
    """How Hydra has set up logging in this process, for those that it knows nothing of."""
    if not HydraConfig.initialized():
        return {}
    logs: Any = OmegaConf.to_container(HydraConfig.get().job_logging, resolve=True)
    return dict(logs)


def _process(
    rank: int,
    n_processes: int,
    port: int,
    values: dict[str, Any],
    logs: dict[str, Any],
    threads: int,
    errors: Any,
) -> None:
    """One process of a distributed run."""
    signals.follow()
    output.keep()
    os.environ.update(
        RANK=f"{rank}", LOCAL_RANK=f"{rank}", GROUP_RANK="0", WORLD_SIZE=f"{n_processes}",
        LOCAL_WORLD_SIZE=f"{n_processes}", MASTER_ADDR="127.0.0.1", MASTER_PORT=f"{port}",
        TORCHELASTIC_RUN_ID="autoencoder", TORCHELASTIC_RESTART_COUNT="0",
        TORCHELASTIC_USE_AGENT_STORE="True",
    )  # fmt: skip
    if logs and rank == 0:
        logging.config.dictConfig(logs)
    torch.set_num_threads(threads)
    quiet()
    cfg = OmegaConf.create(values)
    try:
        fit_and_test(cfg, *build(cfg))
    except Exception as error:
        if is_pruned(error) or explain(error):
            errors.put(f"TrialPruned: {error}" if is_pruned(error) else explain(error))
        raise
