"""The programs: `train` makes a run or a sweep, `evaluate` its report, `pack` a folder of images.

A checkout starts them as `python train.py` and so on, an installed package as `autoencoder-train`
and so on. What takes time to import is imported inside: torch, as `--help` does not need it, and
Hydra, as a signal may come meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoencoder.commandline import command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def _register_plugins() -> None:
    from autoencoder.sweeps import plugins

    plugins.register()


@command("train", before=_register_plugins)
def train(cfg: DictConfig) -> float | list[float]:
    """One run; returns what a sweeper is to optimise."""
    from autoencoder.experiment.train import train

    metrics = train(cfg)
    names = cfg.optimized_metric
    return metrics[names] if isinstance(names, str) else [metrics[name] for name in names]


@command("evaluate", before=_register_plugins)
def evaluate(cfg: DictConfig) -> None:
    """One report."""
    from autoencoder.report import evaluate

    evaluate(cfg)


@command("pack", before=_register_plugins)
def pack(cfg: DictConfig) -> None:
    """One folder of packed images."""
    from autoencoder.experiment.pack import pack

    pack(cfg)
