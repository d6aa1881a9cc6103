"""A tiny model that is fitted and tested with a callback."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch.optim import Adam

from autoencoder.data import ImageDataModule, SyntheticGarments
from autoencoder.data.noise import GaussianNoise
from autoencoder.models import Autoencoder, ConvAutoencoder

SIZES = {"train_size": 58, "test_size": 40, "image_size": 12, "channels": 1, "val_size": 10}

Fit = Callable[..., Autoencoder]


def garments(**changes: Any) -> ImageDataModule:
    """48 training images, three batches of 16; 10 for validation, 40 for the test."""
    others = {"batch_size": 16, "seed": 0, "split_seed": 0, "num_workers": 0}
    data = SyntheticGarments(**SIZES | others | {"noise": GaussianNoise(0.3, clip=True)} | changes)
    data.setup()
    return data


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    """Fits a small model with callbacks, and tests it; returns it."""

    def fitted(data: ImageDataModule, *callbacks: L.Callback, **flags: Any) -> Autoencoder:
        torch.manual_seed(0)
        model = ConvAutoencoder(
            [4, 8], 3, 2, 1, image_shape=data.image_shape, optimizer=partial(Adam, lr=0.01)
        )
        options = {"max_epochs": 3, "logger": False} | flags
        trainer = L.Trainer(
            **options,
            accelerator="cpu",
            callbacks=list(callbacks),
            default_root_dir=tmp_path,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(model, data)
        trainer.test(model, data, verbose=False)
        return model.eval()

    return fitted
