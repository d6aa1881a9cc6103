"""What the tests of reports share."""

from collections.abc import Iterator

import pytest

from autoencoder.analysis.classifier import Recipe
from autoencoder.report.measure import cache, judge

QUICK = Recipe(channels=(8, 16), features=16, epochs=1, least_steps=40, batch_size=32)


@pytest.fixture(scope="session", autouse=True)
def _quick_classifier() -> Iterator[None]:
    """Judges reports by a classifier that is trained in a moment."""
    with pytest.MonkeyPatch.context() as patched:
        for module in (judge, cache):
            patched.setattr(module, "RECIPE", QUICK)
        yield
