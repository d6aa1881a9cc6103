"""The first screen: cards of the best, and what came out."""

import base64
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write.overview import Card, cards, headlines
from autoencoder.report.write.rows import group
from tests.report.fakes import FakeData


def generating(name: str, frechet: float, fitted: float, data: FakeData) -> Evaluation:
    run = data.evaluation(name)
    columns = {"frechet": frechet, "fitted_frechet": fitted, "frechet_floor": 0.25}
    return dataclasses.replace(
        run,
        columns=run.columns | columns,
        generation={"prior": "one Gaussian", "fitted_prior": f"a mixture fitted on {name}"},
        # White, where those of its own prior are garments.
        fitted_samples=np.full_like(run.fitted_samples, 255),
    )


def generator_card(runs: list[Evaluation]) -> Card:
    return next(card for card in cards(group(runs)) if card.heading.startswith("Best generator"))


def brightness(card: Card) -> float:
    picture = base64.b64decode(card.picture.partition(",")[2])
    return float(np.asarray(Image.open(io.BytesIO(picture)).convert("L")).mean())


@pytest.mark.parametrize(
    ("own", "fitted", "best", "of", "value"),
    [
        ((20, 40), (15, 5), "b", "fitted", "5"),
        ((20, 40), (5, 15), "a", "fitted", "5"),
        ((20, 4), (15, 5), "b", "own", "4"),
        ((20, 40), (np.nan, np.nan), "a", "own", "20"),
    ],
)
def test_the_best_generator_is_that_of_any_prior(
    own: tuple[float, float], fitted: tuple[float, float], best: str, of: str, value: str
) -> None:
    data = FakeData()
    runs = [generating("a", own[0], fitted[0], data), generating("b", own[1], fitted[1], data)]
    card = generator_card(runs)
    assert card.row.group == best
    assert float(card.value) == float(value)
    assert card.heading == "Best generator" + ", fitted prior" * (of == "fitted")
    assert (brightness(card) > 250) == (of == "fitted")
    (said,) = (text for text in headlines(group(runs)) if "nearest to real ones" in text)
    assert f"“{best}” generates" in said
    assert (f"from a mixture fitted on {best}" in said) == (of == "fitted")
    assert f"distance of {float(value):g};" in said.replace(f"{float(value):.1f}", value)
