"""What a run says of the program and the packages that made it."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import torch

from autoencoder.runs import environment as module
from autoencoder.runs.environment import PACKAGES, environment, program


@pytest.mark.parametrize(
    ("started_as", "words"),
    [
        ("train.py", ["python", "evaluate.py"]),
        ("../a checkout/train.py", ["python", "../a checkout/evaluate.py"]),
        ("/somewhere/bin/autoencoder-train", ["autoencoder-evaluate"]),
    ],
)
def test_a_program_is_named_as_this_one_was_started(
    started_as: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [started_as, "name=a b"])
    assert program("evaluate") == words


def test_the_command_can_be_typed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/a checkout/train.py", "name=a b"])
    assert environment()["command"] == "python '/a checkout/train.py' 'name=a b'"


def test_the_package_is_looked_up_under_the_name_that_it_is_installed_as() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert PACKAGES[0] == project["project"]["name"]


def test_the_commit_is_that_of_the_package_and_of_no_repository_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "venv/site-packages/environment.py"
    installed.parent.mkdir(parents=True)
    shutil.copy(module.__file__, installed)
    monkeypatch.setattr(module, "__file__", str(installed))

    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", *identity, *words]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    assert environment()["git"] == "no git checkout"
    git("init")
    (tmp_path / ".gitignore").write_text("venv/\n")
    git("add", ".gitignore")
    git("commit", "-m", "theirs")
    assert environment()["git"] == "no git checkout"
    git("add", "--force", str(installed))
    git("commit", "-m", "ours")
    assert len(environment()["git"]) == 40
    installed.write_text("")
    assert environment()["git"].endswith(" with changes")


def test_the_threads_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "3")
    found = environment()
    assert (found["threads"], found["OMP_NUM_THREADS"]) == (str(torch.get_num_threads()), "3")
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert environment()["OMP_NUM_THREADS"] == "not set"
