"""A world without network, packages and apt-get."""

import shutil
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from autoencoder.data.idx import IdxFiles
from tests.data.tiny_files import tiny


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(url: str, timeout: float) -> None:
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    monkeypatch.setattr(shutil, "which", lambda tool: None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def dataset(tmp_path: Path) -> IdxFiles:
    return tiny(tmp_path)
