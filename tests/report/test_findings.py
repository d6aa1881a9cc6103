"""What the report says, from numbers."""

import dataclasses
import math
from pathlib import Path

import pytest

from autoencoder.metrics import COLUMNS
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write.findings import findings
from autoencoder.report.write.rows import group
from tests.report.fakes import FakeData
from tests.report.said import change, generating, noisy, small, told


@pytest.fixture(scope="module")
def data() -> FakeData:
    return FakeData(40, 12)


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(1.17, "loses to PCA at 8 components: 1.17 x its error"), (0.53, "beats"), (1.001, "matches")],
)
def test_each_is_held_against_pca(data: FakeData, ratio: float, verdict: str) -> None:
    assert f"“small” {verdict}" in told(small(data, pca_ratio=ratio))


def test_overcomplete_is_said_in_words(data: FakeData) -> None:
    run = change(
        data.evaluation("wide", 144), mse=0.01, clean_mse=0.01, psnr=20, pca_ratio=math.nan
    )
    text = told(run)
    assert "“wide” is overcomplete: its latent holds 144 numbers for 144 pixels" in text
    assert "PCA at" not in text


def test_the_best_is_named_within_its_noise(data: FakeData) -> None:
    text = told(small(data), small(data, "large", mse=0.01, psnr=20.0), noisy(data))
    assert "Without noise, “large” is best, with a test MSE of 0.0100 (20.00 dB)" in text
    assert "“small” has 0.0200, 2 times the error" in text
    assert "With Gaussian noise of standard deviation 0.3, “noisy” has a test MSE" in text
    assert "not compared" in text


def test_the_last_of_several_is_named(data: FakeData) -> None:
    text = told(small(data, "a", mse=0.01), small(data, "b"), small(data, "c", mse=0.03))
    assert "“c”, the last of 3, has 0.0300, 3 times the error" in text


def test_runs_of_one_noise_need_no_such_warning(data: FakeData) -> None:
    assert "not compared" not in told(small(data), small(data, "large", mse=0.01))


def test_what_compression_costs(data: FakeData) -> None:
    text = told(small(data), small(data, "large", mse=0.005, psnr=23.0, latent_size=64))
    assert "from 64 to 8 numbers (8 times fewer)" in text
    assert "from 0.00500 to 0.0200, 4 times as much (-6.0 dB)" in text


def test_what_noise_training_gains(data: FakeData) -> None:
    twin = dataclasses.replace(small(data), robustness={0.0: 17.0, 0.3: 11.5})
    text = told(twin, noisy(data))
    assert "reaches 13.0 dB: 2.5 dB above doing nothing and 1.0 dB below the best linear" in text
    assert "gains +1.5 dB there over the same design trained clean (11.5 dB)" in text
    assert "its error is 1.50 x that of its twin" in text


def test_noise_of_any_strength_has_no_twin_at_one(data: FakeData) -> None:
    run = noisy(data)
    noise = {**run.config["noise"], "std": [0.0, 0.6]}
    run = dataclasses.replace(run, config=run.config | {"noise": noise})
    text = told(small(data), run)
    assert "With Gaussian noise of standard deviation 0 to 0.6, “noisy” reaches 13.0 dB" in text
    assert "trained clean" not in text


def test_a_twin_is_of_the_same_design(data: FakeData) -> None:
    other = small(data)
    other = dataclasses.replace(other, config=other.config | {"model": {"channels": [1]}})
    assert "trained clean" not in told(other, noisy(data))


def test_generated_images_are_held_against_real_ones(data: FakeData) -> None:
    text = told(generating(data, "a", 12.5))
    assert "“a” generates images at a Fréchet distance of 12.5 from the training images" in text
    assert "of latents from the prior of a; real test images are at 0.5" in text
    assert "80.0% of the generated images lie among real images, and 70.0% of real" in text
    assert "of the test images, 91.0% and 92.0%" in text
    assert "named" not in text
    text = told(generating(data, "a", 12.5), generating(data, "b", 3.25), small(data))
    assert "“b” generates the best images, at a Fréchet distance of 3.25" in text
    assert "the prior of b (“a” at 12.5); real" in text


