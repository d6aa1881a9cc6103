"""Trains an autoencoder: `python train.py model=compact4layer noise=gaussian`."""

import hydra
from omegaconf import DictConfig

from autoencoder.commandline import command


@command
@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg: DictConfig) -> float:
    """One run; returns the metric that a sweeper is to minimise."""
    # torch takes seconds to import, and --help doesn't need it.
    from autoencoder.experiment import train

    return train(cfg)[cfg.optimized_metric]


if __name__ == "__main__":
    main()
