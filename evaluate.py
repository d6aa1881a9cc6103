"""Reports on a run or a sweep: `python evaluate.py run=multirun/2026-11-22_10-00-00`."""

import hydra
from omegaconf import DictConfig

from autoencoder.commandline import command


@command
@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
def main(cfg: DictConfig) -> None:
    """One report."""
    # torch takes seconds to import, and --help doesn't need it.
    from autoencoder.report import evaluate

    evaluate(cfg)


if __name__ == "__main__":
    main()
