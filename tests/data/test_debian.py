import dataclasses
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from autoencoder.data import debian
from autoencoder.data.idx import DebianPackage, IdxFiles, SourceError
from autoencoder.data.sources import load_idx
from tests.data.tiny_files import STORED, everything_under, write

PACKAGE = DebianPackage("dataset-tiny", Path("/usr/share/datasets/tiny"))


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")


def test_package_is_fetched_and_kept(
    dataset: IdxFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def run(command: list[str], cwd: Path, **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        if "download" in command:
            (cwd / "package.deb").touch()
        elif command[0] == "dpkg-deb":
            write(cwd / command[-1] / PACKAGE.folder.relative_to("/"), zipped=True)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    dataset = dataclasses.replace(dataset, package=PACKAGE)
    data = load_idx(dataset, root, download=True)
    assert data.origin == "Debian package dataset-tiny, fetched"
    assert [command[0] for command in commands] == ["apt-get", "apt-get", "dpkg-deb"]
    assert "package.deb" in commands[-1]
    assert everything_under(root) == STORED
    assert load_idx(dataset, root, download=True).origin == str(root / "FashionMNIST" / "raw")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (subprocess.CalledProcessError(100, "", "", "E: Unable to locate"), "Unable to locate"),
        (subprocess.TimeoutExpired("", 180), "apt-get took more than 180 s"),
        (PermissionError(13, "Permission denied"), "apt-get: Permission denied"),
    ],
)
def test_package_that_cannot_be_fetched_is_reported(
    dataset: IdxFiles,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    reason: str,
) -> None:
    def run(command: list[str], **_: Any) -> None:
        raise failure

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(SourceError, match=reason):
        debian.fetch(dataset, PACKAGE, root)


def test_machine_without_apt_is_told(
    dataset: IdxFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    with pytest.raises(SourceError, match="no apt-get and no dpkg-deb here"):
        debian.fetch(dataset, PACKAGE, root)
