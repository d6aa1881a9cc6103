"""Networks that were trained on one class, and images of the others."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from autoencoder.analysis.outliers import pca_errors, pca_near
from autoencoder.experiment.build import load_run
from autoencoder.report.measure.measurement import data_key
from autoencoder.report.measure.outliers import COLUMNS, outlier_columns
from autoencoder.report.write.outliers import told
from autoencoder.report.write.rows import group
from tests.report.fakes import FakeData
from tests.report.runs_on_disk import COMPACT, SETTINGS, write_run
from tests.report.said import small

VAE = "model=vae", "model.channels=[4,8]", "model.latent_dim=5"
# So that one class has validation images.
SIZES = "data.train_size=432", "data.val_size=132"


def columns(folder: Path, *overrides: str) -> dict[str, float]:
    """Of a network whose errors and latents are those of its class."""
    run = load_run(write_run(folder, *SIZES, *overrides))
    strange = (run.data.test.labels != 3).numpy()
    size = run.model.latent_size
    latents = np.random.default_rng(0).normal(size=(len(strange), size))
    train = np.random.default_rng(1).normal(size=(500, size))
    return outlier_columns(run, strange + 0.5, train, latents + 9 * strange[:, None], SETTINGS)


def test_strangers_are_told_by_each_score(tmp_path: Path) -> None:
    found = columns(tmp_path / "a", *VAE, "data.classes=[3]")
    assert set(found) == set(COLUMNS)
    assert found["auroc_error"] == found["auroc_latent"] == found["auroc_both"] == 1
    assert 0 < found["auroc_bound"] < 1
    # Latents are far, whatever the errors of a network that was never trained.
    assert found["auroc_near"] > 0.9
    run = load_run(tmp_path / "a")
    train, test = run.data.train.images / 255, run.data.test.images / 255
    train, val, test = train.numpy(), (run.data.val.images / 255).numpy(), test.numpy()
    mine = run.data.test.labels.numpy() == 3
    floors = {
        "auroc_pca": pca_errors(train, test),
        "auroc_pca_near": pca_near(train, val, test),
    }
    for name, scores in floors.items():
        pairs = scores[~mine][:, None] > scores[mine][None]
        assert found[name] == pytest.approx(pairs.mean(), abs=1e-6)


def test_a_network_without_a_bound_has_none(tmp_path: Path) -> None:
    assert math.isnan(columns(tmp_path / "a", COMPACT, "data.classes=[3]")["auroc_bound"])


def test_all_classes_have_no_strangers(tmp_path: Path) -> None:
    assert all(math.isnan(value) for value in columns(tmp_path / "a", COMPACT).values())


def test_another_choice_of_classes_is_another_data_set(tmp_path: Path) -> None:
    keys = {
        data_key(load_run(write_run(tmp_path / name, *SIZES, COMPACT, override)).data)
        for name, override in (
            ("all", "data.classes=null"), ("a", "data.classes=[3]"), ("b", "data.classes=[3,4]")
        )
    }  # fmt: skip
    assert len(keys) == 3


def test_the_mean_over_classes_is_told_for_each_design() -> None:
    data = FakeData(40, 12)

    def run(model: str, label: int, error: float) -> object:
        numbers = {"auroc_error": error, "auroc_latent": 0.9, "auroc_both": 0.95, "auroc_pca": 0.9}
        numbers |= {"auroc_near": 0.97, "auroc_pca_near": 0.91}
        made = small(data, f"{model} {label}", **numbers)
        different = {"model": model, "data.classes": f"[{label}]"}
        return dataclasses.replace(made, differences=different)

    runs = run("a", 0, 0.8), run("a", 1, 0.9), run("b", 0, 0.7)
    first, second = told(group(runs))
    assert "Trained on 2 choices of classes" in first
    assert "of “a”" in first
    assert "by the reconstruction error 0.850, by the Mahalanobis" in first
    assert "nearest latents 0.970" in first
    assert "reaches 0.900 by its error and 0.910 by its weighted" in first
    assert "bound" not in first
    assert "Trained on a choice of classes" in second
    assert not list(told(group([small(data)])))
