"""The machine: its cores and its memory, and what of them others leave free."""

import logging
import os
import time
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)

# Seconds that other processes are watched for; the second time where they were busy the first, as
# many things last for a moment.
_WATCHED = (0.25, 1.0)
_STAT = Path("/proc/stat")
_MEMORY = Path("/proc/meminfo")


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def free_cores() -> int:
    """The cores that other processes leave free, one at the least, as at the first call."""
    busy = 0
    for seconds in _WATCHED:
        busy = round(_busy_cores(seconds))
        if not busy:
            break
    free = max(1, cores() - busy)
    if free < cores():
        log.info(
            "other processes keep %d of %d cores busy: %s; threads=%d takes all",
            busy, cores(), "1 thread" if free == 1 else f"{free} threads", cores(),
        )  # fmt: skip
    return free


def _busy_cores(seconds: float) -> float:
    """How many of the cores other processes keep busy, on average over so many seconds."""
    before = _busy_seconds()
    start = time.monotonic()
    time.sleep(seconds)
    return (_busy_seconds() - before) / (time.monotonic() - start)


def _busy_seconds() -> float:
    """Seconds that the cores have been busy with other processes; 0 where nothing tells."""
    try:
        lines = _STAT.read_text().splitlines()
        names = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    except (OSError, AttributeError):
        return 0.0
    ticks = 0
    for name, *counts in map(str.split, lines):
        if name in names:
            user, nice, system, _, _, irq, softirq, steal = map(int, counts[:8])
            ticks += user + nice + system + irq + softirq + steal
    times = os.times()
    return ticks / os.sysconf("SC_CLK_TCK") - times.user - times.system


def free_memory() -> float:
    """Bytes that new processes can take without others being swapped out; inf where none tells."""
    try:
        lines = _MEMORY.read_text().splitlines()
    except OSError:
        return float("inf")
    values = dict(line.split(":") for line in lines)
    return int(values["MemAvailable"].split()[0]) * 1024
