import csv
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hydra.errors import InstantiationException
from lightning.pytorch.loggers import CSVLogger
from matplotlib.figure import Figure
from PIL import Image

from autoencoder.callbacks import MLflow, TrackerError, Wandb, trackers
from autoencoder.callbacks.showing import Picture, add_grid, save_figure, show
from autoencoder.callbacks.trackers import sweep_of
from autoencoder.commandline.words import WordsError, ordered
from autoencoder.experiment.train import train
from autoencoder.runs.identity import run_name
from tests.conftest import Compose


class Shown(CSVLogger):
    """Remembers its pictures."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.pictures: list[Picture] = []


@show.register
def _(logger: Shown, picture: Picture) -> None:
    logger.pictures.append(picture)


def trainer_of(folder: Path, *loggers: Any) -> Any:
    return SimpleNamespace(
        loggers=loggers, default_root_dir=folder, current_epoch=2, global_step=30
    )


def test_a_grid_reaches_every_tracker_that_takes_pictures(tmp_path: Path) -> None:
    first, second = Shown(tmp_path), Shown(tmp_path)
    images = torch.tensor([-1.0, 0.5]).view(2, 1, 1, 1).expand(2, 3, 4, 5)
    trainer = trainer_of(tmp_path, first, CSVLogger(tmp_path), second)
    add_grid(trainer, "a grid", images, columns=2, scale=3)
    for logger in (first, second):
        (shown,) = logger.pictures
        assert (shown.name, shown.epoch, shown.step, shown.path) == ("a grid", 3, 30, None)
        assert shown.pixels.dtype == np.uint8
        assert shown.pixels.shape == (3 * 6, 3 * 13, 3)  # a pixel around and between them
        assert np.unique(shown.pixels).tolist() == [0, 127, 255]


def test_a_figure_reaches_every_tracker_with_its_file(tmp_path: Path) -> None:
    logger = Shown(tmp_path)
    path = save_figure(trainer_of(tmp_path, logger), "shape", Figure((2, 1)))
    (shown,) = logger.pictures
    assert path == tmp_path / "figures/shape.png" == shown.path
    assert (shown.name, shown.epoch) == ("test/shape", 2)
    assert shown.pixels.tolist() == np.asarray(Image.open(path).convert("RGB")).tolist()


@pytest.mark.parametrize(("kind", "package"), [(MLflow, "mlflow"), (Wandb, "wandb")])
def test_a_missing_package_is_named(
    kind: Any, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    with pytest.raises(TrackerError, match=rf"logger={package} .*\[{package}\].*pip install") as it:
        kind(str(tmp_path), "project")
    assert "\n" not in str(it.value)
    assert not list(tmp_path.iterdir())


def test_several_trackers_are_a_list_and_no_sweep() -> None:
    assert ordered(["logger=[tensorboard,csv]"]) == ["logger=[tensorboard,csv]"]
    with pytest.raises(WordsError, match=r"write logger=\[csv,none\]"):
        ordered(["-m", "logger=csv,none"])


def test_a_run_has_the_name_of_what_it_is_whatever_it_is_logged_to() -> None:
    words = ["logger=[csv]", "noise=none", "+logger.wandb.entity=me"]
    assert run_name(words) == run_name(["noise=none"]) == "noise-none"


def test_the_sweep_of_a_run_is_the_folder_with_its_description(tmp_path: Path) -> None:
    assert sweep_of(tmp_path / "a") is None
    (tmp_path / "multirun.yaml").touch()
    assert sweep_of(tmp_path / "a") == tmp_path


def test_a_run_in_csv_and_tensorboard_at_once(tiny: Compose) -> None:
    cfg = tiny("logger=[tensorboard,csv]", "callbacks.latent_maps=null", "callbacks.samples=null")
    metrics = train(cfg)
    run = Path(cfg.run_dir)
    assert list((run / "tensorboard").glob("events.*"))
    with (run / "csv/version_0/metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    (tested,) = [row["test/mse"] for row in rows if row["test/mse"]]
    assert float(tested) == pytest.approx(metrics["test/mse"])
    assert "lr: 0.001" in (run / "csv/version_0/hparams.yaml").read_text().replace("optimizer.", "")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A server of MLflow on the loopback, on SQLite."""
    pytest.importorskip("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = tmp_path / "server"
    place.mkdir()
    options = {
        "backend-store-uri": f"sqlite:///{place / 'mlflow.db'}",
        "artifacts-destination": place / "artifacts",
        "host": "127.0.0.1",
        "port": port,
        "workers": 1,
    }
    words = [f"--{key}={value}" for key, value in options.items()]
    with (place / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *words], stdout=log, stderr=log, cwd=place
        )
        try:
            _wait_for(process, f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(process: Any, url: str) -> None:
    for _ in range(120):
        assert process.poll() is None, "the server has ended"
        with suppress(OSError), urllib.request.urlopen(url, timeout=1) as answer:
            if answer.status == 200:
                return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
    raise AssertionError("the server does not answer")


def _sweep(tmp_path: Path, tiny: Compose, *words: str) -> list[Path]:
    """Two runs of a sweep."""
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "multirun.yaml").touch()
    runs = [folder / "a", folder / "b"]
    for number, run in enumerate(runs):
        train(tiny(*words, f"seed={number}", "callbacks.latent_maps=null", run_dir=run))
    return runs


