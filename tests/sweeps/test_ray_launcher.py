"""Runs as tasks of a Ray cluster: what the launcher makes of their ends, and of a lost node."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from autoencoder import AutoencoderError
from autoencoder.runs import lock
from autoencoder.sweeps import ray_launcher
from autoencoder.sweeps.processes import JobError, LauncherError, ProcessLauncher
from autoencoder.sweeps.ray_launcher import RayLauncher
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
TRAIN = [sys.executable, str(ROOT / "train.py")]
KNOBS: dict[str, Any] = {
    "address": "auto", "num_cpus": 1, "num_gpus": "auto", "resources": None, "max_losses": 1,
}  # fmt: skip


def test_a_missing_ray_is_said_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without/ray.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path / "without"), str(ROOT)])
    done = subprocess.run(
        [*TRAIN, "-m", "hydra/launcher=ray", "seed=0,1", *TINY],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: hydra/launcher=ray needs Ray: pip install ray\n"
    assert not (tmp_path / "multirun").exists()


@pytest.mark.parametrize(
    "knob",
    [
        {"num_cpus": 0}, {"num_cpus": "auto"}, {"num_cpus": True}, {"num_gpus": -1},
        {"num_gpus": "all"}, {"num_gpus": None}, {"max_losses": -1}, {"max_losses": 1.5},
    ],
)  # fmt: skip
def test_knobs_that_cannot_be_are_refused(knob: dict[str, Any]) -> None:
    with pytest.raises(AutoencoderError, match=f"hydra.launcher.{next(iter(knob))} must be"):
        RayLauncher(**(KNOBS | knob))


class Cluster(ModuleType):
    """In place of Ray: tasks that end as they are told, the last one that was given first."""

    def __init__(self, ends: dict[int, list[Any]]) -> None:
        super().__init__("ray")
        self.ends = ends
        self.given: list[tuple[int, Path | None]] = []
        self.asked: list[dict[str, Any]] = []
        self.cancelled: list[int] = []
        self.capacity = {"CPU": 4.0, "GPU": 0.0}
        self.exceptions = ModuleType("ray.exceptions")
        self.exceptions.RayError = type("RayError", (Exception,), {})
        for name in ("NodeDiedError", "WorkerCrashedError", "OutOfMemoryError", "RayTaskError"):
            setattr(self.exceptions, name, type(name, (self.exceptions.RayError,), {}))

    def remote(self, **options: Any) -> Callable[[Any], Any]:
        # Ray itself is not to try again: it would say nothing, and the run would not know.
        assert options == {"max_calls": 1, "max_retries": 0}
        return lambda function: SimpleNamespace(options=self._options)

    def _options(self, **options: Any) -> Any:
        self.asked.append(options)
        return SimpleNamespace(remote=self._given)

    def _given(self, launcher: RayLauncher, call: Any, gpus: float, back_in: Path | None) -> Any:
        self.given.append((call[1], back_in))
        return (call[1], len(self.given))

    def wait(self, tasks: list[Any]) -> tuple[list[Any], list[Any]]:
        return tasks[-1:], tasks[:-1]

    def get(self, task: Any) -> Any:
        end = self.ends[task[0]].pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    def cancel(self, task: Any, force: bool) -> None:
        assert force
        self.cancelled.append(task[0])

    def nodes(self) -> list[dict[str, Any]]:
        gone = {"Alive": False, "Resources": {"CPU": 64.0}}
        return [{"Alive": True, "Resources": self.capacity}, gone]

    def cluster_resources(self) -> dict[str, float]:
        return self.capacity


# Stand-ins are in it for what Hydra gives.
Launched = tuple[Any, Cluster]


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Launched]:
    """A launcher of three runs on such a cluster."""

    def of(ends: dict[int, list[Any]] | None = None, trainer: Any = None, **knobs: Any) -> Launched:
        cluster = Cluster(ends or {})
        monkeypatch.setitem(sys.modules, "ray", cluster)
        monkeypatch.setitem(sys.modules, "ray.exceptions", cluster.exceptions)
        launcher: Any = RayLauncher(**(KNOBS | knobs))
        launcher.told = []

        def told(config: Any, job_return: Any) -> None:
            if job_return == "ends the sweep":
                raise SystemExit("error: the sweep ends")
            launcher.told.append(job_return)

        launcher.hydra_context = SimpleNamespace(callbacks=SimpleNamespace(on_job_end=told))
        launcher.calls = lambda jobs, first: [(job, first + i, {}) for i, job in enumerate(jobs)]
        launcher.failed = lambda overrides, number, error: error
        launcher.job_config = lambda overrides, number: OmegaConf.create(
            {
                "hydra": {"sweep": {"dir": "s", "subdir": overrides[0]}},
                "trainer": trainer or {"accelerator": "cpu", "devices": 1},
            }
        )
        return launcher, cluster

    return of


JOBS: Any = [["x-1"], ["x-2"], ["x-3"]]


def test_results_are_in_the_order_of_the_runs_and_told_as_they_come(
    launched: Callable[..., Launched],
) -> None:
    launcher, cluster = launched({5: ["a"], 6: ["b"], 7: ["c"]}, num_cpus=2, resources={"big": 1})
    cluster.capacity["big"] = 1
    assert launcher.launch(JOBS, initial_job_idx=5) == ["a", "b", "c"]
    assert launcher.told == ["c", "b", "a"]
    assert cluster.asked[0] == {
        "name": "x-1", "num_cpus": 2, "num_gpus": 0, "resources": {"big": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("NodeDiedError", "its node was lost"),
        ("WorkerCrashedError", "its process was killed"),
        ("OutOfMemoryError", "no memory left"),
    ],
)
def test_a_run_that_is_lost_goes_on_elsewhere_as_often_as_it_may(
    launched: Callable[..., Launched], kind: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    launcher, cluster = launched()
    lost = getattr(cluster.exceptions, kind)()
    cluster.ends = {0: ["a"], 1: [lost, "b"], 2: [lost, lost, "never"]}
    first, second, third = launcher.launch(JOBS, 0)
    assert (first, second) == ("a", "b")
    assert words in str(third)
    assert cluster.given[:3] == [(0, None), (1, None), (2, None)]
    assert cluster.given[3:] == [(2, Path("s/x-3")), (1, Path("s/x-2"))]
    assert caplog.text.count("it goes on elsewhere") == 2


def test_an_error_of_a_task_is_a_failed_run_with_its_reason(
    launched: Callable[..., Launched],
) -> None:
    launcher, cluster = launched()
    ours, theirs = (cluster.exceptions.RayTaskError("a long traceback") for _ in range(2))
    ours.cause, theirs.cause = JobError("no folder"), ValueError("why\nand where")
    unplaced = cluster.exceptions.RayError("no place")
    cluster.ends = {0: [ours], 1: [theirs], 2: [unplaced]}
    found = [str(error) for error in launcher.launch(JOBS, 0)]
    assert found == ["no folder", "ValueError: why and where", "RayError: no place"]


def test_who_ends_the_sweep_ends_the_tasks(launched: Callable[..., Launched]) -> None:
    launcher, cluster = launched({2: ["ends the sweep"]})
    with pytest.raises(SystemExit):
        launcher.launch(JOBS, 0)
    assert cluster.cancelled == [0, 1]


@pytest.mark.parametrize(
    ("num_gpus", "there", "trainer", "gpus"),
    [
        ("auto", 0, {"accelerator": "auto", "devices": 1}, 0),
        ("auto", 8, {"accelerator": "auto", "devices": 1}, 1),
        ("auto", 8, {"accelerator": "gpu", "devices": 4}, 4),
        ("auto", 8, {"accelerator": "cpu", "devices": 4}, 0),
        ("auto", 8, {"accelerator": "gpu", "devices": "auto"}, 1),
        (0.5, 8, {"accelerator": "gpu", "devices": 1}, 0.5),
        (0, 8, {"accelerator": "gpu", "devices": 1}, 0),
    ],
)
def test_a_run_gets_a_gpu_for_each_device_where_there_are_any(
    launched: Callable[..., Launched], num_gpus: Any, there: float, trainer: Any, gpus: float
) -> None:
    launcher, cluster = launched(trainer=trainer, num_gpus=num_gpus)
    cluster.capacity["GPU"] = there
    assert launcher._needs(([""], 0, {})) == {"CPU": 1, "GPU": gpus}


def test_what_no_node_has_is_refused_on_one_machine_and_waited_for_on_a_cluster(
    launched: Callable[..., Launched], caplog: pytest.LogCaptureFixture
) -> None:
    ends = {i: ["done"] for i in range(3)}
    launcher, _ = launched(ends, num_cpus=5, address=None)
    with pytest.raises(LauncherError, match="no node has what a run is to get: CPU 5"):
        launcher.launch(JOBS, 0)
    launcher, _ = launched(ends, num_cpus=5)
    assert len(launcher.launch(JOBS, 0)) == 3
    assert "waits for a node" in caplog.text


@pytest.fixture
def on_a_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """A launcher as a task has it, of a run that does what is given."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)

    def of(run: Callable[[], Any]) -> Any:
        launcher: Any = RayLauncher(**KNOBS)
        launcher.folders, launcher.environment = [tmp_path], {"AUTOENCODER_DATA": "/of/the/sweep"}
        config = OmegaConf.create({"overwrite": True})
        monkeypatch.setattr(ProcessLauncher, "job_config", lambda *_: config.copy())
        monkeypatch.setattr(ProcessLauncher, "__call__", lambda *_: run())
        return launcher

    yield of
    os.environ.clear()
    os.environ.update(before)


