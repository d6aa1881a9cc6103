"""Trains an autoencoder: `python train.py model=compact4layer noise=gaussian`."""

import hydra
from omegaconf import DictConfig

from autoencoder.commandline import command
from autoencoder.sweeps import plugins


@command
@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg: DictConfig) -> float | list[float]:
    """One run; returns what a sweeper is to optimise."""
    # torch takes seconds to import, and --help doesn't need it.
    from autoencoder.experiment.train import train

    metrics = train(cfg)
    names = cfg.optimized_metric
    return metrics[names] if isinstance(names, str) else [metrics[name] for name in names]


if __name__ == "__main__":
    plugins.register()
    main()
