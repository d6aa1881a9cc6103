"""Several runs at once on this machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoencoder.sweeps.joblib_launcher import JoblibLauncher
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
TRAIN = [sys.executable, str(ROOT / "train.py")]
COMMON = [*(text for text in TINY if "max_epochs" not in text), "callbacks.latent_maps=null"]


@pytest.fixture
def printed(tmp_path: Path) -> Path:
    return tmp_path / "printed"


@pytest.fixture
def parallel_sweep(tmp_path: Path, printed: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A sweep of two runs at once, without a word on threads."""
    words = "-m", "hydra/launcher=joblib", "seed=0,1", "trainer.max_epochs=3", "name=s"
    environment = {name: value for name, value in os.environ.items() if "THREADS" not in name}
    with printed.open("w") as file:
        process = subprocess.Popen(
            [*TRAIN, *words, *COMMON, "data.train_size=1056"],
            cwd=tmp_path, env=environment, stdout=file, stderr=file,
        )  # fmt: skip
    yield process
    process.kill()
    process.wait()


def workers(parent: int) -> list[int]:
    """The processes that joblib has started for runs."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [
        int(pid) for pid in children if b"popen_loky" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_parallel_runs_share_cores_and_console_and_outlive_a_kill(
    parallel_sweep: subprocess.Popen[bytes], tmp_path: Path, printed: Path
) -> None:
    start = time.monotonic()
    while "epoch   1/3" not in printed.read_text():
        assert time.monotonic() - start < 90, printed.read_text()
        assert parallel_sweep.poll() is None, printed.read_text()
        time.sleep(0.05)
    found = workers(parallel_sweep.pid)
    assert len(found) == 2
    threads = max(1, len(os.sched_getaffinity(0)) // 2)
    for pid in found:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert f"OMP_NUM_THREADS={threads}".encode() in environment
    os.kill(found[0], signal.SIGKILL)

    assert parallel_sweep.wait(timeout=120) == 0, printed.read_text()
    text = printed.read_text()
    assert "a process was killed" in text
    assert len(list(tmp_path.glob("multirun/s/*/metrics.json"))) == 2
    assert not list(tmp_path.glob("multirun/s/*/error.txt"))
    for seed in (0, 1):
        assert f"seed-{seed} | epoch   3/3" in text
        (log,) = tmp_path.glob(f"multirun/s/*seed-{seed}*/train.log")
        assert "epoch   3/3" in log.read_text()
        assert " | epoch" not in log.read_text()


def test_results_are_in_the_order_of_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = JoblibLauncher(n_jobs=2)

    def calls(job_overrides: list[list[str]], first: int) -> list[Any]:
        return [(overrides, first + i, {}) for i, overrides in enumerate(job_overrides)]

    def run(calls: list[Any], returns: dict[int, Any]) -> None:
        returns.update({number: overrides for overrides, number, _ in reversed(calls)})

    monkeypatch.setattr(launcher, "calls", calls)
    monkeypatch.setattr(launcher, "_run", run)
    jobs: Any = [["x=1"], ["x=2"], ["x=3"]]
    assert list(launcher.launch(jobs, initial_job_idx=5)) == jobs
