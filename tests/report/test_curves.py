"""Figures of lines: which numbers of a run are drawn, and which are said."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from autoencoder.analysis.plotting import Curve
from autoencoder.report.draw import curves
from autoencoder.report.draw.groups import Groups
from autoencoder.report.measure.evaluation import Evaluation, Floors
from tests.report.fakes import FakeData

FLOORS = Floors(
    pca_mse={1: 0.05, 8: 0.02, 64: 0.005, 256: math.nan, 512: 0.0},
    do_nothing_psnr={0.1: 20.0, 0.3: 11.0},
    pca_psnr={0.1: 21.0, 0.3: 16.0},
    wiener_psnr={0.1: 22.0, 0.3: 17.0},
    affine_psnr={0.1: 23.0, 0.3: 18.0},
)


@pytest.fixture(scope="module")
def data() -> FakeData:
    return FakeData(60)


def page(
    draw: Callable[[Groups], Any], runs: Sequence[Evaluation], floors: Floors | None = None
) -> tuple[list[Curve], dict[str, Any], str]:
    """The curves, the options and the caption of a figure of one page."""
    ((drawn, caption),) = draw(dataclasses.replace(Groups.of(runs), floors=floors))
    return drawn.curves, drawn._asdict(), caption


def points(curve: Curve) -> list[tuple[float, float]]:
    return list(zip(curve.x, curve.y, strict=True))


def with_columns(data: FakeData, group: str, seed: int = 0, **columns: float) -> Evaluation:
    run = data.evaluation(group, seed=seed, noise=0.2 if "noisy" in group else 0.0)
    return dataclasses.replace(run, columns=run.columns | columns)


def test_training_is_dashed_and_validation_solid(data: FakeData) -> None:
    histories = {
        "a": [{"epoch": 1, "train/loss": 5.0, "val/loss": 4.0}, {"epoch": 2, "train/loss": 3.0}],
        "b": [{"epoch": 1, "train/loss": 2.0, "val/loss": 2.5},
              {"epoch": 2, "train/loss": 1.0, "val/loss": 3.5}],
    }  # fmt: skip
    runs = [
        dataclasses.replace(data.evaluation(group), history=rows)
        for group, rows in histories.items()
    ]
    found, options, caption = page(curves.loss_curves, runs)
    styles = [(curve.label, curve.linestyle) for curve in found]
    assert styles == [("", "--"), ("a", "-"), ("", "--"), ("b", "-")]
    assert [points(curve) for curve in (found[0], found[2], found[3])] == [
        [(1, 5), (2, 3)], [(1, 2), (2, 1)], [(1, 2.5), (2, 3.5)]
    ]  # fmt: skip
    assert found[1].y[0] == 4
    assert math.isnan(found[1].y[1])
    assert found[0].color == found[1].color != found[2].color == found[3].color
    assert options["log_y"]
    assert caption.endswith("The lowest validation loss is 2.5, of “b”.")


def test_errors_are_over_the_size_of_the_latent(data: FakeData) -> None:
    runs = [
        with_columns(data, "a", 0, latent_size=8, clean_mse=0.01, mse=0.011, pca_ratio=0.5),
        with_columns(data, "a", 1, latent_size=8, clean_mse=0.03, mse=0.031, pca_ratio=1.0),
        with_columns(data, "noisy", 0, latent_size=64, clean_mse=0.02, mse=0.04, pca_ratio=4.0),
    ]
    found, options, caption = page(curves.rate_distortion, runs, FLOORS)
    pca, a, clean, noisy = found
    # What is no error, or is that of rounding, is left out.
    assert points(pca) == [(1, 0.05), (8, 0.02), (64, 0.005)]
    assert points(a) == [(8, 0.01), (8, 0.03)]
    assert points(clean) == [(64, 0.02)]
    assert points(noisy) == [(64, 0.04)]
    assert (clean.filled, noisy.filled) == (True, False)
    assert [curve.label for curve in found] == ["PCA, clipped", "a", "noisy", ""]
    assert options["overcomplete_from"] is None
    assert "Better than PCA of its size: “a” (0.75 times PCA's error)" in caption
    assert "Not better: “noisy” (4.00 times)" in caption
    wide = with_columns(data, "wide", latent_size=256)
    assert page(curves.rate_distortion, [wide], FLOORS)[1]["overcomplete_from"] == 256


def test_robustness_is_beside_its_floors(data: FakeData) -> None:
    measured = {
        "a": ({0.0: 30.0, 0.1: 20.0, 0.3: 12.0}, {0.3: 14.0}),
        "b": ({0.1: 25.0, 0.3: 19.0},),
    }
    runs = [
        dataclasses.replace(data.evaluation(group, seed=seed), robustness=psnr)
        for group, seeds in measured.items()
        for seed, psnr in enumerate(seeds)
    ]
    found, _, caption = page(curves.noise_robustness, runs, FLOORS)
    drawn = {curve.label: points(curve) for curve in found}
    assert drawn == {
        "doing nothing": [(0.1, 20), (0.3, 11)],
        "the best PCA projection": [(0.1, 21), (0.3, 16)],
        "the Wiener filter": [(0.1, 22), (0.3, 17)],
        "the least-squares map": [(0.1, 23), (0.3, 18)],
        "a": [(0, 30), (0.1, 20), (0.3, 13)],
        "b": [(0.1, 25), (0.3, 19)],
    }
    assert len({curve.linestyle for curve in found[:4]}) == 4
    assert "At a standard deviation of 0.3, “b” is best with 19.0 dB" in caption
    for gain, name in (
        (8, "doing nothing"),
        (3, "the best PCA projection"),
        (2, "the Wiener filter"),
        (1, "the least-squares map"),
    ):
        assert f"{gain}.0 dB over {name}" in caption
    assert "Lowest is “a” with 13.0 dB" in caption


def test_dimensions_are_sorted_by_their_share(data: FakeData) -> None:
    runs = [
        dataclasses.replace(
            with_columns(data, group, dead_units=dead, participation_ratio=ratio),
            latent_variances=np.array(variances, np.float32),
        )
        for group, variances, dead, ratio in (
            ("a", [0.5, 4.0, 2.0, 0.0], 1, 1.0), ("b", [3.0, 3.0], 0, 2.0)
        )
    ]  # fmt: skip
    (a, b), options, caption = page(curves.latent_use, runs)
    assert points(a) == [(1, 1), (2, 0.5), (3, 0.125), (4, pytest.approx(1e-5))]
    assert points(b) == [(1, 1), (2, 1)]
    assert a.label == "a: 1 of 4 dead, 1 effective"
    assert b.label == "b: 0 of 2 dead, 2 effective"
    assert options["level"][0] == 1e-4
    assert "“a” has the most dead units: 1" in caption
    assert "“b” uses the largest share of its latent, 100%; “a” the smallest, 25%" in caption
