"""Configs and data small enough for a test."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from autoencoder.commandline.configs import CONF_DIR
from autoencoder.runs.identity import run_name
from autoencoder.sweeps import plugins

# The tests' networks are too small to share out; and idle threads of OpenMP spin.
torch.set_num_threads(1)

# A shell's `pytest &` ignores it, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

OmegaConf.register_new_resolver("run_name", run_name, replace=True)

# As every program does first: a config names the sweeper of this package.
plugins.register()

TINY = (
    "data=synthetic",
    "data.train_size=288",
    "data.test_size=40",
    "data.val_size=32",
    "data.batch_size=64",
    "trainer=cpu",
    "threads=1",
    "trainer.max_epochs=2",
    "callbacks.latent_maps.max_points=40",
)

Compose = Callable[..., DictConfig]


@pytest.fixture
def tiny(tmp_path: Path) -> Compose:
    """Composes the config of a run of a second, in a folder of this test."""

    def composed(*overrides: str, run_dir: Path = tmp_path / "run") -> DictConfig:
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            return compose("train", [*TINY, f"run_dir={run_dir}", "name=tiny", *overrides])

    return composed
