"""The differences of a report: which designs can be told from the best, in words and as CSV."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from autoencoder.analysis.differences import Difference, of_images, of_numbers
from autoencoder.metrics import COLUMNS
from autoencoder.report.phrases import listed, quoted
from autoencoder.report.write.rows import Row
from autoencoder.runs.rows import csv_text

# Numbers of a run without one for each image, less of which is better.
_OF_RUNS = ("frechet", "fitted_frechet")


class Pair(NamedTuple):
    """A design against the best of those that can be compared with it."""

    column: str
    best: Row
    other: Row
    difference: Difference


def pairs(rows: Sequence[Row]) -> list[Pair]:
    """Each row against the best, by each number that is looked at; the test MSE first."""
    found = []
    for column in ("mse", *_OF_RUNS):
        blocks: dict[tuple[object, ...], list[Row]] = {}
        for row in rows:
            if row.has(column):
                blocks.setdefault(row.comparable(COLUMNS[column]), []).append(row)
        for alike in blocks.values():
            best, *others = sorted(alike, key=lambda row: row.mean(column))
            found += [pair for other in others for pair in _pair(column, best, other)]
    return found


def told(found: Sequence[Pair]) -> Iterator[str]:
    """What the pairs say, a sentence for each design that is best by a number."""
    groups: dict[tuple[str, int], list[Pair]] = {}
    for pair in found:
        groups.setdefault((pair.column, id(pair.best)), []).append(pair)
    for (column, _), of_best in groups.items():
        yield _sentence(COLUMNS[column].title, of_best)


def differences_csv(found: Sequence[Pair]) -> str:
    """A line for each pair: the factor between their numbers, and its interval of 95 %."""
    return csv_text(
        [
            {
                "data": pair.best.first.data.get("name", ""),
                "test_noise": pair.best.noise,
                "column": pair.column,
                "best": pair.best.group,
                "other": pair.other.group,
                "ratio": pair.difference.ratio,
                "low": pair.difference.low,
                "high": pair.difference.high,
                "told_apart": pair.difference.told_apart,
                "over_seeds": pair.difference.over_seeds,
                "n_best": len(pair.best.seeds),
                "n_other": len(pair.other.seeds),
                "n_to_settle": "" if pair.difference.seeds is None else pair.difference.seeds,
            }
            for pair in found
        ]
    )


def _pair(column: str, best: Row, other: Row) -> Iterator[Pair]:
    try:
        if column == "mse":
            first, second = (
                np.stack([run.image_mse for run in row.evaluations]) for row in (best, other)
            )
            yield Pair(column, best, other, of_images(first, second))
        elif min(len(best.seeds), len(other.seeds)) > 1:
            numbers = [
                np.array([run.columns[column] for run in row.evaluations]) for row in (best, other)
            ]
            yield Pair(column, best, other, of_numbers(*numbers))
    except ValueError:  # an error of 0, or none
        return


def _sentence(title: str, of_best: Sequence[Pair]) -> str:
    best = of_best[0].best
    apart = [pair for pair in of_best if pair.difference.told_apart]
    open_ = [pair for pair in of_best if not pair.difference.told_apart]
    parts = []
    if apart:
        parts.append(f"worse by more than chance: {listed(map(_factor, apart), 6)}")
    if open_:
        parts.append(
            f"not told apart: {listed((_factor(pair) + _settled(pair) for pair in open_), 6)}"
        )
    alone = sum(not pair.difference.over_seeds for pair in of_best)
    known = "over seeds and test images" if title == COLUMNS["mse"].title else "over seeds"
    if alone:
        known = "over test images" if alone == len(of_best) else f"{known} where there are several"
    text = (
        f"{title} against that of {quoted(best.group)}, as a factor with its interval of 95 % "
        f"{known}; {'; '.join(parts)}."
    )
    return text + (" Of one run each, it says nothing of other seeds." if alone else "")


def _factor(pair: Pair) -> str:
    found = pair.difference
    return f"{quoted(pair.other.group)} {found.ratio:.3g} ({found.low:.3g} to {found.high:.3g})"


def _settled(pair: Pair) -> str:
    """How many runs a design would settle it, where that can be said."""
    found = pair.difference
    if not found.over_seeds:
        return ""
    if found.seeds is None:
        return ", which a hundred seeds would not settle"
    return f", which {found.seeds} seeds each would settle"
