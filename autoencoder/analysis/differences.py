"""Differences between two designs: whether they are real, or the luck of seeds and test images.

What is compared are ratios of mean errors. Two things make such a ratio uncertain: other test
images, which both designs would see alike, so images are resampled in pairs; and other seeds, of
which there are few. Three seeds can't be resampled to any purpose, as their spread is then too
small by a third, and would tell a design from itself in one of five draws; so the spread over
seeds is Student's, with Welch's degrees of freedom.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.floating[Any]]

LEVEL = 0.95
# Chance of telling two designs apart that a number of seeds is to give.
_POWER = 0.8
# Seeds beyond which the answer is that it takes too many.
_MOST = 100
_RESAMPLES = 1000


@dataclass(frozen=True)
class Difference:
    """By what factor the mean error of the second design is that of the first.

    Attributes:
        ratio: The factor.
        low: Where its interval of 95 % begins.
        high: Where it ends.
        seeds: Runs of each design with which such a difference would be told apart in four of
            five studies; None where it takes more than a hundred, or is not known.
        over_seeds: Whether the interval holds for other seeds as well: there are several of each
            design. Otherwise it holds for these very networks, on other test images.
    """

    ratio: float
    low: float
    high: float
    seeds: int | None
    over_seeds: bool

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves out 1."""
        return not self.low <= 1 <= self.high


def of_images(first: Floats, second: Floats, seed: int = 0) -> Difference:
    """The difference of two designs whose error is known for each test image.

    The logarithm of the ratio of mean errors has the variance of a bootstrap over images, the same
    images for both designs, plus that of each design's mean over its seeds.

    Args:
        first: `(S, N)`, positive errors of S runs on the same N images.
        second: `(T, N)`, of T runs on these images.
        seed: Of the resampled images.

    Raises:
        ValueError: If the images are not as many, or errors are not positive and finite.

    Example:
        >>> errors = np.random.default_rng(0).exponential(size=(3, 500))
        >>> of_images(errors, 2 * errors).told_apart
        True
    """
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(f"errors of the same images, please: {first.shape} and {second.shape}")
    if not all((np.isfinite(errors) & (errors > 0)).all() for errors in (first, second)):
        raise ValueError("errors must be positive and finite")
    images = np.stack([first.mean(0), second.mean(0)]).astype(np.float64)
    rng = np.random.default_rng(seed)
    n = images.shape[1]
    drawn = np.stack([images[:, rng.integers(n, size=n)].mean(1) for _ in range(_RESAMPLES)])
    over_images = float(np.diff(np.log(drawn)).var(ddof=1))
    return of_numbers(first.mean(1), second.mean(1), variance=over_images)


def of_numbers(first: Floats, second: Floats, *, variance: float = 0.0) -> Difference:
    """The difference of two designs of which each run has one number, such as a distance.

    Args:
        first: `(S,)`, positive numbers of S runs.
        second: `(T,)`, of T runs.
        variance: Of the logarithm of the ratio, for other reasons than seeds.

    Raises:
        ValueError: If numbers are not positive and finite.
    """
    logs = []
    for numbers in (first, second):
        values = np.asarray(numbers, np.float64)
        if values.ndim != 1 or not len(values) or not (np.isfinite(values) & (values > 0)).all():
            raise ValueError(f"numbers must be positive and finite, got {values}")
        logs.append(np.log(values))
    shift = float(logs[1].mean() - logs[0].mean())
    counts = [len(values) for values in logs]
    several = min(counts) > 1
    if not several and variance == 0:
        return Difference(math.exp(shift), 0.0, math.inf, None, False)
    of_seeds = [float(values.var(ddof=1)) if several else 0.0 for values in logs]
    shares = [spread / count for spread, count in zip(of_seeds, counts, strict=True)]
    total = variance + sum(shares)
    half = _quantile((1 + LEVEL) / 2, shares, counts, total) * math.sqrt(total)
    return Difference(
        ratio=math.exp(shift),
        low=math.exp(shift - half),
        high=math.exp(shift + half),
        seeds=_settling(abs(shift), variance, of_seeds) if several else None,
        over_seeds=several,
    )


def _quantile(q: float, shares: list[float], counts: list[int], total: float) -> float:
    """Student's quantile with Welch's degrees of freedom; images are so many as to have none."""
    unsure = sum(
        share**2 / (count - 1) for share, count in zip(shares, counts, strict=True) if share
    )
    return float(stats.t.ppf(q, total**2 / unsure) if unsure else stats.norm.ppf(q))


def _settling(shift: float, variance: float, of_seeds: list[float]) -> int | None:
    """The least number of runs a design that shows such a difference with `_POWER`."""
    for n in range(2, _MOST + 1):
        shares, counts = [spread / n for spread in of_seeds], [n, n]
        total = variance + sum(shares)
        reach = sum(_quantile(q, shares, counts, total) for q in ((1 + LEVEL) / 2, _POWER))
        if shift > reach * math.sqrt(total):
            return n
    return None
