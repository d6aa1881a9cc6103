"""Generated images, and what is measured of them."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from autoencoder.analysis.priors import Gaussian, Prior
from autoencoder.data import Split
from autoencoder.experiment.build import LoadedRun, load_run
from autoencoder.report.measure.judge import Generated, Judge, generate
from autoencoder.report.measure.linear import LinearMethods
from autoencoder.report.measure.measurement import measure
from tests.report.runs_on_disk import COMPACT, SETTINGS, write_run

VAE = "model.channels=[4,8]", "model.latent_dim=5"
NUMBERS = "frechet", "precision", "recall", "memorised", "named_as_asked"


def loaded(folder: Path, *overrides: str) -> LoadedRun:
    return load_run(write_run(folder, *overrides))


@pytest.fixture(scope="module")
def variational(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    return loaded(tmp_path_factory.mktemp("runs") / "vae", "model=vae", *VAE)


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    return loaded(tmp_path_factory.mktemp("runs") / "cvae", "model=conditional_vae", *VAE)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    return loaded(tmp_path_factory.mktemp("runs") / "plain", COMPACT)


@pytest.fixture(scope="module")
def judge(variational: LoadedRun, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    settings = dataclasses.replace(SETTINGS, samples_per_class=6)
    return Judge(variational.data, "garments", tmp_path_factory.mktemp("cache"), settings)


def latents(run: LoadedRun) -> np.ndarray:
    size = run.model.latent_size
    return np.random.default_rng(0).normal(3, 2, (200, size)).astype(np.float32)


def prior_of(run: LoadedRun) -> Prior | None:
    return None if run.model.prior else Gaussian().fit(latents(run))


def generated(run: LoadedRun) -> Generated:
    return generate(run.model, prior_of(run), 10, SETTINGS)


@pytest.mark.parametrize("name", ["variational", "conditional", "plain"])
def test_there_are_as_many_images_of_each_class(name: str, request: pytest.FixtureRequest) -> None:
    run: LoadedRun = request.getfixturevalue(name)
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    images, labels, _ = generated(run)
    assert (torch.random.get_rng_state() == before).all()
    assert images.shape == (30, 1, 12, 12)
    assert 0 <= images.min() < images.max() <= 1
    assert torch.bincount(labels).tolist() == [3] * 10
    assert torch.equal(images, generated(run).images)
    other = generate(run.model, prior_of(run), 10, dataclasses.replace(SETTINGS, seed=1))
    assert not torch.equal(images, other.images)


def test_a_variational_run_has_its_prior(variational: LoadedRun) -> None:
    seen = []
    decode = variational.model.decode

    def spied(latent: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        seen.append(latent)
        return decode(latent, labels)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(variational.model, "decode", spied)
        found = generate(
            variational.model, None, 10, dataclasses.replace(SETTINGS, samples_per_class=500)
        )  # fmt: skip
    drawn = torch.cat(seen)
    assert found.prior == "the prior, a standard normal distribution"
    torch.testing.assert_close(drawn.mean(0), torch.zeros(5), atol=0.06, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.ones(5), atol=0.06, rtol=0)


def test_other_runs_have_a_gaussian_of_their_latents(plain: LoadedRun) -> None:
    constant = np.tile(latents(plain)[:1], (50, 1))
    found = generate(plain.model, Gaussian().fit(constant), 10, SETTINGS)
    assert "fitted on the training latents" in found.prior
    with torch.inference_mode():
        latent = torch.from_numpy(constant[:1]).view(1, *plain.model.latent_shape)
        expected = plain.model.decode(latent)
    torch.testing.assert_close(found.images, expected.expand(30, -1, -1, -1))


def test_a_conditional_run_is_asked_for_the_classes(conditional: LoadedRun) -> None:
    labels = []
    model = conditional.model
    decode = model.decode

    def spied(latent: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        labels.append(asked)
        return decode(latent, asked)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(model, "decode", spied)
        found = generated(conditional)
    assert torch.equal(torch.cat(labels), found.labels)


def test_real_images_are_the_floor(judge: Judge, variational: LoadedRun) -> None:
    floor = judge.floor()
    assert set(floor) == set(NUMBERS)
    assert floor["memorised"] == pytest.approx(0.5)
    assert floor["named_as_asked"] == pytest.approx(judge.classifier.test_accuracy.item())
    noise = Generated(torch.rand(60, 1, 12, 12), torch.arange(10).repeat(6), "")
    judged = judge.columns(noise, asked=True)
    assert judged["frechet"] > 2 * floor["frechet"] > 0
    assert judged["precision"] < floor["precision"] <= 1
    assert judged["named_as_asked"] < floor["named_as_asked"]
    assert math.isnan(judge.columns(noise, asked=False)["named_as_asked"])


def test_training_images_have_no_distance(judge: Judge, variational: LoadedRun) -> None:
    images, labels = variational.data.train.images, variational.data.train.labels
    judged = judge.columns(Generated(images, labels, ""), asked=True)
    assert judged["frechet"] == pytest.approx(0, abs=1e-4)
    assert judged["precision"] == judged["recall"] == judged["memorised"] == 1


def test_data_of_one_class_has_no_judge(tmp_path: Path) -> None:
    run = loaded(tmp_path / "a", "model=vae", *VAE)
    images, labels = run.data.train.images, run.data.train.labels
    run.data.train = Split(images, None, torch.zeros_like(labels))
    judge = Judge(run.data, "garments", tmp_path, SETTINGS)
    assert judge.fingerprint == ""
    assert all(math.isnan(value) for value in judge.floor().values())
    assert all(math.isnan(value) for value in judge.columns(generated(run), False).values())


def test_networks_that_give_nan_are_measured_all_the_same(
    judge: Judge, variational: LoadedRun
) -> None:
    broken = Generated(torch.full((60, 1, 12, 12), math.nan), torch.arange(10).repeat(6), "")
    assert math.isnan(judge.columns(broken, asked=True)["frechet"])


@pytest.mark.parametrize("name", ["variational", "conditional"])
def test_a_variational_run_is_measured(
    name: str, request: pytest.FixtureRequest, judge: Judge
) -> None:
    run: LoadedRun = request.getfixturevalue(name)
    gaussian = {"one": {"_target_": "autoencoder.analysis.priors.Gaussian"}}
    settings = dataclasses.replace(SETTINGS, prior=gaussian)
    measured = measure(run, LinearMethods(run.data, settings), judge, settings, lambda _: None)
    assert all(measured.columns[column] >= 0 for column in NUMBERS[:4])
    fitted = {column: measured.columns[f"fitted_{column}"] for column in NUMBERS}
    assert fitted["frechet"] != pytest.approx(measured.columns["frechet"])
    assert measured.priors["one"] == pytest.approx(
        fitted | {"fit_seconds": measured.priors["one"]["fit_seconds"]}, nan_ok=True
    )
    assert measured.columns["reconstructed_frechet"] > 0
    assert math.isnan(measured.columns["named_as_asked"]) == (name == "variational")
    assert measured.generation == {
        "prior": "the prior, a standard normal distribution",
        "fitted_prior": "a Gaussian with full covariance, fitted on the training latents",
        "classifier": judge.classifier.fingerprint,
    }
