"""Runs of untrained networks: what is used is the same, whatever the weights are."""

from pathlib import Path

import pytest

import autoencoder
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
