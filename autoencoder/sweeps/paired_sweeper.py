"""The Hydra sweeper of a plain sweep: a grid, in which some values may go together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from autoencoder import runs
from autoencoder.sweeps.pairs import KEY, jobs


class PairedSweeper(Sweeper):
    """A Hydra sweeper that does what Hydra's own does, and knows of `pairs`.

    Args:
        max_batch_size: Runs that the launcher gets at once; None for all.
        params: Overrides that come before those of the command line.
        pairs: As for `autoencoder.sweeps.pairs.jobs`.
    """

    hydra_context: HydraContext
    config: DictConfig
    launcher: Launcher

    def __init__(
        self, max_batch_size: int | None, params: Mapping[str, str] | None, pairs: Any
    ) -> None:
        self.max_batch_size = max_batch_size
        self.params = params or {}
        self.pairs = pairs

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Builds the launcher."""
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Does the runs, batch by batch.

        Args:
            arguments: The overrides of the command line.

        Raises:
            PairsError: As for `autoencoder.sweeps.pairs.jobs`.
        """
        lines = [f"{key}={value}" for key, value in self.params.items()] + arguments
        left = jobs(lines, self.pairs, self.hydra_context.config_loader)
        # A run knows of no pairs: it may be repeated alone.
        if self.pairs is not None and not any(line.startswith(f"{KEY}=") for line in lines):
            left = [[*job, f"{KEY}=null"] for job in left]
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / runs.SWEEP)
        returns = []
        size = self.max_batch_size or len(left)
        for first in range(0, len(left), size):
            batch = left[first : first + size]
            # A misspelt key is found now, and not by its run.
            self.validate_batch_is_legal(batch)
            results = self.launcher.launch(batch, initial_job_idx=first)
            for result in results:
                _ = result.return_value  # raises what has made a run fail
            returns.append(results)
        return returns
