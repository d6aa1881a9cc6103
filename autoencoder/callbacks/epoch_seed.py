"""Random numbers that depend on the epoch, not on what was drawn before it."""

import lightning as L
import numpy as np
import torch


class EpochSeed(L.Callback):
    """Seeds torch from (seed, epoch, rank) at the start of each training epoch, and of the test.

    So an epoch draws the same noise and latents whether the run came to it in one go or was
    resumed, and each process of a distributed run draws its own.

    Args:
        seed: Seed of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Seeds the generators of all devices."""
        self._seed(trainer)

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Seeds them once more, with the number of epochs that were trained."""
        self._seed(trainer)

    def _seed(self, trainer: L.Trainer) -> None:
        entropy = [self.seed, trainer.current_epoch, trainer.global_rank]
        torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))
