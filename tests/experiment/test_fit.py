"""What a run writes down of its training and its test."""

import csv
from pathlib import Path

import pytest
import torch
from torch import Tensor

from autoencoder import runs
from autoencoder.experiment.build import build, load_run
from autoencoder.experiment.train import train
from autoencoder.models import Autoencoder
from autoencoder.runs.checkpoints import load_weights
from tests.conftest import Compose

QUICK = "callbacks.latent_maps=null", "callbacks.samples=null", "callbacks.reconstructions=null"


class StoppedError(Exception):
    pass


def error_of(run: Path, checkpoint: Path) -> float:
    """Test MSE, of a loop, by the weights of a checkpoint."""
    model, data = load_run(run)
    load_weights(model, run / checkpoint)
    corrupted, labels = data.test.corrupted, data.test.labels
    assert corrupted is not None
    errors = [
        (model(corrupted[k : k + 1], labels[k : k + 1]) - data.test.images[k] / 255).square().mean()
        for k in range(len(labels))
    ]
    return torch.stack(errors).mean().item()


def test_the_best_epoch_is_tested_and_told(tiny: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = [3.0, 1.0, 2.0, 4.0]

    def validation_loss(self: Autoencoder) -> Tensor:
        return torch.tensor(losses[self.current_epoch])

    monkeypatch.setattr(Autoencoder, "validation_loss", validation_loss)
    cfg = tiny("noise=gaussian", "trainer.max_epochs=4", *QUICK)
    metrics = train(cfg)
    run = Path(cfg.run_dir)
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    assert [float(row["val/loss"]) for row in rows] == losses
    assert (metrics["best_epoch"], metrics["epochs"]) == (2, 4)
    for name in ("train/loss", "val/mse"):
        assert metrics[name] == float(rows[1][name])
        assert len({row[name] for row in rows}) == 4
    # Lightning counts from 0.
    epochs = [torch.load(run / path)["epoch"] for path in (runs.BEST, runs.LAST)]
    assert epochs == [1, 3]
    best, last = error_of(run, runs.BEST), error_of(run, runs.LAST)
    assert metrics["test/mse"] == pytest.approx(best, rel=1e-5)
    assert metrics["test/mse"] != pytest.approx(last, rel=1e-3)
    assert runs.checkpoint(run) == run / runs.BEST


def test_a_run_is_not_finished_before_its_test(
    tiny: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise StoppedError

    monkeypatch.setattr(Autoencoder, "test_step", stop)
    cfg = tiny("trainer.max_epochs=1", *QUICK)
    with pytest.raises(StoppedError):
        train(cfg)
    assert runs.find_runs(Path(cfg.run_dir)).finished == []
    monkeypatch.undo()
    assert train(cfg)["test/mse"] > 0
    assert runs.find_runs(Path(cfg.run_dir)).finished == [Path(cfg.run_dir)]


def test_the_epochs_are_those_that_were_trained(tiny: Compose) -> None:
    cfg = tiny("trainer.max_epochs=5", "trainer.max_steps=8", *QUICK)
    metrics = train(cfg)
    rows = list(csv.DictReader((Path(cfg.run_dir) / "metrics.csv").open()))
    assert metrics["epochs"] == len(rows) == 2  # of four steps each


def test_the_seed_decides_the_first_weights(tiny: Compose) -> None:
    first, again, other = (
        torch.cat([parameter.flatten() for parameter in build(tiny(seed))[1].parameters()])
        for seed in ("seed=1", "seed=1", "seed=2")
    )
    assert torch.equal(first, again)
    assert not torch.isclose(first, other).all()
