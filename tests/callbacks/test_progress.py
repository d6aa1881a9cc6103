"""The progress bar, on a terminal that only it believes in."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from autoencoder.callbacks import Progress
from autoencoder.console import SHARED_CONSOLE


def test_there_is_no_loss_before_there_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv(SHARED_CONSOLE, raising=False)
    trainer: Any = SimpleNamespace(
        estimated_stepping_batches=10, accumulate_grad_batches=1, current_epoch=0, max_epochs=2,
        num_training_batches=5, datamodule=SimpleNamespace(batch_size=8),
    )  # fmt: skip
    model: Any = None
    bar = Progress(refresh_seconds=0)
    bar.on_train_start(trainer, model)
    begin = capsys.readouterr().out
    assert "epoch" in begin
    assert "nan" not in begin
    assert "loss" not in begin
    bar.on_train_batch_end(trainer, model, {"loss": torch.tensor(0.25)}, None, 0)
    bar.on_train_end(trainer, model)
    assert "loss 0.25000" in capsys.readouterr().out
