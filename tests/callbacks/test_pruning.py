"""A trial of a search that is cut short."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader

from autoencoder.callbacks.pruning import Pruning

optuna = pytest.importorskip("optuna", reason="needs pip install optuna")


class Curve(LightningModule):
    """A model whose val/mse is what the test says, an epoch at a time."""

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.values = values
        self.weight = torch.nn.Parameter(torch.ones(1))

    def training_step(self, batch: torch.Tensor) -> torch.Tensor:
        return (self.weight * batch).sum()

    def validation_step(self, batch: torch.Tensor) -> None:
        self.log("val/mse", self.values[self.current_epoch])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def fit(trial: Any, values: list[float], monitor: str = "val/mse") -> None:
    trainer = Trainer(
        max_epochs=len(values),
        accelerator="cpu",
        callbacks=[Pruning(trial, monitor)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loader: DataLoader[torch.Tensor] = DataLoader(torch.ones(2, 1))
    trainer.fit(Curve(values), loader, loader)


def threshold_study(**options: Any) -> Any:
    return optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=2.0), **options)


def test_pruning_reports_each_epoch_and_ends_the_run() -> None:
    study = threshold_study()
    fit(study.ask(), [1.5, 1.0, 0.5])
    assert study.trials[0].intermediate_values == {0: 1.5, 1: 1.0, 2: 0.5}
    with pytest.raises(optuna.TrialPruned, match="val/mse=3 after epoch 1"):
        fit(study.ask(), [1.0, 3.0, 1.0])
    assert study.trials[1].intermediate_values == {0: 1.0, 1: 3.0}
    assert study.trials[1].user_attrs["pruned"]


@pytest.mark.filterwarnings("error::UserWarning:optuna")
def test_pruning_of_a_trial_that_runs_again() -> None:
    study = threshold_study()
    trial = study.ask()
    trial.report(1.25, 0)
    fit(trial, [1.0, 0.5])
    assert study.trials[0].intermediate_values == {0: 1.25, 1: 0.5}


def test_pruning_does_nothing_without_a_trial_or_with_several_metrics() -> None:
    fit(None, [3.0])
    study = threshold_study(directions=["minimize", "minimize"])
    fit(study.ask(), [3.0])
    assert study.trials[0].intermediate_values == {}


def test_pruning_names_the_metrics_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"'val/none', which is not logged.*'val/mse'"):
        fit(threshold_study().ask(), [1.0], monitor="val/none")
