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


def test_a_loss_between_two_looks_is_not_forgotten() -> None:
    callback = FiniteLoss(every_n_steps=4)
    trainer: Any = SimpleNamespace(is_last_batch=False, current_epoch=1, global_step=8)
    model: Any = None
    for batch, loss in enumerate([1.0, 1.0, math.inf, 1.0]):
        callback.on_train_batch_end(trainer, model, {"loss": torch.tensor(loss)}, None, batch)
    with pytest.raises(NonFiniteLossError, match="the loss is nan in epoch 2"):
        callback.on_train_batch_end(trainer, model, {"loss": torch.tensor(1.0)}, None, 4)


def test_a_device_is_waited_for_in_the_last_step_alone() -> None:
    callback = FiniteLoss(every_n_steps=1)
    trainer: Any = SimpleNamespace(is_last_batch=False, current_epoch=0, global_step=1)
    model: Any = None
    # Such a tensor has no numbers: who asks for one gets an error.
    outputs = {"loss": torch.tensor(1.0, device="meta")}
    for batch in range(3):
        callback.on_train_batch_end(trainer, model, outputs, None, batch)
    trainer.is_last_batch = True
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        callback.on_train_batch_end(trainer, model, outputs, None, 3)


def test_a_number_is_let_pass() -> None:
    look(1e30, 0)
    look(-3.0, 5, last=True)
