import dataclasses
from typing import Any

import numpy as np
import pytest

from autoencoder.report.draw import generated
from autoencoder.report.draw.groups import Groups
from autoencoder.report.measure.evaluation import Evaluation
from tests.report.fakes import FakeData

DRAWINGS = (
    *(generated.samples, generated.interpolation, generated.traversals),
    *(generated.class_grids, generated.manifolds, generated.neighbours),
)
OF_PRIORS = ["samples", "interpolation", "traversals"]


@pytest.fixture(scope="module", params=[(16, 1), (12, 3)], ids=str)
def data(request: pytest.FixtureRequest) -> FakeData:
    return FakeData(120, *request.param)


def run_of(data: FakeData, group: str, latent_dim: int = 0, n_classes: int = 0) -> Evaluation:
    run = data.evaluation(group, latent_dim or 3)
    prior = "the prior" if latent_dim else "a fitted Gaussian"
    gallery = data.gallery(latent_dim, n_classes)
    return dataclasses.replace(run, generated=gallery, generation={"prior": prior})


def drawn(*runs: Evaluation) -> dict[str, Any]:
    """Figure and caption of each page by its name; a page after the first has its number."""
    groups = Groups.of(runs)
    return {
        f"{draw.__name__}_{page}" if page > 1 else draw.__name__: drawing
        for draw in DRAWINGS
        for page, drawing in enumerate(draw(groups), start=1)
    }


def test_each_run_is_in_the_figures_that_it_has(data: FakeData) -> None:
    plain = run_of(data, "plain")
    variational, conditional = run_of(data, "vae", 6), run_of(data, "cvae", 4, 10)
    flat = run_of(data, "flat", 2)
    assert list(drawn(plain)) == ["samples", "interpolation", "neighbours"]
    assert list(drawn(variational)) == [*OF_PRIORS, "neighbours"]
    assert list(drawn(conditional)) == [*OF_PRIORS, "class_grids", "neighbours"]
    assert list(drawn(flat)) == [*OF_PRIORS, "manifolds", "neighbours"]
    every = drawn(plain, variational, conditional, flat)
    assert list(every) == [*OF_PRIORS, "class_grids", "manifolds", "neighbours"]
    said = {name: caption for name, (_, caption) in every.items()}
    assert not any("nan" in caption for caption in said.values())
    assert "plain" not in said["traversals"]
    assert "test images change by 0.080 on average, samples by 0.040 with" in said["samples"]
    assert "Those of \u201cplain\u201d are drawn from a fitted Gaussian." in said["samples"]
    assert "\u201ccvae\u201d the label changes" in said["interpolation"]
    assert "2 of 2 with \u201cflat\u201d" in said["traversals"]
    assert "The least is 0.0040 with \u201cplain\u201d" in said["neighbours"]
    assert said["neighbours"].count("\u201c") == 6  # of each number the least and the most


def test_what_the_label_makes_is_measured(data: FakeData) -> None:
    run = run_of(data, "cvae", 4, 10)
    one_row = run.generated.class_grid[:1]
    for grid, share in (
        (np.repeat(one_row, 10, axis=0), "0%"),
        (np.repeat(run.generated.class_grid[:, :1], 10, axis=1), "100%"),
    ):
        changed = dataclasses.replace(run.generated, class_grid=grid)
        caption = drawn(dataclasses.replace(run, generated=changed))["class_grids"][1]
        assert f"the label makes {share} with" in caption


def test_many_runs_are_paged(data: FakeData) -> None:
    figures = drawn(*(run_of(data, f"vae {k}", 2, 10) for k in range(5)))
    assert {"samples_2", "class_grids_3", "manifolds_3"} <= set(figures)
    assert figures["manifolds_3"][1] == "The same for further runs."
