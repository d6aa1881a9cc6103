"""Runs of untrained networks: what is used is the same, whatever the weights are."""

import importlib
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import autoencoder
from autoencoder.cli import COMMANDS
from autoencoder.commandline.configs import CONF_DIR
from autoencoder.trained.options import carried_out
from tests.report.runs_on_disk import COMPACT, write_run


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run whose latents are feature maps, without a prior."""
    return write_run(tmp_path_factory.mktemp("runs") / "plain", COMPACT)


@pytest.fixture(scope="session")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run whose networks see labels."""
    small = "model.channels=[4,8]", "model.latent_dim=3"
    folder = tmp_path_factory.mktemp("runs") / "conditional"
    return write_run(folder, "model=conditional_vae", *small)


@pytest.fixture
def run(plain: Path) -> autoencoder.Run:
    return autoencoder.load(plain, device="cpu")


@pytest.fixture
def seeing(conditional: Path) -> autoencoder.Run:
    return autoencoder.load(conditional, device="cpu")


def command(name: str, *words: str) -> None:
    """What `autoencoder NAME WORDS` does."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose(name, ["device=cpu", *words])
    module = importlib.import_module(f"autoencoder.trained.{COMMANDS[name][0]}")
    carried_out(cfg, getattr(module, name))
