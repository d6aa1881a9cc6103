"""Programs that are told to end: status, words, and what is left of them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
ENDING = [signal.SIGTERM, signal.SIGINT]
SMALL = """
import sys
from autoencoder.commandline import command

@command("train")
def program(cfg):
    raise AssertionError("not to be reached")

sys.argv = ["train.py"]
"""
BODIES = {
    "work": "import time\nprint('on', flush=True)\ntime.sleep(60)",
    # Lightning makes another error of it, libraries take it for a missing module.
    "work that hides it": (
        "import time\nprint('on', flush=True)\ntry: time.sleep(60)\n"
        "except BaseException: raise ValueError('what?')"
    ),
    "an import": "import slow_module",
}
SLOW_MODULE = "import time\nprint('on', flush=True)\ntry: time.sleep(60)\nexcept: pass"


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("body", BODIES)
def test_the_end_is_by_the_signal_in_one_line(
    body: str, number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "slow_module.py").write_text(SLOW_MODULE)
    before = "\n".join(f"    {line}" for line in BODIES[body].split("\n"))
    text = SMALL.replace('"train")', '"train", before=lambda: body())')
    text += f"\ndef body():\n{before}\n\nprogram()"
    process = subprocess.Popen(
        [sys.executable, "-c", text],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == -number  # a shell says 128 + number
    assert said == f"stopped by {number.name}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", ENDING)
def test_a_process_that_follows_ends_without_a_word(number: signal.Signals) -> None:
    child = (
        "import sys, time\nprint('on', flush=True)\ntime.sleep(.5)\n"
        "from autoencoder.commandline import signals\nsignals.follow()\ntime.sleep(60)"
    )
    text = (
        "import subprocess, sys\nfrom autoencoder.commandline import signals\n"
        f"with signals.held(): child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "print(child.wait())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", f"import signal; signal.signal(2, signal.SIG_IGN)\n{text}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    if number is signal.SIGINT:  # of a terminal: to all of its processes
        os.killpg(process.pid, number)
    else:
        (pid,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(pid), number)
    ended, said = process.communicate(timeout=30)
    assert (ended, said) == (f"{-number}\n", "")


def members(group: int) -> list[str]:
    """The processes of a group that are more than an entry in the table, by their names."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:  # it has just ended
            continue
        state, _, of = rest.split()[:3]
        if int(of) == group and state != "Z":
            found.append(name)
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize(
    "words",
    [
        ["trainer=cpu"],
        ["trainer=ddp_cpu"],
        ["-m", "seed=0,1"],
        ["-m", "hydra/launcher=joblib", "seed=0,1"],
    ],
    ids=lambda words: words[-2:][0],
)
def test_runs_end_with_all_their_processes(
    words: list[str], number: signal.Signals, tmp_path: Path
) -> None:
    quick = [text for text in TINY if "max_epochs" not in text]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *quick, "name=s", "trainer.max_epochs=10000",
         "callbacks.latent_maps=null", *words],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 200
    while not list(tmp_path.rglob("last.ckpt")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # Ctrl-C is for all processes of a terminal.
    (os.killpg if number is signal.SIGINT else os.kill)(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == -number
    assert said == f"stopped by {number.name}\n"
    deadline = time.monotonic() + 5  # multiprocessing's tracker notices and ends as well
    while left := members(process.pid):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
