"""What a run does with the signals of Slurm, without a Slurm."""

import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from autoencoder.callbacks import KeepSignals
from autoencoder.experiment import slurm
from autoencoder.experiment.build import ConfigError
from autoencoder.experiment.train import train
from tests.conftest import Compose

NUMBERS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


@pytest.fixture(autouse=True)
def handlers_are_put_back() -> Iterator[None]:
    before = [signal.getsignal(number) for number in NUMBERS]
    yield
    for number, handler in zip(NUMBERS, before, strict=True):
        signal.signal(number, handler)


def test_outside_a_job_signals_are_left_alone() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    slurm.handle_signals()
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_the_fit_leaves_a_handler_of_sigterm_in_place(
    tiny: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(number: int, frame: FrameType | None) -> None:
        pass

    seen = []
    start = KeepSignals.on_train_start

    def spy(self: KeepSignals, *arguments: object) -> None:
        seen.append(signal.getsignal(signal.SIGTERM))
        start(self, *arguments)
        seen.append(signal.getsignal(signal.SIGTERM))

    monkeypatch.setattr(KeepSignals, "on_train_start", spy)
    signal.signal(signal.SIGTERM, handler)
    train(tiny("callbacks.latent_maps=null", "trainer.max_epochs=1"))
    assert seen[0] is not handler  # Lightning's
    assert seen[1] is handler


@pytest.mark.parametrize(
    ("states", "requeued"),
    [
        (["RUNNING"], True),
        (["COMPLETING"], False),
        (["SIGNALING", "RUNNING"], True),
        (["", "COMPLETING"], False),
        ([""] * 5, True),  # rather run twice than lost
        (["RUNNING\n8 COMPLETING"], True),  # of an array
        (["COMPLETING\n8 RUNNING"], False),
    ],
)
def test_sigterm_puts_a_job_back_unless_it_is_cancelled(
    states: list[str], requeued: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[str] = []
    left = iter(states)

    class Done:
        stdout = ""

    def run(command: list[str], **kwargs: object) -> Done:
        commands.append(command[0])
        done = Done()
        if command[0] == "squeue":
            state = next(left)
            done.stdout = f"7 {state}\n" if state else ""
        return done

    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    slurm.handle_signals()
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGTERM)
    assert commands == ["squeue"] * len(states) + (["scontrol"] if requeued else [])


def test_a_job_with_too_few_tasks_is_said(tiny: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "NTASKS": "1",
        "JOB_ID": "7",
        "PROCID": "0",
        "LOCALID": "0",
        "NODEID": "0",
    }.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    with pytest.raises(ConfigError, match=r"2 processes .* Slurm has started 1"):
        train(tiny("trainer=ddp_cpu"))


def test_a_job_that_is_started_again_goes_on_instead_of_overwriting(
    tiny: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "callbacks.latent_maps=null", "trainer.max_epochs=1", "overwrite=true"
    train(tiny(*words))
    metrics = Path(tiny().run_dir) / "metrics.json"
    written = metrics.stat().st_mtime_ns
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    train(tiny(*words))
    assert metrics.stat().st_mtime_ns == written
    monkeypatch.setenv("SLURM_RESTART_COUNT", "0")
    train(tiny(*words))
    assert metrics.stat().st_mtime_ns > written
