"""A collection of runs: each measured or taken from its cache, labelled, and set beside floors."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from autoencoder import AutoencoderError, runs
from autoencoder.data.sources import DataNotFoundError
from autoencoder.experiment.allocator import keep_freed_memory
from autoencoder.experiment.build import LoadedRun, load_run
from autoencoder.experiment.threads import set_threads
from autoencoder.metrics import COLUMNS
from autoencoder.report.measure import cache
from autoencoder.report.measure.evaluation import Evaluation, Floors, Measurement
from autoencoder.report.measure.judge import Judge
from autoencoder.report.measure.linear import LinearMethods
from autoencoder.report.measure.measurement import STAGES, Say, data_key, measure
from autoencoder.report.measure.settings import Settings
from autoencoder.runs.labels import Described, Label, describe, labels

log = logging.getLogger(__name__)

# Columns that say nothing of a network whose encoder was told the label that is read back.
_OF_CLASSES = ("knn", "linear_probe", "silhouette")


class Collection(NamedTuple):
    """What a report is made of.

    Attributes:
        evaluations: Of the runs that could be evaluated.
        floors: By `data_key`.
        left_out: Why each other run is not among them, nor the floors of a data set.
    """

    evaluations: list[Evaluation]
    floors: dict[str, Floors]
    left_out: dict[Path, str]


class _References(NamedTuple):
    """What runs of one data set are held against."""

    linear: LinearMethods
    judge: Judge


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
    set_threads(settings.threads)
    found = runs.find_runs(path)
    collector = _Collector(path, settings)
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
        if not measured:
            raise runs.RunError(nothing_left(path, collector.left_out | found.unfinished))
        floors = collector.floors(described, measured, progress("floors"))
    found_labels = labels(described)
    evaluations = [
        _evaluation(*parts, floors) for parts in zip(described, measured, found_labels, strict=True)
    ]
    return Collection(evaluations, floors, collector.left_out | found.unfinished)


def nothing_left(path: Path, left_out: dict[Path, str]) -> str:
    """What to say of a directory of which no run can be reported."""
    lines = [f"  {run.name}: {reason}" for run, reason in left_out.items()]
    return "\n".join([f"{path}: no run in it can be reported", *lines])


class _Collector:
    """What the runs of one collection share: data sets, and what is known of them."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self.settings = settings
        self.left_out: dict[Path, str] = {}
        self._references: dict[str, _References] = {}
        self._missing: dict[str, Exception] = {}

    def measurement(self, run: Path, say: Say) -> Measurement:
        """The measurement of a run, out of its cache if it is there."""
        key = cache.key(run, self.settings)
        measurement = cache.load(run, key)
        if measurement is None:
            say("loading")
            loaded = self._load(run)
            measurement = measure(loaded, *self._referring(loaded), self.settings, say)
            measurement = cache.save(run, key, measurement)
        return measurement

    def floors(
        self, described: list[Described], measured: list[Measurement], say: Say
    ) -> dict[str, Floors]:
        """The floors of each data set; none of one that they can't be measured on any more."""
        sizes: dict[str, set[int]] = {}
        for measurement in measured:
            of_data = sizes.setdefault(measurement.data_key, set())
            of_data.add(int(measurement.columns["latent_size"]))
        found = {}
        for of_key, latent_sizes in sizes.items():
            key = cache.floors_key(of_key, sorted(latent_sizes), self.settings)
            floors = cache.load_floors(self.path, key)
            if floors is None:
                say("linear methods and real images")
                index = [measurement.data_key for measurement in measured].index(of_key)
                try:
                    if of_key not in self._references:
                        self._referring(self._load(described[index].path))
                except AutoencoderError as error:  # the data is gone; what was measured is not
                    name = measured[index].data.get("name", "the data")
                    self.left_out[Path(f"the floors of {name}")] = _reason(error)
                    continue
                linear, judge = self._references[of_key]
                floors = replace(linear.floors(sorted(latent_sizes)), generation=judge.floor())
                cache.save_floors(self.path, key, floors)
            found[of_key] = floors
        return found

    def _load(self, run: Path) -> LoadedRun:
        # A data set that is missing is looked for once, not for each of a hundred runs.
        config: Any = OmegaConf.to_container(runs.read_config(run).data)
        data = repr({name: value for name, value in config.items() if name != "seed"})
        if data in self._missing:
            raise self._missing[data]
        try:
            return load_run(run, self.settings.data_root, self.settings.trust)
        except Exception as error:
            if isinstance(error, DataNotFoundError):
                self._missing[data] = error
            raise

    def _referring(self, loaded: LoadedRun) -> _References:
        key = data_key(loaded.data)
        if key not in self._references:
            folder = self.path / cache.FOLDER
            self._references[key] = _References(
                LinearMethods(loaded.data, self.settings),
                Judge(loaded.data, key, folder, self.settings),
            )
        return self._references[key]


def _evaluation(
    described: Described, measurement: Measurement, label: Label, floors: dict[str, Floors]
) -> Evaluation:
    metrics = runs.read_metrics(described.path) or {}
    columns = measurement.columns
    of_data = floors.get(measurement.data_key)
    pca_mse = of_data.pca_mse[int(columns["latent_size"])] if of_data else math.nan
    generation = of_data.generation if of_data else {}
    joined = {
        **columns,
        # What the report does not measure itself.
        **{
            column: metrics.get(metric.recorded, math.nan)
            for column, metric in COLUMNS.items()
            if metric.recorded and column not in columns
        },
        **{f"{column}_floor": value for column, value in generation.items()},
        "pca_mse": pca_mse,
        # Both of clean images, so that a network that is tested on noise is compared as well.
        "pca_ratio": columns["clean_mse"] / pca_mse if pca_mse else math.nan,
    }
    if described.config["model"].get("num_classes"):
        joined |= dict.fromkeys(_OF_CLASSES, math.nan)
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
        recipe=described.choices.get("recipe") or described.overrides.get("recipe", ""),
    )


def _reason(error: Exception) -> str:
    """An error in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = "; ".join(lines) if lines else type(error).__name__
    return text if isinstance(error, AutoencoderError) else f"{type(error).__name__}: {text}"


@contextmanager
def _progress(console: Console, n_runs: int) -> Iterator[Callable[[str], Say]]:
    """Gives a function that names what is worked on, and returns one that tells of its stages."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda name: lambda stage: log.info("%s: %s", name, stage)
        return
    columns = (BarColumn(30), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
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
