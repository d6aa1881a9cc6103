"""A watch over runs that are being trained: their report is written again whenever one finishes.

What was measured of the others is in their caches. Only files are looked at, so the runs may be
trained by any process, on any machine that shares the disk.
"""

import logging
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import yaml  # type: ignore[import-untyped]  # its types are a package of their own
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from autoencoder import AutoencoderError, runs
from autoencoder.report import FOLDER, PAGE, asked, write_report
from autoencoder.report.write.page import still
from autoencoder.runs.files import write_text
from autoencoder.sweeps.progress import count

log = logging.getLogger(__name__)

SECONDS = 5.0
# For a folder to come: the command that trains may have been typed in the same moment.
PATIENCE = 60.0


class Stand(NamedTuple):
    """How far runs are.

    Attributes:
        finished: When each finished run was, by its folder.
        ended: Those, and the runs that have failed or were pruned.
        total: Runs in all, those that were not started yet included.
    """

    finished: dict[Path, int]
    ended: int
    total: int


def watch(cfg: DictConfig, seconds: float = SECONDS, patience: float = PATIENCE) -> Path:
    """Writes the report that a config asks for, again and again until all runs have ended.

    Args:
        cfg: Such as `conf/evaluate.yaml`.
        seconds: Between two looks at the runs.
        patience: The seconds that are waited for a first run or sweep to be there.

    Returns:
        The page.

    Raises:
        RunError: If there is neither a run nor a sweep, or none that can be reported.
        SettingsError: If a setting is out of its range.
    """
    path, settings, out = asked(cfg)
    reported: dict[Path, int] = {}
    stand = _first_look(path, seconds, patience)
    if not stand.finished and stand.ended < stand.total:
        log.info("%s: 0 of %d runs finished; the report comes with the first", path, stand.total)
    try:
        while True:
            stand = look(path)
            if stand.finished != reported:
                said = f"{len(stand.finished)} of {stand.total} runs finished"
                when = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
                write_report(path, settings, out=out, watched=f"as of {when}, {said}")
                reported = stand.finished
            # A sweep that goes on with another's folder looks ended until it starts its next run.
            elif stand.ended >= stand.total:
                return write_report(path, settings, out=out)
            time.sleep(seconds)
    finally:  # stopped, too
        page = (out or path / FOLDER) / PAGE
        if reported and page.exists():
            write_text(page, still(page.read_text(encoding="utf-8")))


def _first_look(path: Path, seconds: float, patience: float) -> Stand:
    """How far the runs in a folder are, once there is one.

    Raises:
        RunError: If it holds neither a run nor a sweep, and none has come.
    """
    for waited in range(int(patience / seconds)):
        try:
            return look(path)
        except runs.RunError as error:
            if not waited:
                log.info("%s; waiting a minute for it to be there", error)
            time.sleep(seconds)
    return look(path)


def look(path: Path) -> Stand:
    """How far the runs in a folder are.

    Raises:
        RunError: If it holds neither a run nor a sweep.
    """
    sweeps = [file.parent for file in path.rglob(str(runs.SWEEP))]
    try:
        finished, unfinished = runs.find_runs(path)
    except runs.RunError:
        if not sweeps:
            raise
        finished, unfinished = [], {}
    # With a damaged metrics.json as well, which nobody mends.
    marks = (runs.METRICS, runs.ERROR, runs.PRUNED)
    broken_off = [run for run in unfinished if any((run / mark).exists() for mark in marks)]
    started = [*finished, *unfinished]
    total = len(started)
    for sweep in sweeps:
        there = sum(run.is_relative_to(sweep) for run in started)
        total += max(_planned(sweep) - there, 0)
    times = {run: (run / runs.METRICS).stat().st_mtime_ns for run in finished}
    return Stand(times, len(finished) + len(broken_off), total)


def _planned(sweep: Path) -> int:
    """The runs that a sweep was started for; 0 where its config does not tell."""
    known = (AutoencoderError, HydraException, OmegaConfBaseException, OSError, yaml.YAMLError)
    with suppress(*known):
        config = OmegaConf.load(sweep / runs.SWEEP)
        assert isinstance(config, DictConfig)
        return count(config)
    return 0
