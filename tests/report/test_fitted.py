"""What networks generate of priors that are fitted on their latents."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from autoencoder import AutoencoderError
from autoencoder.analysis.codes import Codes
from autoencoder.analysis.priors import Draw, Gaussian
from autoencoder.experiment.build import LoadedRun, load_run
from autoencoder.report.measure.fitted import columns_of, measure_priors, reconstructed_frechet
from autoencoder.report.measure.judge import COLUMNS, Judge, prior_in_words
from autoencoder.report.measure.settings import Settings
from tests.report.runs_on_disk import SETTINGS, write_run

PRIORS = "autoencoder.analysis.priors"
GAUSSIAN = {"_target_": f"{PRIORS}.Gaussian"}
NEIGHBOURS = {"_target_": f"{PRIORS}.Neighbours", "k": 2}
ASKED = dataclasses.replace(
    SETTINGS, samples_per_class=6, prior={"near": NEIGHBOURS, "one": GAUSSIAN}
)


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    folder = tmp_path_factory.mktemp("runs") / "cvae"
    small = "model.channels=[4,8]", "model.latent_dim=5"
    return load_run(write_run(folder, "model=conditional_vae", *small))


@pytest.fixture(scope="module")
def judge(conditional: LoadedRun, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return Judge(conditional.data, "garments", tmp_path_factory.mktemp("cache"), ASKED)


def test_each_prior_is_measured_and_the_first_is_that_of_the_columns(
    conditional: LoadedRun, judge: Judge
) -> None:
    found, samples = measure_priors(conditional, judge, ASKED)
    assert list(found) == ["near", "one"]
    for numbers in found.values():
        assert set(numbers) == {*COLUMNS, "fit_seconds"}
        assert not any(math.isnan(value) for value in numbers.values())
    # The pictures are of the first as well.
    near = dataclasses.replace(ASKED, prior={"near": ASKED.prior["near"]})
    assert np.array_equal(samples, measure_priors(conditional, judge, near)[1])
    one = dataclasses.replace(ASKED, prior={"one": GAUSSIAN})
    assert not np.array_equal(samples, measure_priors(conditional, judge, one)[1])
    columns = columns_of(found)
    assert columns == {f"fitted_{name}": found["near"][name] for name in COLUMNS}


def test_priors_are_fitted_on_draws_from_the_posteriors(
    conditional: LoadedRun, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = []

    def spied(self: Gaussian, points: np.ndarray, n_classes: int) -> Draw:
        fitted.append(points)
        return fit(self, points, n_classes)

    fit = Gaussian.fitted
    monkeypatch.setattr(Gaussian, "fitted", spied)
    measure_priors(conditional, judge, dataclasses.replace(ASKED, prior={"one": GAUSSIAN}))
    images, labels = conditional.data.examined.images / 255, conditional.data.examined.labels
    assert len(fitted) == 10
    for label, points in enumerate(fitted):
        rows = labels == label
        posterior = conditional.model.posterior(images[rows], labels[rows])
        standard = (torch.from_numpy(points) - posterior.mean) / posterior.stddev
        assert standard.std() == pytest.approx(1, abs=0.25)


def test_without_a_prior_there_is_no_number(conditional: LoadedRun, judge: Judge) -> None:
    assert measure_priors(conditional, judge, SETTINGS)[0] == {}
    assert all(math.isnan(value) for value in columns_of({}).values())


def test_latents_that_can_t_be_fitted_are_measured_all_the_same(
    conditional: LoadedRun, judge: Judge
) -> None:
    asked = dataclasses.replace(ASKED, prior={"near": NEIGHBOURS | {"k": 1000}})
    found, samples = measure_priors(conditional, judge, asked)
    assert not len(samples)
    assert list(found) == ["near"]
    assert all(math.isnan(value) for numbers in found.values() for value in numbers.values())


def test_the_ceiling_is_that_of_reconstructions(conditional: LoadedRun, judge: Judge) -> None:
    images, labels = conditional.data.examined.images[:60], conditional.data.examined.labels[:60]
    with torch.inference_mode():
        made = conditional.model(images / 255, labels)
    found = reconstructed_frechet(conditional, judge, ASKED)
    assert found == pytest.approx(judge.frechet(made), rel=1e-4)


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ({"_target_": f"{PRIORS}.Neighbours", "k": "many"}, "prior.x.k must be a whole number"),
        ({"_target_": f"{PRIORS}.Neighbours"}, "prior.x: "),
        ({"_target_": f"{PRIORS}.Nothing"}, "prior.x: "),
        ({"_target_": "torch.nn.Identity"}, "is no Prior"),
        ({}, "_target_"),
    ],
)
def test_a_prior_that_can_t_be_built_is_refused(description: dict[str, str], said: str) -> None:
    settings = Settings(**vars(SETTINGS) | {"prior": {"x": description}})
    with pytest.raises(AutoencoderError, match=said):
        settings.priors()


def test_codes_are_drawn_as_codes_and_said_to_be(
    judge: Judge, tmp_path_factory: pytest.TempPathFactory
) -> None:
    small = "model.channels=[4,8]", "model.codes=8", "model.code_dim=3"
    folder = tmp_path_factory.mktemp("runs") / "vq"
    run = load_run(write_run(folder, "model=vq_vae", *small))
    codes = Codes(4, max_points=200, max_iter=3, seed=0)
    description = {"_target_": "autoencoder.analysis.codes.Codes", **vars(codes)}
    asked = dataclasses.replace(ASKED, prior={"codes": description, "one": GAUSSIAN})
    found, _ = measure_priors(run, judge, asked)
    # Of latents in the shape of their vectors: flat ones would be no codes.
    assert not math.isnan(found["codes"]["frechet"])
    assert not math.isnan(found["one"]["frechet"])
    assert prior_in_words(run.model, codes) == str(codes)
    assert "nearest code in the place" in prior_in_words(run.model, Gaussian())
    assert run.model.latent_bits == 9 * 3


def test_numbers_are_said_to_be_no_codes(conditional: LoadedRun) -> None:
    assert prior_in_words(conditional.model, Gaussian()) == str(Gaussian())
