"""The threads of a run: how many torch computes with, which its numbers depend on by about 1e-5.

OpenMP's threads wait for each other many times a step. Where another process has the core of one of
them, all wait until it comes back, and a step in two threads takes longer than in one
(`benchmarks/threads.py` measures it). So a run takes the cores that are free when it starts.
"""

import logging
import os
from pathlib import Path
from typing import Literal

import torch
from threadpoolctl import threadpool_limits

from autoencoder import runs
from autoencoder.runs.machine import cores, free_cores

log = logging.getLogger(__name__)

Threads = int | Literal["auto"]

# By OMP_NUM_THREADS, by which launchers share out the cores.
_TOLD = torch.get_num_threads() if "OMP_NUM_THREADS" in os.environ else None


def set_threads(asked: Threads, run_dir: Path | None = None, *, alone: bool = True) -> int:
    """Sets the threads of torch, NumPy and scikit-learn; returns how many there are.

    Args:
        asked: How many, or `auto`: as many as the run in `run_dir` has been trained with, if it
            was begun; else OMP_NUM_THREADS, if it is set; else the cores that are free.
        run_dir: Of the run.
        alone: Whether the run is this process; others of its own are no reason to step aside.
    """
    before = _recorded(run_dir) if run_dir else None
    if asked == "auto" and before is None:
        threads = _TOLD or (free_cores() if alone else cores())
    else:
        wanted = before if asked == "auto" else asked
        assert isinstance(wanted, int)
        most = cores() if asked != "auto" else _TOLD or cores()
        threads = min(wanted, most)
        if threads < wanted:
            log.warning(
                "%d threads instead of %d, as there are no more cores: numbers differ by about "
                "1e-5 from those of %d",
                threads, wanted, wanted,
            )  # fmt: skip
    # Of NumPy's linear algebra as well, and of scikit-learn.
    threadpool_limits(threads)
    torch.set_num_threads(threads)
    return threads


def _recorded(run_dir: Path) -> int | None:
    """The threads that a run has been trained with; None where none has begun, or none says."""
    threads = runs.read_environment(run_dir).get("threads", "")
    return int(threads) if threads.isdecimal() else None
