"""The callback that lets Optuna cut a trial short."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

if TYPE_CHECKING:
    import optuna  # optional, and loaded only by runs that are part of a search

log = logging.getLogger(__name__)


class Pruning(Callback):
    """Callback that reports a metric to an Optuna trial after each validation, and may end it.

    Optuna's own callback, in the package optuna-integration, does the same for a trial object that
    lives in this process. Here the trial is one that the job has loaded from the study's storage,
    and under DDP the first process decides for all.

    Args:
        trial: the trial that this run is, or None for a run that is no trial: nothing happens.
        monitor: name of the logged metric; to be one that falls and rises with the search's own.

    Raises:
        optuna.TrialPruned: out of `Trainer.fit`, when the trial is not worth going on with.
        ValueError: the metric is not logged.
    """

    def __init__(self, trial: optuna.trial.Trial | None, monitor: str) -> None:
        self.trial = trial
        self.monitor = monitor
        if trial is not None and len(trial.study.directions) > 1:
            log.info("Optuna prunes no trials of a search with several metrics")
            self.trial = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the epoch's value, and end the run if the pruner says so."""
        if (
            self.trial is None
            or trainer.sanity_checking
            or trainer.state.fn is not TrainerFn.FITTING
        ):
            return
        if self.monitor not in trainer.callback_metrics:
            raise ValueError(
                f"Pruning monitors {self.monitor!r}, which is not logged; there is "
                f"{sorted(trainer.callback_metrics)}."
            )
        value = trainer.callback_metrics[self.monitor].item()
        hopeless = trainer.is_global_zero and self._is_hopeless(value, trainer.current_epoch)
        if trainer.strategy.broadcast(hopeless):
            import optuna

            raise optuna.TrialPruned(
                f"{self.monitor}={value:.6g} after epoch {trainer.current_epoch}"
            )

    def _is_hopeless(self, value: float, epoch: int) -> bool:
        assert self.trial is not None
        # A trial that was killed and runs again has reported its first epochs already, and a
        # second value for an epoch is not taken.
        reported = self.trial.study.get_trials(deepcopy=False)[self.trial.number]
        if epoch not in reported.intermediate_values:
            self.trial.report(value, epoch)
        hopeless = self.trial.should_prune()
        if hopeless:
            # The exception itself does not come out of a run of several processes.
            self.trial.set_user_attr("pruned", True)
        return hopeless
