"""Several runs at once on this machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from autoencoder import AutoencoderError
from autoencoder.sweeps import joblib_launcher
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
    words = (
        "-m",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        "seed=0,1",
        "trainer.max_epochs=3",
        "name=s",
    )
    environment = {name: value for name, value in os.environ.items() if "THREADS" not in name}
    with printed.open("w") as file:
        process = subprocess.Popen(
            [*TRAIN, *words, *COMMON, "data.train_size=1056", "hydra.launcher.n_jobs=2"],
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


@pytest.mark.parametrize(
    ("cores", "memory", "n_jobs"), [(8, 64e9, 8), (8, 7e9, 3), (1, 64e9, 1), (8, 1e9, 1)]
)
def test_as_many_runs_at_once_as_there_are_cores_and_memory_for(
    monkeypatch: pytest.MonkeyPatch, cores: int, memory: float, n_jobs: int
) -> None:
    monkeypatch.setattr(joblib_launcher, "free_cores", lambda: cores)
    monkeypatch.setattr(joblib_launcher, "free_memory", lambda: memory)
    launcher = JoblibLauncher("auto")
    launcher.config = OmegaConf.create({"trainer": {"accelerator": "cpu"}})
    assert launcher._n_jobs() == n_jobs


@pytest.mark.parametrize("n_jobs", [0, "many", None, 1.5])
def test_a_number_of_runs_that_cannot_be_is_refused(n_jobs: Any) -> None:
    with pytest.raises(AutoencoderError, match="n_jobs must be auto"):
        JoblibLauncher(n_jobs)


@pytest.mark.parametrize("kills", [1, 2, 4])
def test_a_kill_costs_the_other_runs_no_place_at_once(
    monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    launcher = JoblibLauncher(2)
    at_once: list[int] = []

    def run(calls: list[Any], returns: dict[int, Any]) -> None:
        at_once.append(len(calls))
        if len(at_once) == 1:
            returns[0] = "done"
        if len(at_once) <= kills:
            raise BrokenProcessPool
        returns.update({number: "done" for _, number, _ in calls})

    monkeypatch.setattr(
        launcher, "calls", lambda jobs, _: [(job, n, {}) for n, job in enumerate(jobs)]
    )
    monkeypatch.setattr(launcher, "_run", run)
    monkeypatch.setattr(launcher, "failed", lambda *_: "killed")
    found = launcher.launch([["seed=0"], ["seed=1"], ["seed=2"], ["seed=3"]], 0)
    # The first run was done; once, the others go on together, after that one at a time.
    assert at_once == ([4, 3] if kills == 1 else [4, 3, 1, 1, 1])
    assert list(found).count("killed") == max(0, kills - 2)
