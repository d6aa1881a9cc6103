"""What a machine has, and what of it is free."""

import math
import os
import sys
from pathlib import Path

import pytest

from autoencoder.runs import machine


@pytest.mark.parametrize(
    ("busy", "free"), [([0.2], 4), ([1.4, 1.2], 3), ([1.4, 0.3], 4), ([3.8, 4.2], 1), ([6, 5], 1)]
)
def test_cores_are_free_where_others_stay_away(
    monkeypatch: pytest.MonkeyPatch, busy: list[float], free: int
) -> None:
    seen = iter(busy)
    monkeypatch.setattr(machine, "_busy_cores", lambda _: next(seen))
    monkeypatch.setattr(machine, "cores", lambda: 4)
    machine.free_cores.cache_clear()
    assert machine.free_cores() == free
    # Once in a process: the runs of a sweep are alike.
    assert machine.free_cores() == free
    machine.free_cores.cache_clear()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_other_processes_are_counted_and_this_one_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    core = min(os.sched_getaffinity(0))
    tick = os.sysconf("SC_CLK_TCK")
    monkeypatch.setattr(machine, "_STAT", tmp_path / "stat")
    # user, nice, system, idle, iowait, irq, softirq, steal; and of guests, who are users as well.
    (tmp_path / "stat").write_text(
        f"cpu  9 9 9 9 9 9 9 9 9 9\ncpu{core} {tick} {tick} {tick} 7 7 {tick} {tick} {tick} 7 7\n"
        "cpu999 7 7 7 7 7 7 7 7 7 7\nintr 1 2 3\n"
    )
    monkeypatch.setattr(os, "times", lambda: os.times_result((1.5, 0.5, 70, 70, 70)))
    assert machine._busy_seconds() == pytest.approx(6 - 2)
    (tmp_path / "stat").unlink()
    assert machine._busy_seconds() == 0


def test_memory_is_what_the_system_calls_available(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "_MEMORY", tmp_path / "meminfo")
    text = "MemTotal:  9000 kB\nMemFree:  1000 kB\nMemAvailable:  3000 kB\nHugePages_Total:  0\n"
    (tmp_path / "meminfo").write_text(text)
    assert machine.free_memory() == 3000 * 1024
    (tmp_path / "meminfo").unlink()
    assert machine.free_memory() == math.inf
