"""The command line of evaluate.py."""

import subprocess
import sys
from pathlib import Path

import pytest

from autoencoder.commandline.configs import CONF_DIR
from tests.report.runs_on_disk import COMPACT, WIDE, write_run

SMALL = "max_points=40", "noise_stds=[0,0.3]", "device=cpu", "samples_per_class=3"


def evaluate(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CONF_DIR.parent / "evaluate.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_one_command_reports_on_a_sweep(tmp_path: Path) -> None:
    write_run(tmp_path / "sweep/a", COMPACT)
    unfinished = write_run(tmp_path / "sweep/b", WIDE)
    (unfinished / "metrics.json").unlink()
    done = evaluate("run=sweep", *SMALL, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "sweep/report/report.html"
    assert "Left out: b: is not finished" in done.stdout
    assert (tmp_path / "sweep/report/report.html").exists()
    # Hydra leaves nothing behind.
    assert [path.name for path in tmp_path.iterdir()] == ["sweep"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "run=PATH is missing"),
        (["run=nowhere"], "nowhere: no such directory"),
        (["run=."], "neither a run nor a sweep"),
        (["runs=."], "did you mean run?"),
    ],
)
def test_errors_are_one_line_and_a_status(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = evaluate(*arguments, folder=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
