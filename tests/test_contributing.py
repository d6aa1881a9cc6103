"""What CONTRIBUTING.md shows works as it is printed."""

import csv
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
# The files that it shows: a block's first line is a comment with its path.
BLOCKS = dict(re.findall(r"```\w+\n# (\S+)\n(.*?)```", TEXT, re.DOTALL))
OF_THE_PACKAGE = [path for path in BLOCKS if path.startswith(("autoencoder/", "conf/"))]


def test_it_shows_two_files_of_the_package_and_a_package_of_ones_own() -> None:
    assert len(OF_THE_PACKAGE) == 2
    assert len(BLOCKS) == 6


@pytest.mark.parametrize("path", OF_THE_PACKAGE)
def test_shown_files_are_those_that_are_there(path: str) -> None:
    assert (ROOT / path).read_text() == BLOCKS[path]


def test_adding_a_model_is_a_class_of_twenty_lines() -> None:
    source = BLOCKS["autoencoder/models/dense.py"]
    code = re.sub(r'""".*?"""', "", source[source.index("class ") :], flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20


def test_every_room_is_on_the_map() -> None:
    rooms = {path.stem for path in (ROOT / "autoencoder").iterdir() if path.stem[0] not in "_p"}
    table = TEXT[TEXT.index("| room |") : TEXT.index("`conf/` describes")]
    assert rooms <= set(re.findall(r"`(\w+)[/.`]", table))


def test_each_wrong_line_has_a_right_one_in_the_code() -> None:
    entries = tomllib.loads((ROOT / "benchmarks/mutants.toml").read_text())["mutant"]
    stale = [
        one["name"] for one in entries if (ROOT / one["file"]).read_text().count(one["old"]) != 1
    ]
    assert entries
    assert not stale


@pytest.mark.slow
def test_a_package_of_ones_own_is_trained_and_reported(tmp_path: Path) -> None:
    for name in BLOCKS.keys() - {*OF_THE_PACKAGE}:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(BLOCKS[name])
    (command,) = re.findall(r"^    python train.py (.*callbacks.*)$", TEXT, re.MULTILINE)
    options = ["trainer=cpu", "trainer.max_epochs=2", "name=own", "callbacks.latent_maps=null"]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    trained = run(str(ROOT / "train.py"), *command.split(), *options)
    assert trained.returncode == 0, trained.stderr
    with (tmp_path / "outputs/own/metrics.csv").open() as file:
        norms = [float(row["train/weight_norm"]) for row in csv.DictReader(file)]
    assert len(set(norms)) == 2
    evaluate = str(ROOT / "evaluate.py"), "run=outputs/own", "max_points=40", "samples_per_class=4"
    refused = run(*evaluate)
    assert refused.returncode != 0
    assert "trust=" in refused.stdout + refused.stderr
    reported = run(*evaluate, "trust=[mine]")
    assert reported.returncode == 0, reported.stderr
    assert "SpeckleNoise" in (tmp_path / "outputs/own/report/report.md").read_text()
