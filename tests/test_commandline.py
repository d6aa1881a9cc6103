"""The command line as a person uses it: a process of its own."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TINY

ROOT = Path(__file__).parent.parent


def python(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env={key: value for key, value in os.environ.items() if key != "HYDRA_FULL_ERROR"},
    )


@pytest.mark.parametrize("script", ["train.py", "evaluate.py", "pack.py"])
@pytest.mark.parametrize("flag", [["--help"], ["--cfg", "job"]])
def test_answers_without_torch(script: str, flag: list[str]) -> None:
    code = (
        f"import sys, runpy; sys.argv = {[script, *flag]!r}\n"
        f"try: runpy.run_path({script!r}, run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert not {'torch', 'lightning', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    process = python("-c", code)
    assert process.returncode == 0, process.stderr
    assert "seed" in process.stdout


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("modle=baseline", "did you mean model?"),
        ("trainer=default trainer.devices=99999", "each is a process"),
        ("model.channels=[16,-3]", "channels must be a list of whole numbers > 0"),
    ],
)
def test_mistakes_end_in_one_message(override: str, message: str, tmp_path: Path) -> None:
    process = python(str(ROOT / "train.py"), *TINY, *override.split(), cwd=tmp_path)
    assert process.returncode == 1
    assert process.stderr.startswith("error: ")
    assert message in process.stderr
    assert process.stderr.count("\n") == 1
    assert process.stdout == ""
    # Of what was refused nothing is left, as if it had not been typed.
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=-1,-2", "seed must be a whole number from 0 to 4294967295, got -1"),
        ("model=vae,baselin", "model=baselin: no such choice; did you mean baseline?"),
        ("hydra/launcher=joblib seed=-1,-2", "seed must be a whole number"),
    ],
)
def test_a_sweep_of_mistakes_ends_in_one_message(
    override: str, message: str, tmp_path: Path
) -> None:
    process = python(str(ROOT / "train.py"), "-m", *TINY, *override.split(), cwd=tmp_path)
    assert process.returncode == 1
    assert process.stderr.startswith("error: ")
    assert message in process.stderr
    assert "not finished" not in process.stdout  # each has been said when it was refused
    assert not list(tmp_path.iterdir())


def test_a_sweep_of_which_some_runs_are_refused_keeps_why(tmp_path: Path) -> None:
    quick = [*TINY, "trainer.fast_dev_run=true"]
    process = python(str(ROOT / "train.py"), "-m", "name=s", *quick, "seed=0,-1", cwd=tmp_path)
    assert process.returncode == 1
    assert process.stderr == "error: seed must be a whole number from 0 to 4294967295, got -1\n"
    assert "failed: seed must be" in process.stdout
    assert len(list(tmp_path.glob("multirun/s/*/error.txt"))) == 1


def test_a_sweep_leaves_a_folder_a_run(tmp_path: Path) -> None:
    process = python(
        str(ROOT / "train.py"), "name=s", "-m", "noise=none,gaussian", "data=synthetic",
        "data.train_size=96", "data.test_size=20", "data.val_size=32", "trainer=cpu",
        "trainer.max_epochs=1", "callbacks.latent_maps=null", cwd=tmp_path,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    finished = sorted(path.parent.name for path in tmp_path.glob("multirun/s/*/metrics.json"))
    assert len(finished) == 2
    assert "noise-gaussian" in finished[0]
    assert "noise-none" in finished[1]
    assert not (tmp_path / "outputs").exists()


def test_a_sweep_over_designs_sets_what_only_these_have(tmp_path: Path) -> None:
    # Hydra composes the sweep's own config with model=baseline, which has no latent_dim.
    process = python(
        str(ROOT / "train.py"), "-m", *TINY, "name=s", "trainer.fast_dev_run=true",
        "model=dense,vae", "model.latent_dim=3", "scheduler=one_cycle", "scheduler.pct_start=0.2",
        cwd=tmp_path,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    with (tmp_path / "multirun/s/results.csv").open(newline="") as file:
        assert [float(row["latent_size"]) for row in csv.DictReader(file)] == [3, 3]
