"""The end of a sweep: a table of its runs, from their `metrics.json` alone.

Imports neither torch nor Lightning, as Hydra loads it before it runs anything.
"""

import atexit
import logging
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.table import Table

from autoencoder import AutoencoderError, runs
from autoencoder.commandline import signals
from autoencoder.commandline.configs import CONF_DIR
from autoencoder.console import fitted_table, standard_console
from autoencoder.metrics import RECORDED, in_words
from autoencoder.runs.environment import program
from autoencoder.runs.files import write_text
from autoencoder.runs.labels import Described, describe, labels, noise_in_words
from autoencoder.runs.rows import Row, over_seeds, results_csv

log = logging.getLogger(__name__)

# Columns that make room on a narrow console, in this order.
_DROPPED = ("train_seconds", "parameters", "test/clean_mse", "test/psnr", "latent_size")


class SweepSummary(Callback):
    """Prints the runs of a sweep at its end and writes `results.csv`; on request, the report.

    Args:
        report: Whether the full report is written as well.
        trust: Packages beside this one whose code the report may call.
    """

    def __init__(self, report: bool, trust: Sequence[str] | str | None = None) -> None:
        self.report = report
        self.trust = [trust] if isinstance(trust, str) else list(trust or ())
        self._folder: Path | None = None
        self._start = 0.0

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Sees to it that a sweep that breaks off is summed up as well."""
        try:
            self._folder = Path(config.hydra.sweep.dir)
        except OmegaConfBaseException:  # of a refused name, with which the sweep ends as well
            return
        self._start = time.time()
        # A failed run ends the sweep with an error, and then Hydra calls nothing more. Once the
        # interpreter ends, pandas could no longer import this.
        import concurrent.futures.thread  # noqa: F401

        atexit.register(self._end)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Sums up a sweep that came to its end."""
        atexit.unregister(self._end)
        self._end()

    def _end(self) -> None:
        folder = self._folder
        if folder is None or runs.remove_unless_started(folder):
            return
        if not _worked_on(folder, self._start):
            return
        console = standard_console()
        # Who stops a sweep does not want to wait for it.
        if summarize(folder, console) and self.report and not signals.stopped():
            # It needs torch.
            from autoencoder.report import write_report
            from autoencoder.report.measure.settings import Settings

            GlobalHydra.instance().clear()
            with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
                cfg = compose("evaluate")
            cfg.trust = self.trust
            try:
                write_report(folder, Settings.from_config(cfg), console)
            except AutoencoderError as error:
                log.error("no report: %s", error)


def summarize(folder: Path, console: Console) -> bool:
    """Prints the table of a sweep and writes its `results.csv`; False if no run is finished.

    Args:
        folder: Of the sweep.
        console: Where the table goes.
    """
    try:
        finished, unfinished = runs.find_runs(folder)
    except runs.RunError:
        return False
    described = []
    for run in finished:
        try:
            described.append(describe(run))
        except runs.RunError as error:
            unfinished[run] = str(error)
    if described:
        rows = _rows(described)
        console.print(_table(rows, console.width))
        write_text(folder / "results.csv", _csv(rows))
    for run, reason in unfinished.items():
        # Not wrapped: there is a command in it, to be copied.
        text = f"not finished: {run.name}: {reason}"
        console.print(text, soft_wrap=True, markup=False, highlight=False)
    path = folder / "results.csv" if described else folder
    console.print(f"{path}", soft_wrap=True, markup=False, highlight=False)
    if described:
        report = shlex.join([*program("evaluate"), f"run={folder}"])
        console.print(f"the full report: {report}", soft_wrap=True, markup=False, highlight=False)
    return bool(described)


def _rows(described: Sequence[Described]) -> list[Row]:
    """Sorted as in the report: by noise, then by test MSE."""
    found = labels(described)
    groups = [label.group for label in found]
    metrics = [runs.read_metrics(run.path) or {} for run in described]
    rows = []
    for group, numbers in zip(dict.fromkeys(groups), over_seeds(groups, metrics), strict=True):
        members = [run for run, name in zip(described, groups, strict=True) if name == group]
        row = Row(
            group=group,
            differences=found[groups.index(group)].differences,
            seeds=tuple(run.config.get("seed", 0) for run in members),
            noise=noise_in_words(members[0].config.get("noise")),
            numbers=numbers,
        )
        rows.append(row)
    return sorted(rows, key=lambda row: row.place("test/mse"))


def _table(rows: Sequence[Row], width: int) -> Table:
    shown = [metric for metric in RECORDED.values() if "sweep" in metric.brief]
    columns = {
        metric.title: [
            in_words(row.mean(metric.recorded), row.std(metric.recorded), metric.format)
            for row in rows
        ]
        for metric in shown
    }
    if any(len(row.seeds) > 1 for row in rows):
        columns = {"n": [str(len(row.seeds)) for row in rows]} | columns
    return fitted_table(
        [row.group for row in rows],
        columns,
        width,
        [RECORDED[name].title for name in _DROPPED],
        caption="sorted by noise, then by test MSE",
    )


def _csv(rows: Sequence[Row]) -> str:
    names = dict.fromkeys(name for row in rows for name in row.numbers)
    return results_csv(rows, [name for name in names if name != "seed"])


def _worked_on(folder: Path, since: float) -> bool:
    """Whether a run in the folder has logged anything since then; a typing error starts none."""
    # File systems that keep whole seconds.
    return any(log.stat().st_mtime >= since - 1 for log in folder.rglob(str(runs.LOG)))
