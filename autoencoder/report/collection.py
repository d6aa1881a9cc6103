"""A collection of runs: each measured or taken from its cache, labelled, and set beside floors."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from autoencoder import runs
from autoencoder.allocator import keep_freed_memory
from autoencoder.labels import Described, Label, describe, labels
from autoencoder.report import cache
from autoencoder.report.evaluation import Evaluation, Floors, Measurement
from autoencoder.report.linear import LinearMethods
from autoencoder.report.measurement import STAGES, Say, data_key, measure
from autoencoder.report.settings import Settings

log = logging.getLogger(__name__)

# Numbers of metrics.json that the table shows as they are.
_RECORDED = ("train_seconds", "images_per_second")


class Collection(NamedTuple):
    """What a report is made of.

    Attributes:
        evaluations: Of the runs that could be evaluated.
        floors: By `data_key`.
        left_out: Why each other run is not among them.
    """

    evaluations: list[Evaluation]
    floors: dict[str, Floors]
    left_out: dict[Path, str]


def collect(path: Path, settings: Settings, console: Console) -> Collection:
    """Evaluates the runs in a directory.

    Args:
        path: A run or a sweep.
        settings: How runs are evaluated.
        console: Where progress is shown, if it is a terminal; it is logged otherwise.

    Raises:
        RunError: If there is no run that can be evaluated.
    """
    keep_freed_memory()
    found = runs.find_runs(path)
    collector = _Collector(settings)
    described: list[Described] = []
    measured: list[Measurement] = []
    with _progress(console, len(found.finished)) as progress:
        for number, run in enumerate(found.finished, 1):
            name = f"{number} of {len(found.finished)}: {run.name}"
            try:
                description = describe(run)
                measurement = collector.measurement(run, progress(name))
            except Exception as error:
                # One run that can't be evaluated must not hide the others.
                collector.left_out[run] = _reason(error)
                log.debug("%s", run, exc_info=error)
                continue
            described.append(description)
            measured.append(measurement)
        left_out = collector.left_out | found.unfinished
        if not measured:
            raise runs.RunError(nothing_left(path, left_out))
        floors = collector.floors(path, described, measured, progress("floors"))
    found_labels = labels(described)
    evaluations = [
        _evaluation(*parts, floors) for parts in zip(described, measured, found_labels, strict=True)
    ]
    return Collection(evaluations, floors, left_out)


def nothing_left(path: Path, left_out: dict[Path, str]) -> str:
    """What to say of a directory of which no run can be reported."""
    lines = [f"  {run.name}: {reason}" for run, reason in left_out.items()]
    return "\n".join([f"{path}: no run in it can be reported", *lines])


class _Collector:
    """What the runs of one collection share: data sets, and what is known of them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.left_out: dict[Path, str] = {}
        self._linear: dict[str, LinearMethods] = {}
        self._missing: dict[str, Exception] = {}

    def measurement(self, run: Path, say: Say) -> Measurement:
        """The measurement of a run, out of its cache if it is there."""
        key = cache.key(run, self.settings)
        measurement = cache.load(run, key)
        if measurement is None:
            say("loading")
            loaded = self._load(run)
            linear = self._linear_methods(loaded)
            measurement = cache.save(run, key, measure(loaded, linear, self.settings, say))
        return measurement

    def floors(
        self, path: Path, described: list[Described], measured: list[Measurement], say: Say
    ) -> dict[str, Floors]:
        """The floors of each data set."""
        sizes: dict[str, set[int]] = {}
        for measurement in measured:
            of_data = sizes.setdefault(measurement.data_key, set())
            of_data.add(int(measurement.columns["latent_size"]))
        found = {}
        for of_key, latent_sizes in sizes.items():
            key = cache.floors_key(of_key, sorted(latent_sizes), self.settings)
            floors = cache.load_floors(path, key)
            if floors is None:
                say("PCA and Wiener filter")
                if of_key not in self._linear:
                    keys = [measurement.data_key for measurement in measured]
                    self._linear_methods(self._load(described[keys.index(of_key)].path))
                floors = self._linear[of_key].floors(sorted(latent_sizes))
                cache.save_floors(path, key, floors)
            found[of_key] = floors
        return found

    def _load(self, run: Path) -> runs.LoadedRun:
        # A data set that is missing is looked for once, not for each of a hundred runs.
        config: Any = OmegaConf.to_container(runs.read_config(run).data)
        data = repr({name: value for name, value in config.items() if name != "seed"})
        if data in self._missing:
            raise self._missing[data]
        try:
            return runs.load_run(run, self.settings.data_root)
        except Exception as error:
            if type(error).__name__ == "DataNotFoundError":
                self._missing[data] = error
            raise

    def _linear_methods(self, loaded: runs.LoadedRun) -> LinearMethods:
        key = data_key(loaded.data)
        if key not in self._linear:
            self._linear[key] = LinearMethods(loaded.data, self.settings)
        return self._linear[key]


def _evaluation(
    described: Described, measurement: Measurement, label: Label, floors: dict[str, Floors]
) -> Evaluation:
    metrics = runs.read_metrics(described.path) or {}
    columns = measurement.columns
    pca_mse = floors[measurement.data_key].pca_mse[int(columns["latent_size"])]
    joined = {
        **columns,
        **{name: metrics.get(name, math.nan) for name in _RECORDED},
        "pca_mse": pca_mse,
        # Both of clean images, so that a network that is tested on noise is compared as well.
        "pca_ratio": columns["clean_mse"] / pca_mse if pca_mse else math.nan,
    }
    return Evaluation(
        **{**vars(measurement), "columns": joined},
        path=described.path,
        label=label.run,
        group=label.group,
        differences=label.differences,
        config=described.config,
        metrics=metrics,
        history=runs.read_history(described.path),
        environment=runs.read_environment(described.path),
    )


def _reason(error: Exception) -> str:
    """An error in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = "; ".join(lines) if lines else type(error).__name__
    known = type(error).__module__.startswith("autoencoder.")
    return text if known else f"{type(error).__name__}: {text}"


@contextmanager
def _progress(console: Console, n_runs: int) -> Iterator[Callable[[str], Say]]:
    """Gives a function that names what is worked on, and returns one that tells of its stages."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda name: lambda stage: log.info("%s: %s", name, stage)
        return
    columns = (BarColumn(30), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=(STAGES + 1) * n_runs + 1)
        started = [0]

        def named(name: str) -> Say:
            bar.update(task, completed=started[0] * (STAGES + 1))
            started[0] += 1

            def say(stage: str) -> None:
                bar.update(task, advance=1, description=f"{name}: {stage}")

            return say

        yield named