def test_a_task_knows_the_environment_of_the_sweep_and_no_job_of_slurm(
    on_a_node: Callable[[Callable[[], Any]], Any],
) -> None:
    os.environ |= {"SLURM_STEP_NUM_TASKS": "2", "CUDA_VISIBLE_DEVICES": "0,1"}
    seen = on_a_node(lambda: dict(os.environ))._one(([], 0, {}), 0, None)
    assert not [name for name in seen if name.startswith("SLURM_")]
    assert seen["AUTOENCODER_DATA"] == "/of/the/sweep"
    assert seen["CUDA_VISIBLE_DEVICES"] == ""
    os.environ["CUDA_VISIBLE_DEVICES"] = "1"
    assert on_a_node(lambda: dict(os.environ))._one(([], 0, {}), 1, None)[
        "CUDA_VISIBLE_DEVICES"
    ] == "1"  # fmt: skip


def test_a_node_without_the_folder_says_so(
    on_a_node: Callable[[Callable[[], Any]], Any], tmp_path: Path
) -> None:
    launcher = on_a_node(lambda: "done")
    launcher.folders.append(tmp_path / "multirun/s")
    with pytest.raises(JobError, match=r"has no folder .*multirun/s: it must be on storage"):
        launcher._one(([], 0, {}), 0, None)


