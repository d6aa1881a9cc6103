"""The rows of a report: a design each, its runs grouped over the seed, and the best of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autoencoder.metrics import COLUMNS, Metric
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.runs.labels import noise_in_words
from autoencoder.runs.rows import Row as RowOfRuns
from autoencoder.runs.rows import csv_text, over_seeds


@dataclass(frozen=True, eq=False, kw_only=True)
class Row(RowOfRuns):
    """Evaluated runs that differ in the seed alone.

    Attributes:
        evaluations: The runs.
    """

    evaluations: tuple[Evaluation, ...]

    @property
    def first(self) -> Evaluation:
        """One of the runs: what holds for all of them can be read off it."""
        return self.evaluations[0]

    @property
    def overcomplete(self) -> bool:
        """Whether the latent has room for all of the image: in numbers, and in bits."""
        pixels = math.prod(self.first.image_shape)
        # A pixel has 8 bits; runs measured before bits were counted have plain numbers.
        too_few_bits = self.mean("latent_bits") < 8 * pixels
        return self.mean("latent_size") >= pixels and not too_few_bits

    @property
    def facts(self) -> dict[str, Any]:
        """What its line of `results.csv` says beside labels and numbers."""
        return {
            "n": len(self.seeds),
            "seeds": self._seeds,
            "data": self.first.data.get("name", ""),
            "test_noise": self.noise,
            "overcomplete": self.overcomplete,
            "prior": self.prior,
            "fitted_prior": self.fitted_prior,
        }

    @property
    def prior(self) -> str:
        """What the latents of generated images were drawn from, in words."""
        return self.first.generation.get("prior", "an unknown prior")

    @property
    def fitted_prior(self) -> str:
        """The prior of the columns `fitted_...`, in words; empty if there is none."""
        return self.first.generation.get("fitted_prior", "")

    def has(self, column: str) -> bool:
        """Whether a run has the number."""
        return not math.isnan(self.mean(column))

    def comparable(self, metric: Metric) -> tuple[object, ...]:
        """What rows must share to be compared by a number."""
        all_kinds = {
            "noise": self.noise,
            "bound": (self.first.likelihood, self.first.sees_labels),
            "room": self.overcomplete,
        }
        return (self.first.data_key, *(all_kinds[kind] for kind in metric.alike))


def group(evaluations: Sequence[Evaluation]) -> list[Row]:
    """The rows, sorted by data set, by noise (none first), then by test MSE."""
    keys = [(run.group, run.data_key) for run in evaluations]
    groups: dict[tuple[str, str], list[Evaluation]] = {}
    for key, run in zip(keys, evaluations, strict=True):
        groups.setdefault(key, []).append(run)
    numbers = over_seeds(keys, [run.columns for run in evaluations])
    data_keys = list(dict.fromkeys(run.data_key for run in evaluations))
    found = [
        Row(
            group=name,
            differences=members[0].differences,
            seeds=tuple(run.config.get("seed", 0) for run in members),
            noise=noise_in_words(members[0].config.get("noise")),
            numbers=of_group,
            evaluations=tuple(members),
        )
        for (name, _), members, of_group in zip(groups, groups.values(), numbers, strict=True)
    ]
    return sorted(found, key=lambda row: (data_keys.index(row.first.data_key), *row.place("mse")))


def best(rows: Sequence[Row]) -> set[tuple[str, str, str]]:
    """The best numbers, as `(data_key, group, column)`, among rows that can be compared by it."""
    found = set()
    for column, metric in COLUMNS.items():
        compared: dict[tuple[object, ...], list[Row]] = {}
        for row in rows:
            if metric.better and row.has(column):
                compared.setdefault(row.comparable(metric), []).append(row)
        for alike in compared.values():
            values = [metric.better * row.mean(column) for row in alike]
            found |= {
                (row.first.data_key, row.group, column)
                for row, value in zip(alike, values, strict=True)
                if value == max(values) > min(values)
            }
    return found


def priors_csv(rows: Sequence[Row]) -> str:
    """A line for each run and prior that was fitted on its latents."""
    return csv_text(
        [
            {
                "run": run.label,
                "group": run.group,
                "seed": run.config.get("seed", ""),
                "prior": prior,
            }
            | numbers
            for row in rows
            for run in row.evaluations
            for prior, numbers in run.priors.items()
        ]
    )


def runs_csv(rows: Sequence[Row]) -> str:
    """A line for each run."""
    return csv_text(
        [
            {
                "run": run.label,
                "group": run.group,
                "seed": run.config.get("seed", ""),
                "folder": run.path.name,
                **{column: run.columns.get(column, math.nan) for column in COLUMNS},
            }
            for row in rows
            for run in row.evaluations
        ]
    )
