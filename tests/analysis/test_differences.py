"""Differences of two designs: intervals that hold as often as they say."""

import math

import numpy as np
import pytest
from scipy import stats

from autoencoder.analysis.differences import Difference, of_images, of_numbers

RNG = np.random.default_rng


def study(rng: np.random.Generator, runs: int, shift: float = 0.0, n: int = 200) -> np.ndarray:
    """Errors `(runs, n)` of one design: of each image, of each seed, and of both."""
    image = RNG(7).normal(0, 0.8, n)  # the same images for every design and seed
    seed = rng.normal(shift, 0.05, (runs, 1))
    both = rng.normal(0, 0.2, (runs, n))
    return np.asarray(np.exp(image + seed + both - 4))


@pytest.mark.parametrize("runs", [2, 3, 10])
def test_a_design_is_not_told_from_itself(runs: int) -> None:
    rng = RNG(0)
    told = [of_images(study(rng, runs), study(rng, runs), seed=k).told_apart for k in range(300)]
    # Two seeds are few for Welch's formula, which then errs on the careful side.
    assert 0.005 <= np.mean(told) <= 0.08


def test_numbers_of_one_design_are_not_told_apart_either() -> None:
    rng = RNG(1)
    told = [of_numbers(*np.exp(rng.normal(3, 0.04, (2, 3)))).told_apart for _ in range(2000)]
    assert np.mean(told) == pytest.approx(0.045, abs=0.015)


def test_numbers_have_the_interval_of_welch() -> None:
    first, second = np.array([40.9, 41.5, 40.6]), np.array([46.0, 44.8, 48.3])
    found = of_numbers(first, second)
    expected = stats.ttest_ind(np.log(second), np.log(first), equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(
        (math.exp(interval.low), math.exp(interval.high))
    )
    assert found.told_apart == (expected.pvalue < 0.05)
    assert found.over_seeds


def test_images_are_resampled_in_pairs() -> None:
    # Images differ by far more than designs: without pairs nothing could be told.
    first = study(RNG(0), 1)
    found = of_images(first, 1.05 * first * np.exp(RNG(1).normal(0, 0.01, first.shape)))
    assert found.ratio == pytest.approx(1.05, abs=0.003)
    assert found.told_apart
    assert found.high - found.low < 0.01
    assert not found.over_seeds


def test_the_variance_over_images_is_that_of_the_bootstrap_of_scipy() -> None:
    first, second = study(RNG(0), 1), study(RNG(3), 1)
    found = of_images(first, second)

    def logarithm(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
        return np.asarray(np.log(b.mean(axis) / a.mean(axis)))

    expected = stats.bootstrap(
        (first[0], second[0]), logarithm, paired=True, rng=RNG(5), method="percentile"
    ).confidence_interval
    assert math.log(found.low) == pytest.approx(expected.low, abs=0.01)
    assert math.log(found.high) == pytest.approx(expected.high, abs=0.01)


def test_one_number_each_says_nothing() -> None:
    found = of_numbers(np.array([1.0]), np.array([9.0]))
    assert found == Difference(pytest.approx(9.0), 0.0, math.inf, None, False)
    # A run alone has no spread, so neither has the difference.
    assert not of_numbers(np.array([1.0]), np.array([9.0, 9.1])).over_seeds


def test_more_seeds_settle_what_few_leave_open() -> None:
    rng = RNG(2)
    first, second = np.exp(rng.normal([[0.0], [0.06]], 0.05, (2, 3)))
    found = of_numbers(first, second)
    assert not found.told_apart
    assert found.seeds is not None
    assert found.seeds > 3
    # As often as it says.
    shift, spread = math.log(found.ratio), np.std([np.log(first), np.log(second)], 1, ddof=1)
    draws = rng.normal([[[0.0]], [[shift]]], spread[:, None, None], (2, 1000, found.seeds))
    told = [of_numbers(*np.exp(pair)).told_apart for pair in draws.transpose(1, 0, 2)]
    assert 0.75 <= np.mean(told) <= 0.93
    assert of_numbers(first, 1.00001 * first).seeds is None


def test_a_lesser_error_has_a_ratio_below_one() -> None:
    first = study(RNG(0), 3)
    found = of_images(first, study(RNG(1), 3, shift=-1.0))
    assert found.told_apart
    assert found.high < 0.5


@pytest.mark.parametrize(
    "broken", [np.ones((3, 4)), np.ones(5), np.zeros((3, 5)), np.full((3, 5), np.nan)]
)
def test_what_can_t_be_compared_is_refused(broken: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"same images|positive"):
        of_images(np.ones((3, 5)), broken)
