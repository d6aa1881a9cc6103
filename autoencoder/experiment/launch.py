"""The processes of a distributed run, started on this machine."""

import logging
import logging.config
import os
from typing import Any

import lightning as L
import torch
from hydra.core.hydra_config import HydraConfig
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from omegaconf import DictConfig, OmegaConf
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, record
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from autoencoder import AutoencoderError
from autoencoder.experiment import slurm
from autoencoder.experiment.build import ConfigError, build
from autoencoder.experiment.fit import fit_and_test, quiet


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
    """
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=n_processes,
        run_id=f"autoencoder-{os.getpid()}",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.5,
    )
    try:
        results = elastic_launch(config, _process)(
            OmegaConf.to_container(cfg, resolve=True),
            _job_logging(),
            max(1, torch.get_num_threads() // n_processes),
        )
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        raise ProcessError(f"process {rank} of {n_processes}: {failure.message}") from error
    metrics: dict[str, float] = results[0]
    return metrics


def _job_logging() -> dict[str, Any]:
    """How Hydra has set up logging in this process, for those that it knows nothing of."""
    if not HydraConfig.initialized():
        return {}
    logs: Any = OmegaConf.to_container(HydraConfig.get().job_logging, resolve=True)
    return dict(logs)


@record
def _process(values: dict[str, Any], logs: dict[str, Any], threads: int) -> dict[str, float]:
    """One process of a distributed run."""
    if logs and os.environ["RANK"] == "0":
        logging.config.dictConfig(logs)
    torch.set_num_threads(threads)
    quiet()
    cfg = OmegaConf.create(values)
    return fit_and_test(cfg, *build(cfg))