def test_a_text_that_ends_the_sweep_is_no_loss_of_the_process(
    on_a_node: Callable[[Callable[[], Any]], Any],
) -> None:
    with pytest.raises(JobError, match="the first failed run"):
        on_a_node(lambda: sys.exit("the first failed run"))._one(([], 0, {}), 0, None)
    with pytest.raises(SystemExit):
        on_a_node(lambda: sys.exit(143))._one(([], 0, {}), 0, None)


def test_a_run_that_comes_back_overwrites_nothing_and_waits_for_whoever_is_gone(
    on_a_node: Callable[[Callable[[], Any]], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "run/.lock"
    path.parent.mkdir()
    held = contextlib.ExitStack()

    def run() -> Any:
        with lock.held(path) as free:
            assert free
        return launcher.job_config([], 0).overwrite

    launcher = on_a_node(run)
    monkeypatch.setattr(ray_launcher.time, "sleep", lambda _: held.close())
    held.enter_context(lock.held(path))
    assert launcher._one(([], 0, {}), 0, path.parent) is False
    # One that starts does as it was told, at once.
    assert launcher._one(([], 0, {}), 0, None) is True


CLOCKS = ("train_seconds", "images_per_second")
QUICK = [text for text in TINY if "max_epochs" not in text and "train_size" not in text]
SWEEP = [
    *QUICK, "data.train_size=2080", "trainer.max_epochs=12", "callbacks.latent_maps=null",
    "noise=gaussian", "seed=0,1",
]  # fmt: skip


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


def kill(node: subprocess.Popen[bytes]) -> None:
    """Has a node vanish, with all that it runs."""
    for pid in [node.pid, *descendants(node.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    node.wait()


def wait_for(what: Callable[[], bool], why: Callable[[], str]) -> None:
    start = time.monotonic()
    while not what():
        assert time.monotonic() - start < 180, why()
        time.sleep(0.2)


@pytest.fixture
def nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Ray cluster of two nodes on this machine, a CPU each; its address, and the nodes."""
    pytest.importorskip("ray")
    ray = shutil.which("ray", path=str(Path(sys.executable).parent))
    assert ray
    address = f"127.0.0.1:{free_port()}"
    # The paths of sockets in it are to be short.
    temporary = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    started: list[subprocess.Popen[bytes]] = []
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    # Else Ray takes one from the home directory, or lets everybody in.
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))

    def start(*words: str) -> None:
        ports = (
            "--min-worker-port=0", "--max-worker-port=0",
            f"--dashboard-agent-listen-port={free_port()}",
            "--object-store-memory=80000000", "--num-cpus=1", "--num-gpus=0",
        )  # fmt: skip
        printed = tmp_path / f"node-{len(started)}"
        with printed.open("w") as file:
            node = subprocess.Popen(
                [ray, "start", "--block", *ports, *words], stdout=file, stderr=file
            )
        started.append(node)
        wait_for(lambda: "Ray runtime started" in printed.read_text(), printed.read_text)

    try:
        start(
            "--head", f"--port={address.rpartition(':')[2]}", "--include-dashboard=false",
            f"--ray-client-server-port={free_port()}", f"--temp-dir={temporary}",
            "--node-ip-address=127.0.0.1", '--resources={"keeper": 1}',
        )  # fmt: skip
        start(f"--address={address}", '--resources={"goer": 1}')
        yield address, started
    finally:
        for node in reversed(started):
            kill(node)
        shutil.rmtree(temporary, ignore_errors=True)


def metrics(sweep: Path) -> dict[str, dict[str, float]]:
    return {
        path.parent.name: {
            name: value
            for name, value in json.loads(path.read_text()).items()
            if name not in CLOCKS
        }
        for path in sweep.glob("*/metrics.json")
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_sweep_on_two_nodes_outlives_the_loss_of_one_with_the_same_numbers(
    nodes: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, (_, goer) = nodes
    printed = tmp_path / "printed"
    words = "hydra/launcher=ray", f"hydra.launcher.address={address}", "name=broken"
    with printed.open("w") as file:
        sweep = subprocess.Popen(
            [*TRAIN, "-m", *words, *SWEEP, "overwrite=true"],
            cwd=tmp_path, stdout=file, stderr=file,
        )  # fmt: skip

    def epochs() -> list[int]:
        histories = (tmp_path / "multirun/broken").glob("*/metrics.csv")
        return [len(path.read_text().splitlines()) - 1 for path in histories]

    try:
        wait_for(
            lambda: (len(epochs()) == 2 and min(epochs()) >= 2) or sweep.poll() is not None,
            printed.read_text,
        )
        kill(goer)
        before = epochs()
        assert sweep.poll() is None, printed.read_text()
        assert max(before) < 12, "too late"
        assert sweep.wait(timeout=180) == 0, printed.read_text()
    finally:
        sweep.kill()
        sweep.wait()
    assert printed.read_text().count("its node was lost; it goes on elsewhere") == 1
    logs = [path.read_text() for path in tmp_path.glob("multirun/broken/*/train.log")]
    # Although it was to overwrite what was there before.
    assert sorted(log.count("going on from") for log in logs) == [0, 1]

    subprocess.run([*TRAIN, "-m", *SWEEP, "name=unbroken"], cwd=tmp_path, check=True)
    found, expected = (metrics(tmp_path / "multirun" / name) for name in ("broken", "unbroken"))
    assert len(expected) == 2
    assert found == expected
    assert not list(tmp_path.glob("multirun/broken/*/error.txt"))
