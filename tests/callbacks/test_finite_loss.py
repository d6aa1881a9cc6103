"""When a loss that is no number ends a run."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from autoencoder.callbacks import FiniteLoss, NonFiniteLossError


def look(loss: float, batch: int, last: bool = False) -> None:
    trainer: Any = SimpleNamespace(is_last_batch=last, current_epoch=1, global_step=7)
    model: Any = None
    callback = FiniteLoss(every_n_steps=4)
    callback.on_train_batch_end(trainer, model, {"loss": torch.tensor(loss)}, None, batch)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_it_looks_every_so_many_steps_and_at_the_last(loss: float) -> None:
    for batch, last in ((0, False), (8, False), (5, True), (8, True)):
        with pytest.raises(NonFiniteLossError, match="in epoch 2, step 7"):
            look(loss, batch, last)
    look(loss, 5)  # each look waits for the device


def test_a_number_is_let_pass() -> None:
    look(1e30, 0)
    look(-3.0, 5, last=True)
