"""The end of a sweep: a table of its runs, from their `metrics.json` alone.

Imports neither torch nor Lightning, as Hydra loads it before it runs anything.
"""

import atexit
import csv
import io
import logging
import math
import shlex
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from autoencoder import runs
from autoencoder.commandline import CONF_DIR
from autoencoder.console import fitted_table
from autoencoder.runs.environment import program
from autoencoder.runs.files import write_text
from autoencoder.runs.labels import NO_NOISE, Described, Label, describe, labels, noise_in_words

log = logging.getLogger(__name__)

# What the table shows of metrics.json, and how it is called there.
SHOWN = {
    "latent_size": "latent size",
    "parameters": "parameters",
    "test/mse": "test MSE",
    "test/psnr": "PSNR, dB",
    "test/clean_mse": "clean MSE",
    "train_seconds": "seconds",
}


class SweepSummary(Callback):
    """Prints the runs of a sweep at its end and writes `results.csv`; on request, the report.

    Args:
        report: Whether the full report is written as well.
    """

    def __init__(self, report: bool) -> None:
        self.report = report
        self._folder: Path | None = None
        self._start = 0.0

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Sees to it that a sweep that breaks off is summed up as well."""
        self._folder = Path(config.hydra.sweep.dir)
        self._start = time.time()
        # A failed run ends the sweep with an error, and then Hydra calls nothing more.
        atexit.register(self._end)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Sums up a sweep that came to its end."""
        atexit.unregister(self._end)
        self._end()

    def _end(self) -> None:
        folder = self._folder
        if folder is None or not _worked_on(folder, self._start):
            return
        console = Console() if Console().is_terminal else Console(width=100)
        if summarize(folder, console) and self.report:
            # It needs torch.
            from autoencoder.report import write_report
            from autoencoder.report.measure.settings import Settings

            cfg = OmegaConf.load(CONF_DIR / "evaluate.yaml")
            assert isinstance(cfg, DictConfig)
            del cfg["hydra"]
            try:
                write_report(folder, Settings.from_config(cfg), console)
            except runs.RunError as error:
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


class _Row(NamedTuple):
    """Runs that differ in the seed alone."""

    label: Label
    noise: str
    metrics: list[dict[str, float]]

    def mean(self, name: str) -> float:
        """Mean over the runs that have the number; NaN where none has."""
        values = self._values(name)
        return statistics.fmean(values) if values else math.nan

    def std(self, name: str) -> float:
        """Standard deviation over the runs (divisor n - 1); NaN for fewer than two."""
        values = self._values(name)
        return statistics.stdev(values) if len(values) > 1 else math.nan

    def _values(self, name: str) -> list[float]:
        values = (metrics.get(name, math.nan) for metrics in self.metrics)
        return [value for value in values if not math.isnan(value)]


def _rows(described: Sequence[Described]) -> list[_Row]:
    """Sorted as in the report: by noise, as more of it is a harder task, then by test MSE."""
    rows: dict[str, _Row] = {}
    for run, label in zip(described, labels(described), strict=True):
        noise = noise_in_words(run.config.get("noise"))
        row = rows.setdefault(label.group, _Row(label, noise, []))
        row.metrics.append(runs.read_metrics(run.path) or {})
    return sorted(
        rows.values(), key=lambda row: (row.noise != NO_NOISE, row.noise, row.mean("test/mse"))
    )


def _table(rows: Sequence[_Row], width: int) -> Table:
    columns = {heading: [_cell(row, name) for row in rows] for name, heading in SHOWN.items()}
    if any(len(row.metrics) > 1 for row in rows):
        columns = {"n": [str(len(row.metrics)) for row in rows]} | columns
    return fitted_table(
        [row.label.group for row in rows],
        columns,
        width,
        ("seconds", "parameters", "clean MSE", "PSNR, dB", "latent size"),
        caption="sorted by noise, then by test MSE",
    )


def _cell(row: _Row, name: str) -> str:
    mean, std = row.mean(name), row.std(name)
    if math.isnan(mean):
        return "\N{EN DASH}"
    text = f"{mean:#.4g}" if name.endswith("mse") else f"{mean:,.{2 if 'psnr' in name else 0}f}"
    return f"{text} ± {std:.1g}" if std > 0 else text


def _csv(rows: Sequence[_Row]) -> str:
    """A line for each row: what differs, n, and mean and standard deviation of each number."""
    keys = list(dict.fromkeys(key for row in rows for key in row.label.differences))
    names = list(dict.fromkeys(name for row in rows for one in row.metrics for name in one))
    names = [name for name in names if name != "seed"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [column for name in names for column in (name, f"{name}_std")]
    writer.writerow(["run", *keys, "n", "seeds", "test_noise", *columns])
    for row in rows:
        seeds = " ".join(str(one.get("seed", "")) for one in row.metrics)
        numbers = (number for name in names for number in (row.mean(name), row.std(name)))
        writer.writerow(
            [
                row.label.group,
                *(row.label.differences.get(key, "") for key in keys),
                len(row.metrics),
                seeds,
                row.noise,
                *("" if math.isnan(number) else repr(number) for number in numbers),
            ]
        )
    return text.getvalue()


def _worked_on(folder: Path, since: float) -> bool:
    """Whether a run in the folder has logged anything since then; a typing error starts none."""
    # File systems that keep whole seconds.
    return any(log.stat().st_mtime >= since - 1 for log in folder.rglob(str(runs.LOG)))
