"""What the tests of reports share."""

import math
from collections.abc import Iterator

import pytest

from autoencoder.analysis.classifier import Recipe
from autoencoder.report.measure import cache, judge
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write.rows import Row, group
from tests.report.fakes import FakeData
from tests.report.said import change

QUICK = Recipe(channels=(8, 16), features=16, epochs=1, least_steps=40, batch_size=32)


@pytest.fixture(scope="session", autouse=True)
def _quick_classifier() -> Iterator[None]:
    """Judges reports by a classifier that is trained in a moment."""
    with pytest.MonkeyPatch.context() as patched:
        for module in (judge, cache):
            patched.setattr(module, "RECIPE", QUICK)
        yield


@pytest.fixture(scope="session")
def evaluations() -> list[Evaluation]:
    data = FakeData(40, 12)
    noisy, wide, first, second = (
        data.evaluation(group, size, seed=seed)
        for group, size, seed in (
            ("noisy", 8, 0),
            ("wide", 144, 0),
            ("small", 8, 0),
            ("small", 8, 1),
        )
    )
    return [
        change(noisy, noise=True, mse=0.05, clean_mse=0.01, knn=0.5),
        change(first, seed=0, mse=0.02, clean_mse=0.02, knn=0.8),
        change(second, seed=1, mse=0.03, clean_mse=0.03, knn=0.7),
        change(wide, mse=0.01, clean_mse=0.015, knn=0.6, pca_mse=math.nan, pca_ratio=math.nan),
    ]


@pytest.fixture(scope="session")
def rows(evaluations: list[Evaluation]) -> list[Row]:
    return group(evaluations)
