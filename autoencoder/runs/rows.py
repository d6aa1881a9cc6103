"""Rows of a table: runs that differ in the seed alone, and their numbers over these seeds.

Imports neither torch nor Lightning, and pandas only where there are runs: the end of a sweep needs
rows as well.
"""

import math
import statistics
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from autoencoder.runs.labels import NO_NOISE

if TYPE_CHECKING:
    import pandas

# What makes a spreadsheet take a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Spread(NamedTuple):
    """A number over seeds.

    Attributes:
        mean: Over the runs that have the number; NaN where none has.
        std: Its standard deviation (divisor n - 1); NaN for fewer than two runs.
    """

    mean: float = math.nan
    std: float = math.nan


@dataclass(frozen=True, eq=False, kw_only=True)
class Row:
    """Runs that differ in the seed alone.

    Attributes:
        group: Their label, without the seed.
        differences: What tells them from other rows, by key.
        seeds: One of each run.
        noise: The noise that they are tested with, in words.
        numbers: Over the seeds, by name.
    """

    group: str
    differences: Mapping[str, str]
    seeds: tuple[int, ...]
    noise: str
    numbers: Mapping[str, Spread]

    def mean(self, name: str) -> float:
        """Mean over the runs; NaN where none has the number."""
        return self.numbers.get(name, Spread()).mean

    def std(self, name: str) -> float:
        """Standard deviation over the runs; NaN for fewer than two that have the number."""
        return self.numbers.get(name, Spread()).std

    def place(self, error: str) -> tuple[bool, str, float]:
        """Where it stands in a table: by noise, as more is a harder task, then by that error."""
        return self.noise != NO_NOISE, self.noise, self.mean(error)

    @property
    def facts(self) -> dict[str, Any]:
        """What its line of `results.csv` says beside labels and numbers."""
        return {"n": len(self.seeds), "seeds": self._seeds, "test_noise": self.noise}

    @property
    def _seeds(self) -> str:
        return " ".join(map(str, self.seeds))


def over_seeds(
    keys: Sequence[Hashable], numbers: Sequence[Mapping[str, float]]
) -> list[dict[str, Spread]]:
    """Each number over the runs of one key, for each key in the order of their first runs.

    Args:
        keys: Of each run; those of one row have the same.
        numbers: Of each run, by name; NaN or nothing where it has none.
    """
    import pandas

    frame = pandas.DataFrame([dict(one) for one in numbers], dtype=float)
    order = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    groups = frame.groupby([order[key] for key in keys])
    both = groups.agg(_mean).to_dict("records"), groups.agg(_std).to_dict("records")
    return [
        {name: Spread(mean[name], std[name]) for name in mean}
        for mean, std in zip(*both, strict=True)
    ]


def _mean(values: "pandas.Series") -> float:
    # Rounded once, unlike pandas' own: the same runs in another order have the same mean.
    known = values.dropna()
    return statistics.fmean(known) if len(known) else math.nan


def _std(values: "pandas.Series") -> float:
    known = values.dropna()
    return statistics.stdev(known) if len(known) > 1 else math.nan


def results_csv(rows: Sequence[Row], names: Iterable[str]) -> str:
    """A line for each row: what differs, its facts, mean and standard deviation of each number."""
    keys = list(dict.fromkeys(key for row in rows for key in row.differences))
    names = list(names)
    return csv_text(
        [
            {
                "run": row.group,
                **{key: row.differences.get(key, "") for key in keys},
                **row.facts,
                **{
                    column: number
                    for name in names
                    for column, number in ((name, row.mean(name)), (f"{name}_std", row.std(name)))
                },
            }
            for row in rows
        ]
    )


def csv_text(lines: Sequence[Mapping[str, Any]], *, header: bool = True) -> str:
    """Lines as CSV: numbers with every digit, nothing for NaN, and no text that is a formula.

    Args:
        lines: Values by column.
        header: Whether the names of the columns come first; not where lines go on with others.
    """
    import pandas

    frame = pandas.DataFrame(lines, dtype=object).map(_harmless)
    named = frame.rename(columns=_harmless)
    text: str = named.to_csv(index=False, header=header, lineterminator="\n")
    return text


def _harmless(cell: Any) -> Any:
    """Text that a spreadsheet would take for a formula, with an apostrophe before it."""
    if not isinstance(cell, str) or not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