@pytest.mark.slow
def test_a_sweep_on_a_server_of_mlflow(
    server: str, tmp_path: Path, tiny: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    runs = _sweep(tmp_path, tiny, "logger=mlflow")
    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("autoencoder")
    found = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert found.keys() == {"study", "a", "b"}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    parent = found["study"].info.run_id
    for number, run in enumerate(runs):
        there = found[run.name]
        assert there.info.run_id == (run / "mlflow_run_id").read_text().strip()
        assert there.data.tags["mlflow.parentRunId"] == parent
        assert there.data.tags["run_dir"] == str(run)
        assert there.data.params["seed"] == str(number)
        assert float(there.data.params["optimizer.lr"]) == 0.001
        assert {"train/loss", "val/loss", "test/mse"} <= there.data.metrics.keys()
        assert len(client.get_metric_history(there.info.run_id, "val/loss")) == 2
        assert not list(run.glob("mlruns"))
        files = {
            folder: {Path(file.path).name for file in client.list_artifacts(run_id, folder)}
            for run_id in [there.info.run_id]
            for folder in ("", "figures", "checkpoints", "images")
        }
        assert "config.yaml" in files[""]
        assert {"reconstructions.png", "loss_curve.png"} <= files["figures"]
        assert files["checkpoints"] == {"best.ckpt"}
        assert len(files["images"]) >= 2  # a grid an epoch
    saved = client.download_artifacts(found["a"].info.run_id, "checkpoints/best.ckpt", tmp_path)
    assert Path(saved).read_bytes() == (runs[0] / "checkpoints/best.ckpt").read_bytes()
    # One that goes on does so in the same run.
    (runs[0] / "metrics.json").unlink()
    train(tiny("logger=mlflow", "seed=0", "callbacks.latent_maps=null", run_dir=runs[0]))
    assert len(client.search_runs([experiment.experiment_id])) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    [
        "./mlruns",
        "http://127.0.0.1:9",
        "sqlite:////proc/no/such.db",
        "postgres://x",
        "nonsense://y",
    ],
)
def test_where_mlflow_keeps_nothing_ends_the_run_before_it_begins(
    place: str, tmp_path: Path, tiny: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(InstantiationException) as it:
        train(tiny("logger=mlflow", f"logger.mlflow.tracking_uri='{place}'"))
    cause = it.value.__cause__
    assert isinstance(cause, TrackerError)
    assert f"MLflow can't keep the run in {place}" in str(cause)
    assert "\n" not in str(cause)
    assert not (tmp_path / "run/.hydra").exists()


@pytest.mark.slow
def test_a_sweep_in_wandb_offline(tmp_path: Path, tiny: Compose) -> None:
    pytest.importorskip("wandb")
    runs = _sweep(tmp_path, tiny, "logger=wandb")
    for run in runs:
        (folder,) = (run / "wandb").glob("offline-run-*")
        name = (run / "wandb/run_id").read_text().strip()
        assert folder.name.endswith(name)
        (file,) = folder.glob("*.wandb")
        words = (b"study", b"test/mse", b"val/loss", b"test/reconstructions", b"optimizer.lr")
        for _ in range(100):  # its own process writes it, and is a little behind
            missing = {word for word in words if word not in file.read_bytes()}
            if not missing:
                break
            time.sleep(0.2)
        assert not missing
        pictures = {path.name for path in (folder / "files").rglob("*.png")}
        assert len([name for name in pictures if "reconstruction" in name]) >= 3
