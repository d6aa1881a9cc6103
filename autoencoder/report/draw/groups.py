"""Runs in groups, as figures show them: runs that differ only in the seed are one.

A group has one colour, its numbers are averaged, and its first run stands for all where pictures
are shown.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
from matplotlib.figure import Figure

from autoencoder.analysis.plotting import Chart, Heat, run_style
from autoencoder.report import phrases
from autoencoder.report.measure.evaluation import Evaluation, Floors

# A figure, or what one is drawn of, and its caption.
Drawing = tuple[Figure | Chart | Heat, str]
Key = TypeVar("Key")

# Pictures of more groups than this go on in a further figure.
GROUPS_A_PAGE = 4


@dataclass(frozen=True, eq=False)
class Groups:
    """Runs by group, each in its colour.

    Attributes:
        runs: The runs of each group.
        styles: Colour and marker of each group.
        floors: Of the data of all these runs; None where they have none, or differ in it.
    """

    runs: Mapping[str, Sequence[Evaluation]]
    styles: Mapping[str, tuple[str, str]]
    floors: Floors | None = None

    @classmethod
    def of(cls, evaluations: Sequence[Evaluation]) -> Self:
        """All runs, in their order."""
        runs: dict[str, list[Evaluation]] = {}
        for run in evaluations:
            runs.setdefault(run.group, []).append(run)
        return cls(runs, {group: run_style(index) for index, group in enumerate(runs)})

    def on(self, data_key: str, floors: Floors | None) -> Self:
        """Those on one data set, in the same colours."""
        runs = {
            group: chosen
            for group, members in self.runs.items()
            if (chosen := [run for run in members if run.data_key == data_key])
        }
        return type(self)(runs, self.styles, floors)

    @property
    def first(self) -> dict[str, Evaluation]:
        """The run that stands for each group."""
        return {group: runs[0] for group, runs in self.runs.items()}

    def means(self, column: str) -> dict[str, float]:
        """A number of each group, over its runs; NaN where none has it."""
        return {
            group: mean(run.columns.get(column, math.nan) for run in runs)
            for group, runs in self.runs.items()
        }

    @property
    def all(self) -> list[Evaluation]:
        """Every run."""
        return [run for runs in self.runs.values() for run in runs]


def pages(
    groups: Mapping[str, Evaluation], size: int = GROUPS_A_PAGE
) -> Iterator[dict[str, Evaluation]]:
    """The groups in pages of equal length, of `size` at the most, as far as they go."""
    names = list(groups)
    n_pages = -(-len(names) // size)
    for part in np.array_split(np.arange(len(names)), n_pages) if names else ():
        yield {names[i]: groups[names[i]] for i in part}


def denoises(run: Evaluation) -> bool:
    """Whether the run's input is corrupted."""
    return not np.array_equal(run.shown.images, run.shown.corrupted)


def mean(values: Iterable[float]) -> float:
    """The mean of the values that are finite; NaN where there are none."""
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan


def known(values: Mapping[Key, float]) -> dict[Key, float]:
    """The values that are finite."""
    return {key: value for key, value in values.items() if math.isfinite(value)}


def least(values: Mapping[str, float]) -> str:
    """The key of the smallest value."""
    return min(values, key=lambda key: values[key])


def most(values: Mapping[str, float]) -> str:
    """The key of the largest value."""
    return max(values, key=lambda key: values[key])


def listed(items: Iterable[str]) -> str:
    """Some items in words, four at most: a, b, c, d and 3 more."""
    return phrases.listed(items, limit=4)
