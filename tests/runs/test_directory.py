"""Finding runs, and loading them from their directories."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from autoencoder import runs
from autoencoder.data.idx import IdxFiles
from autoencoder.data.sources import DataNotFoundError
from autoencoder.experiment.build import load_run
from autoencoder.runs import RunError, find_runs
from autoencoder.runs.labels import describe
from tests.report.runs_on_disk import COMPACT, WIDE, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "sweep/a", COMPACT, "noise=gaussian")


def test_a_run_is_found_by_itself_and_in_its_sweep(run: Path) -> None:
    other = write_run(run.parent / "b", WIDE)
    assert find_runs(run) == ([run], {})
    assert find_runs(run.parent) == ([run, other], {})
    assert find_runs(run.parent.parent) == ([run, other], {})


def test_the_report_and_the_cache_of_a_run_are_no_runs(run: Path) -> None:
    for folder in ("report/figures", "cache"):
        (run.parent / folder).mkdir(parents=True)
    assert find_runs(run.parent).finished == [run]


def test_unfinished_runs_come_with_the_reason(run: Path) -> None:
    unfinished = shutil.copytree(run, run.parent / "b")
    (unfinished / "metrics.json").unlink()
    (unfinished / "train.log").write_text("epoch 1\nepoch 2\n\n")
    broken = shutil.copytree(run, run.parent / "c")
    (broken / "metrics.json").write_text('{"test/mse": ')
    never_started = run.parent / "d"
    never_started.mkdir()
    (never_started / "train.log").write_text("error: no such thing")
    finished, reasons = find_runs(run.parent)
    assert finished == [run]
    assert reasons[unfinished] == "is not finished; the last line of train.log: epoch 2"
    assert "metrics.json can't be read" in reasons[broken]
    assert reasons[never_started].startswith("failed before it was started")
    assert "no such thing" in reasons[never_started]


@pytest.mark.parametrize("path", ["nowhere", "empty"])
def test_a_path_that_is_no_run_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match=path):
        find_runs(tmp_path / path)


def test_a_loaded_run_reconstructs_as_it_did(run: Path) -> None:
    model, data = load_run(run)
    images, corrupted, labels = (data.test.images, data.test.corrupted, data.test.labels)
    error = (model(corrupted, labels) - images / 255).square().mean().item()
    assert error == json.loads((run / "metrics.json").read_text())["test/mse"]
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not torch.equal(corrupted, images / 255)


def test_a_checkpoint_of_another_model_is_refused(run: Path) -> None:
    other = write_run(run.parent / "b", WIDE)
    shutil.copy(other / runs.BEST, run / runs.BEST)
    with pytest.raises(RunError, match=r"best.ckpt does not fit the model.*size mismatch"):
        load_run(run)


def test_half_a_checkpoint_is_refused(run: Path) -> None:
    (run / runs.BEST).write_bytes((run / runs.BEST).read_bytes()[:500])
    with pytest.raises(RunError, match=r"best.ckpt does not fit"):
        load_run(run)


def test_the_best_checkpoint_is_taken_and_the_last_where_none_was_chosen(run: Path) -> None:
    (run / runs.LAST).touch()
    assert runs.checkpoint(run) == run / runs.BEST
    (run / runs.BEST).unlink()
    assert runs.checkpoint(run) == run / runs.LAST


def test_a_run_without_checkpoints_is_refused(run: Path) -> None:
    (run / runs.BEST).unlink()
    with pytest.raises(RunError, match=r"best.ckpt is missing"):
        load_run(run)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("a: [", "can't be read"),
        ("data: {}\nnoise: {}", "lacks model"),
        ("[1]", "lacks data"),
        ("", "lacks data"),
    ],
)
def test_a_broken_config_is_refused(run: Path, config: str, said: str) -> None:
    (run / runs.CONFIG).write_text(config)
    with pytest.raises(RunError, match=said):
        load_run(run)


def test_the_data_may_lie_elsewhere(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOENCODER_DATA", raising=False)
    asked = []

    def load(files: IdxFiles, root: Path, download: bool) -> None:
        asked.append(root)
        raise DataNotFoundError("nothing there")

    monkeypatch.setattr("autoencoder.data.published.load_idx", load)
    cfg = runs.read_config(run)
    cfg.data = {
        "_target_": "autoencoder.data.FashionMNIST",
        **{"root": "old", "batch_size": 8, "val_size": 8, "seed": 0, "split_seed": 0},
        "num_workers": 0,
    }
    OmegaConf.save(cfg, run / runs.CONFIG)
    for root in (None, "new"):
        with pytest.raises(DataNotFoundError):
            load_run(run, root)
    monkeypatch.setenv("AUTOENCODER_DATA", "here")
    with pytest.raises(DataNotFoundError):
        load_run(run)
    assert asked == [Path("old"), Path("new"), Path("here")]


def test_a_run_says_what_it_ran_on(run: Path) -> None:
    recorded = runs.read_environment(run)
    assert recorded["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert {"date", "python", "processor", "gpus"} <= set(recorded)
    (run / runs.ENVIRONMENT).unlink()
    assert runs.read_environment(run) == {}


@pytest.mark.parametrize(
    ("name", "damaged", "read"),
    [
        (runs.ENVIRONMENT, "{", runs.read_environment),
        (runs.ENVIRONMENT, "[1]", runs.read_environment),
        (runs.ENVIRONMENT, '{"date": "2026"}', runs.read_environment),
        (runs.HISTORY, "epoch,train/loss\n1,0.2x\n", runs.read_history),
        (runs.HISTORY, "epoch\n1,2,3\n", runs.read_history),
        (runs.OVERRIDES, "[", runs.read_overrides),
        (runs.OVERRIDES, "7", runs.read_overrides),
        (runs.HYDRA, "hydra: [1]", runs.read_choices),
        (runs.HYDRA, "{}", runs.read_choices),
        (runs.HYDRA, "\xff", runs.read_choices),
    ],
)
def test_a_damaged_file_beside_the_numbers_is_left_out_and_named(
    run: Path,
    name: Path,
    damaged: str,
    read: Callable[[Path], object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    (run / name).write_bytes(damaged.encode("latin-1"))
    assert not read(run)
    assert f"{run / name} can't be read" in caplog.text
    assert len(caplog.records) == 1
    (run / name).unlink()
    assert not read(run)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("damaged", ["[1]", "3", '{"test/mse": "x"}', '{"test/mse": null}', "{"])
def test_damaged_metrics_are_no_numbers(run: Path, damaged: str) -> None:
    (run / runs.METRICS).write_text(damaged)
    finished, reasons = find_runs(run)
    assert not finished
    assert "metrics.json can't be read" in reasons[run]
    with pytest.raises(RunError, match="can't be read"):
        runs.read_metrics(run)


@pytest.mark.parametrize(
    ("key", "value"), [("seed", "x"), ("seed", [0]), ("model", [1]), ("noise", "x"), ("data", None)]
)
def test_a_config_that_is_none_is_refused(run: Path, key: str, value: object) -> None:
    values = OmegaConf.to_container(runs.read_config(run))
    assert isinstance(values, dict)
    OmegaConf.save(OmegaConf.create({**values, key: value}), run / runs.CONFIG)
    with pytest.raises(RunError, match=key):
        describe(run)
