"""The programs: `train` makes a run or a sweep, `evaluate` its report.

A checkout starts them as `python train.py` and `python evaluate.py`, an installed package as
`autoencoder-train` and `autoencoder-evaluate`. torch takes seconds to import, and `--help` does not
need it, so what needs it is imported inside.
"""

import hydra
from omegaconf import DictConfig

from autoencoder.commandline import CONF_DIR, command
from autoencoder.sweeps import plugins

plugins.register()


@command
@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="train")
def train(cfg: DictConfig) -> float | list[float]:
    """One run; returns what a sweeper is to optimise."""
    from autoencoder.experiment.train import train

    metrics = train(cfg)
    names = cfg.optimized_metric
    return metrics[names] if isinstance(names, str) else [metrics[name] for name in names]


@command
@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="evaluate")
def evaluate(cfg: DictConfig) -> None:
    """One report."""
    from autoencoder.report import evaluate

    evaluate(cfg)
