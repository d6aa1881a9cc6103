"""What a run says of the program and the packages that made it."""

import tomllib
from pathlib import Path

import pytest

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
