"""What a run is held against in a collection: the floors of its own data and size."""

import io
import json
from pathlib import Path

import pytest
import torch
from rich.console import Console

from autoencoder import runs
from autoencoder.experiment.build import load_run
from autoencoder.report.measure.collection import Collection, collect
from autoencoder.report.measure.linear import LinearMethods
from tests.report.runs_on_disk import COMPACT, SETTINGS, write_run

SMALL = "model.channels=[4,2]"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sweep = tmp_path_factory.mktemp("sweep")
    write_run(sweep / "a", COMPACT, "noise=gaussian")
    write_run(sweep / "b", SMALL)
    run = write_run(sweep / "c", COMPACT, "data.split_seed=1")
    metrics = json.loads((run / runs.METRICS).read_text())
    changed = metrics | {"train_seconds": 77.5, "test/kl": 4.25}
    (run / runs.METRICS).write_text(json.dumps(changed))
    return sweep


@pytest.fixture(scope="module")
def collected(sweep: Path) -> Collection:
    return collect(sweep, SETTINGS, Console(file=io.StringIO()))


def test_a_run_has_the_floors_of_its_data_and_size(sweep: Path, collected: Collection) -> None:
    assert [run.path.name for run in collected.evaluations] == ["a", "b", "c"]
    assert len(collected.floors) == 2
    sizes = []
    for run in collected.evaluations:
        loaded = load_run(run.path)
        size = loaded.model.latent_size
        floors = LinearMethods(loaded.data, SETTINGS).floors([size])
        assert run.columns["pca_mse"] == pytest.approx(floors.pca_mse[size])
        assert collected.floors[run.data_key].wiener_psnr == pytest.approx(floors.wiener_psnr)
        sizes.append(size)
        images, labels = loaded.data.test.images / 255, loaded.data.test.labels
        with torch.inference_mode():
            error = (loaded.model(images, labels) - images).square().mean().item()
        assert run.columns["clean_mse"] == pytest.approx(error)
        # Of clean images, both of them.
        assert run.columns["pca_ratio"] == pytest.approx(error / floors.pca_mse[size])
    assert sizes == [36, 18, 36]
    a, _, c = (run.columns for run in collected.evaluations)
    assert a["mse"] != pytest.approx(a["clean_mse"])
    assert a["pca_mse"] != c["pca_mse"]


def test_what_was_recorded_is_told_of_its_run(collected: Collection) -> None:
    seconds = [run.columns["train_seconds"] for run in collected.evaluations]
    assert seconds == [3.5, 3.5, 77.5]
    assert [run.columns["kl"] == 4.25 for run in collected.evaluations] == [False, False, True]
    assert [len(run.history) for run in collected.evaluations] == [2, 2, 2]


def test_real_images_are_a_floor_of_each_data_set(collected: Collection) -> None:
    floors = {key: floor.generation for key, floor in collected.floors.items()}
    for run in collected.evaluations:
        for name, value in floors[run.data_key].items():
            assert run.columns[f"{name}_floor"] == value
    a, _, c = (run.columns["frechet_floor"] for run in collected.evaluations)
    assert a != c
