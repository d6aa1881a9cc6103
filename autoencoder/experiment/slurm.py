"""A run inside a Slurm job: which of its processes leads, and what it does when it is to go.

Slurm starts all processes of a job step itself, so Lightning and this package start none there.
The first one leads: it alone takes the run directory, writes and prints. Where `srun` was not used,
in the shell of a batch script, there is one process and nothing here applies.

A job that is to go (its time is nearly up, or others come first) is told by a signal. It puts
itself back into the queue and ends; when it is started again it goes on from its last checkpoint,
so at most one epoch is done twice, and the numbers are those of a run never stopped. A checkpoint
within an epoch would save that time and change the numbers.

- SIGUSR2 is what submitit asks Slurm for; SIGUSR1 is what Lightning's users do. Lightning's own
  answer, a checkpoint of another name from the middle of an epoch, is not used.
- SIGTERM is what Slurm itself sends, to jobs that are cancelled as well: those are let go.
"""

import functools
import itertools
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from autoencoder import AutoencoderError

log = logging.getLogger(__name__)

# Lightning's port for a job is 15000 and its last four digits.
_FIRST_PORT = 25000
_MEETING_TIMEOUT = timedelta(minutes=10)
_number = itertools.count()


class SlurmError(AutoencoderError):
    """A run that can't start as Slurm has started its processes."""


def n_tasks() -> int:
    """Processes that Slurm started together with this one, itself included; 1 outside Slurm."""
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", 1))


def is_follower() -> bool:
    """Whether this is one of a job's processes, but not the first."""
    return n_tasks() > 1 and os.environ["SLURM_PROCID"] != "0"


def was_requeued() -> bool:
    """Whether this job has been started before."""
    return os.environ.get("SLURM_RESTART_COUNT", "0") != "0"


@contextmanager
def leading(run_dir: Path) -> Iterator[Callable[[], None]]:
    """Gives a function that has the other processes of the job begin.

    Where the block ends without a call of it, they are told that there is nothing to do.
    """
    if n_tasks() == 1:
        yield lambda: None
        return
    store, key = _store(), next(_number)
    told = False

    def tell(what: str) -> None:
        nonlocal told
        if not told:
            store.set(f"{key}", what)
            # The store is in this process: it must not end before they have read it.
            store.wait([f"{key} read by {rank}" for rank in range(1, n_tasks())])
        told = True

    try:
        yield lambda: tell(f"run {run_dir}")
    finally:
        tell("stop")


def follow(run_dir: Path) -> bool:
    """Waits for the first process of the job; whether there is a run to be done.

    Raises:
        SlurmError: If that process runs in another directory.
    """
    # It says all that there is to say.
    logging.getLogger().handlers.clear()
    store, key = _store(), next(_number)
    what = store.get(f"{key}").decode()
    store.set(f"{key} read by {os.environ['SLURM_PROCID']}", "")
    if what not in ("stop", f"run {run_dir}"):
        raise SlurmError(f"the job's first process is to {what}, not {run_dir}: give it a name=...")
    return bool(what != "stop")


@functools.cache
def _store() -> Any:
    from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # not in its __all__

    return TCPStore(
        SLURMEnvironment.resolve_root_node_address(os.environ["SLURM_NODELIST"]),
        _FIRST_PORT + int(os.environ["SLURM_JOB_ID"][-4:]),
        n_tasks(),
        is_master=not is_follower(),
        timeout=_MEETING_TIMEOUT,
    )


def handle_signals() -> None:
    """Has the signals to go put the job back into the queue; nothing outside a job step."""
    in_step = "SLURM_STEP_NUM_TASKS" in os.environ
    if not in_step or threading.current_thread() is not threading.main_thread():
        return
    # submitit has set SIGUSR2 in the jobs that it starts: it counts how often the time ran out.
    for name in (signal.SIGUSR1, signal.SIGUSR2):
        if signal.getsignal(name) is signal.SIG_DFL:
            signal.signal(name, _requeue)
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    if is_follower():
        return  # it ends with the first process
    # One that is cancelled, or put back by Slurm itself, is COMPLETING already.
    if _state() not in ("COMPLETING", "CANCELLED"):
        handler = signal.getsignal(signal.SIGUSR2)
        assert callable(handler)
        handler(number, frame)
    sys.exit(128 + number)


def _state() -> str:
    """What Slurm says of this job; empty where it doesn't answer."""
    job = os.environ["SLURM_JOB_ID"]
    # With their ids: the id of an array, which lists all of its jobs, is that of one of them too.
    show = ["squeue", "--noheader", "--format=%A %T", f"--jobs={job}"]
    state = ""
    for _ in range(5):
        lines = subprocess.run(show, capture_output=True, text=True).stdout.splitlines()
        state = dict(line.split() for line in lines).get(job, "")
        if state not in ("", "SIGNALING"):  # a busy controller, or one that is just about it
            break
        time.sleep(0.5)
    return state


def _requeue(number: int, frame: FrameType | None) -> None:
    if is_follower():
        return
    log.info("%s: back into the queue", signal.Signals(number).name)
    subprocess.run(["scontrol", "requeue", os.environ["SLURM_JOB_ID"]], check=True)
    sys.exit(128 + number)
