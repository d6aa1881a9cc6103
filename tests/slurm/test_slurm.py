"""Runs as jobs of a real Slurm: what they leave, and how they come back."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import TINY

ROOT = Path(__file__).parent.parent.parent
CLOCKS = ("train_seconds", "images_per_second")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
SLURM = (
    "hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=2",
    "hydra.launcher.timeout_min=30", "hydra.launcher.partition=main",
)  # fmt: skip
QUICK = tuple(text for text in TINY if "max_epochs" not in text and "trainer=" not in text)


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def why_not() -> str:
    try:
        partitions = output("sinfo", "--noheader", "--format=%R").split()
    except (OSError, subprocess.SubprocessError):
        return "no Slurm answers; tests/slurm/start.sh starts one"
    ours = {"main", "urgent"} <= set(partitions)
    return "" if ours else "not the Slurm of tests/slurm/start.sh, whose partitions they need"


WHY_NOT = why_not()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.slurm,
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT),
]


def train(*words: str) -> list[str]:
    # The last of two overrides of a key wins, and an -m is to come before all of them.
    flags = [word for word in words if word == "-m"]
    overrides = [*QUICK, "callbacks.latent_maps=null", *(word for word in words if word != "-m")]
    return [sys.executable, str(ROOT / "train.py"), *flags, *overrides]


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def metrics(run_dir: Path) -> dict[str, float]:
    values = json.loads((run_dir / "metrics.json").read_text())
    return {name: value for name, value in values.items() if name not in CLOCKS}


def wait_for(what: Callable[[], bool], why: str) -> None:
    start = time.monotonic()
    while not what():
        assert time.monotonic() - start < 60, why
        time.sleep(0.2)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep of three runs."""
    folder = tmp_path_factory.mktemp("sweep")
    overrides = "trainer=cpu", "trainer.max_epochs=2", "seed=0,1,2", "name=s"
    run(folder, *train("-m", *SLURM, *overrides))
    return folder / "multirun/s"


def test_each_run_of_a_sweep_is_a_job(sweep: Path) -> None:
    found = list(sweep.glob("*/metrics.json"))
    assert sorted(metrics(path.parent)["seed"] for path in found) == [0, 1, 2]
    assert len((sweep / "results.csv").read_text().splitlines()) == 2
    assert len(list(sweep.glob(".slurm/*_[012]"))) == 3
    for path in found:
        # The job's log has it as well, once.
        assert (path.parent / "train.log").read_text().count("epoch   2/2") == 1


def test_the_tasks_of_a_job_make_one_run_with_the_numbers_of_one_process(
    sweep: Path, tmp_path: Path
) -> None:
    overrides = "trainer=ddp_cpu", "trainer.devices=2", "trainer.max_epochs=2", "name=d"
    run(tmp_path, *train("-m", *SLURM, *overrides))
    (both,) = tmp_path.glob("multirun/d/*/train.log")
    assert both.read_text().count("epoch   2/2") == 1
    assert len(list(tmp_path.glob("multirun/d/.slurm/*/*_result.pkl"))) == 2
    (alone,) = sweep.glob("*seed-0*")
    expected, found = metrics(alone), metrics(both.parent)
    assert found.keys() == expected.keys()
    for name in ("train/loss", "val/mse", "test/mse", "test/psnr", "test/clean_mse"):
        assert found[name] == pytest.approx(expected[name], rel=0.02)


@pytest.fixture
def two_long_runs(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[str]]]:
    """A sweep that goes on, and its two jobs."""
    printed = tmp_path / "printed"
    with printed.open("w") as file:
        process = subprocess.Popen(
            train("-m", *SLURM, *LONG, "seed=0,1", "name=long"),
            cwd=tmp_path, env=ENVIRONMENT, stdout=file, stderr=file,
        )  # fmt: skip
    wait_for(lambda: printed.read_text().count("] job ") == 2, printed.read_text())
    jobs = [line.split()[-2].strip(":") for line in printed.read_text().splitlines()]
    yield process, jobs
    process.kill()
    process.wait()
    output("scancel", *jobs)


LONG = "trainer=cpu", "trainer.max_epochs=20", "data.train_size=2080", "noise=gaussian"


def test_a_job_that_is_told_to_go_comes_back_and_one_that_is_cancelled_does_not(
    two_long_runs: tuple[subprocess.Popen[bytes], list[str]], tmp_path: Path
) -> None:
    sweep, (returning, cancelled) = two_long_runs
    unbroken = subprocess.Popen(train(*LONG, "name=u"), cwd=tmp_path, env=ENVIRONMENT)

    def folder(seed: int) -> Path:
        return next(tmp_path.glob(f"multirun/long/*seed-{seed}*"), tmp_path)

    def epochs(seed: int) -> int:
        path = folder(seed) / "metrics.csv"
        return len(path.read_text().splitlines()) - 1 if path.exists() else 0

    def restarts() -> int:
        return (folder(0) / "train.log").read_text().count("going on from")

    wait_for(lambda: epochs(0) > 1 and epochs(1) > 1, "the jobs do not start")
    output("scancel", cancelled)
    output("scancel", "--signal=USR2", returning)
    wait_for(lambda: restarts() == 1, "the job does not come back after SIGUSR2")
    before = epochs(0)
    wait_for(lambda: epochs(0) > before, "the job does not go on")
    # Takes the whole node, for a second, and Slurm sends a SIGTERM to whoever is in the way.
    output("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")
    wait_for(lambda: restarts() == 2, "the job does not come back after it was pushed aside")

    assert unbroken.wait(timeout=120) == 0
    assert sweep.wait(timeout=120) == 1, (tmp_path / "printed").read_text()
    assert metrics(folder(0)) == metrics(tmp_path / "outputs/u")
    assert "was cancelled or killed" in (folder(1) / "error.txt").read_text()
    assert (folder(0) / "train.log").read_text().count("epoch  20/20") == 1
