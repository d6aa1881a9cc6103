"""Sweeps as a person runs them: failures, kills, repeats."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
CLOCKS = ("train_seconds", "images_per_second")


def command(*overrides: str) -> list[str]:
    quick = [text for text in TINY if not text.startswith("trainer.max_epochs")]
    return [sys.executable, str(ROOT / "train.py"), "-m", *quick, *overrides]


def sweep(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*overrides), cwd=folder, capture_output=True, text=True, timeout=200, env=ONE_THREAD
    )


def numbers(folder: Path) -> dict[str, dict[str, float]]:
    """The metrics of each finished run below a folder, without the clocks."""
    return {
        path.parent.name: {
            name: value
            for name, value in json.loads(path.read_text()).items()
            if name not in CLOCKS
        }
        for path in folder.glob("multirun/*/*/metrics.json")
    }


def test_a_failed_run_neither_stops_nor_hides_the_others(tmp_path: Path) -> None:
    overrides = "name=s", "trainer.max_epochs=1", "callbacks.latent_maps=null"
    grid = "model.channels=[8],[4,-1],[4],[2]"
    process = sweep(tmp_path, *overrides, grid)
    assert process.returncode == 1
    assert len(numbers(tmp_path)) == 3
    (failed,) = tmp_path.glob("multirun/s/*/error.txt")
    assert "channels must be a list" in failed.read_text()
    assert "Traceback" in failed.read_text()
    end = process.stdout[process.stdout.index("run 4 of 4") :]
    assert end.count("channels must be a list") == 1
    assert "train.py -m name=s" in end
    assert "'model.channels=[4,-1]'" in end
    assert len((tmp_path / "multirun/s/results.csv").read_text().splitlines()) == 4

    again = sweep(tmp_path, *overrides, grid, "fail_fast=true")
    assert again.returncode == 1
    assert "run 2 of 4" in again.stderr
    assert "run 3 of 4" not in again.stdout


@pytest.mark.slow
def test_a_sweep_killed_at_any_moment_ends_as_one_never_stopped(tmp_path: Path) -> None:
    overrides = (
        "name=s", "trainer.max_epochs=6", "model.channels=[4,8],[8,4]", "noise=none,gaussian",
        "callbacks.latent_maps=null", "data.train_size=4128",
    )  # fmt: skip
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    unbroken.mkdir()
    killed.mkdir()
    start = time.monotonic()
    assert sweep(unbroken, *overrides).returncode == 0
    seconds = time.monotonic() - start
    moments = random.Random(0)
    for _ in range(5):
        process = subprocess.Popen(
            command(*overrides),
            cwd=killed,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=ONE_THREAD,
        )
        # After torch is imported, most of the time.
        time.sleep(seconds * moments.uniform(0.25, 0.6))
        process.send_signal(signal.SIGKILL)
        process.wait()
    last = sweep(killed, *overrides)
    assert last.returncode == 0, last.stderr
    assert len(numbers(unbroken)) == 4
    assert numbers(killed) == numbers(unbroken)
    assert not list(killed.rglob(".[0-9]*.*"))

    # More values add runs; the finished ones are not run again.
    more = [text.replace("noise=none,", "noise=none,masking,") for text in overrides]
    longer = sweep(killed, *more)
    assert longer.stdout.count("finished already") == 4
    assert len(numbers(killed)) == 6


@pytest.mark.slow
def test_a_run_is_repeated_from_its_own_directory(tmp_path: Path) -> None:
    overrides = "trainer.max_epochs=1", "callbacks.latent_maps=null"
    first = sweep(tmp_path, "name=a", "model=compact4layer", "noise=masking", "seed=3", *overrides)
    assert first.returncode == 0, first.stderr
    (run,) = tmp_path.glob("multirun/a/*/.hydra")
    train = [sys.executable, str(ROOT / "train.py"), "--config-dir", str(run)]
    again = subprocess.run(
        [*train, "experiment=this", "name=again"],
        cwd=tmp_path, capture_output=True, text=True, env=ONE_THREAD,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    ((_, expected),) = numbers(tmp_path).items()
    repeated = json.loads((tmp_path / "outputs/again/metrics.json").read_text())
    assert {name: repeated[name] for name in expected} == expected


@pytest.mark.slow
def test_two_processes_keep_out_of_each_others_run(tmp_path: Path) -> None:
    overrides = "name=s", "trainer.max_epochs=500", "callbacks.latent_maps=null"
    process = subprocess.Popen(
        command(*overrides),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=ONE_THREAD,
    )
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.rglob("last.ckpt")) and time.monotonic() < deadline:
            time.sleep(0.1)
        second = sweep(tmp_path, *overrides)
    finally:
        process.kill()
        process.wait()
    assert second.returncode == 1
    assert "another process is running" in second.stdout + second.stderr