def test_what_a_fitted_prior_gains_is_told(data: FakeData) -> None:
    def fitted(name: str, own: float, frechet: float) -> Evaluation:
        numbers = {"fitted_memorised": 0.52, "reconstructed_frechet": 3.01}
        run = generating(data, name, own, fitted_frechet=frechet, **numbers)
        return dataclasses.replace(run, generation=run.generation | {"fitted_prior": "a mixture"})

    text = told(fitted("a", 40.0, 5.63), fitted("b", 20.0, 15.0), generating(data, "c", 1.0))
    assert "Of latents from a mixture, “a” comes to 5.63 instead of 40 and “b” comes to 15" in text
    assert "are at 3.01 for the first of these" in text
    assert "nearer to a training image than a test image is in 52% of comparisons" in text
    assert "comes to" not in told(generating(data, "c", 1.0))


def test_what_was_not_generated_is_not_told_of(data: FakeData) -> None:
    assert "generates" not in told(small(data))


def test_the_share_named_as_asked_is_told(data: FakeData) -> None:
    text = told(generating(data, "a", 12.5, named_as_asked=0.871))
    assert "Asked for a class, “a” generates images of which 87.1% are named as asked" in text
    assert "names 92.4% of real test images right" in text


def test_a_collapsed_posterior_is_told_of(data: FakeData) -> None:
    assert "“a” has collapsed in most dimensions: 3 of 8" in told(small(data, "a", active_units=3))
    assert "collapsed" not in told(small(data, "a", active_units=5), small(data))


def test_what_is_left_out_is_said(data: FakeData) -> None:
    rows = group([small(data)])
    assert "Left out: b: is not finished." in findings(rows, {Path("s/b"): "is not finished"})


def wide(data: FakeData, name: str = "wide", **columns: float) -> Evaluation:
    numbers = {"mse": 0.01, "clean_mse": 0.01, "psnr": 20.0, "pca_ratio": math.nan}
    return change(data.evaluation(name, 144), **(numbers | columns))


def test_the_best_with_a_floor_and_the_best_overcomplete_are_named_apart(data: FakeData) -> None:
    text = told(small(data), small(data, "large", mse=0.015), wide(data))
    assert "“large” is best of those that compress, with a test MSE of 0.0150" in text
    assert "Without noise, “wide” has a test MSE of 0.0100" in text
    text = told(small(data), wide(data), wide(data, "wider", mse=0.005), noisy(data))
    assert "“wider” is best of the overcomplete, with a test MSE of 0.00500" in text
    assert "“small” has the least error of those that compress: 0.0200; “wider” has" in text
    text = told(small(data, knn=0.8), small(data, "large", knn=0.7), wide(data, knn=0.9))
    assert "compress, classes are read best off the latents of “small” by k-NN: 80.0%" in text
    assert "Classes are read off the latents of “wide” by k-NN: 90.0%" in text


def test_a_tie_is_called_one(data: FakeData) -> None:
    text = told(small(data), small(data, "large", mse=0.02001, latent_size=64))
    assert "“small” and “large” do equally well, with a test MSE of 0.0200" in text
    assert "from 64 to 8 numbers (8 times fewer) the test MSE goes from 0.0200 to 0.0200" in text
    assert "0.0200, as much" in text
    assert "1 times" not in text
    text = told(small(data), small(data, "b", mse=0.02001), small(data, "c", mse=0.03))
    assert "“small” and “b” are best, with" in text
    assert "“c”, the last of 3, has 0.0300, 1.5 times the error" in text


def test_a_latent_of_few_values_is_not_overcomplete(data: FakeData) -> None:
    coded = change(data.evaluation("codes", 144), latent_bits=144 * 4.0, mse=0.01)
    (row,) = group([coded])
    assert not row.overcomplete
    (row,) = group([change(coded, latent_bits=144 * 32.0)])
    assert row.overcomplete


def test_the_map_and_the_latent_have_each_their_trustworthiness() -> None:
    assert COLUMNS["trustworthiness"].title == "trustworthiness of the latent"
