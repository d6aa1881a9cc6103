"""What the random numbers of an epoch depend on."""

import itertools
from types import SimpleNamespace
from typing import Any

import torch

from autoencoder.callbacks import EpochSeed


def drawn(seed: int, epoch: int, rank: int, hook: str = "on_train_epoch_start") -> float:
    trainer: Any = SimpleNamespace(current_epoch=epoch, global_rank=rank)
    getattr(EpochSeed(seed), hook)(trainer, None)
    return torch.rand(()).item()


def test_every_seed_epoch_and_process_draws_numbers_of_its_own() -> None:
    cases = list(itertools.product(range(4), repeat=3))
    assert len({drawn(*case) for case in cases}) == len(cases)


def test_they_depend_on_nothing_else() -> None:
    first = drawn(1, 2, 3)
    torch.rand(7)
    assert drawn(1, 2, 3) == first
    assert drawn(1, 2, 3, "on_test_start") == first
