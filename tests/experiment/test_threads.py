"""The threads of a run: chosen when it starts, and kept."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_info

from autoencoder import runs
from autoencoder.experiment import threads
from autoencoder.experiment.threads import set_threads
from autoencoder.experiment.train import train
from tests.conftest import Compose


@pytest.fixture(autouse=True)
def on_four_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(threads, "cores", lambda: 4)
    monkeypatch.setattr(threads, "_TOLD", None)
    yield
    set_threads(1)


def recorded(run: Path, n_threads: object) -> Path:
    values = {"threads": n_threads, "date": "", "processor": "", "gpus": ""}
    (run / runs.ENVIRONMENT).parent.mkdir()
    (run / runs.ENVIRONMENT).write_text(json.dumps(values))
    return run


def test_who_shares_out_the_cores_is_obeyed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threads, "_TOLD", 2)
    assert set_threads("auto") == 2
    assert set_threads(3) == 3
    assert not caplog.text
    assert set_threads("auto", recorded(tmp_path, "3")) == 2
    assert "2 threads instead of 3" in caplog.text


def test_processes_of_ones_own_take_no_core_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "free_cores", lambda: 1)
    assert set_threads("auto", alone=False) == 4


def test_a_run_goes_on_with_as_many(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threads, "free_cores", lambda: 1)
    run = recorded(tmp_path, "3")
    assert set_threads("auto", run) == 3
    assert {library["num_threads"] for library in threadpool_info()} == {3}
    assert set_threads(2, run) == 2
    assert not caplog.text
    (run / runs.ENVIRONMENT).write_text("{}")
    assert set_threads("auto", run) == 1


def test_more_than_there_are_cores_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert set_threads("auto", recorded(tmp_path, 8)) == 4
    assert "4 threads instead of 8" in caplog.text
    assert set_threads(9) == 4
    assert "4 threads instead of 9" in caplog.text


def test_what_is_saved_repeats_the_run_with_as_many(
    tiny: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "free_cores", lambda: 2)
    cfg = tiny(
        "threads=auto", "trainer.fast_dev_run=true", "logger=none", "callbacks.latent_maps=null"
    )
    run = Path(cfg.run_dir)
    train(cfg.copy())
    assert runs.read_config(run).threads == 2
    assert runs.read_environment(run)["threads"] == "2"

    monkeypatch.setattr(threads, "free_cores", lambda: 1)
    (run / "metrics.json").unlink()
    train(cfg.copy())
    assert torch.get_num_threads() == 2
    cfg.overwrite = True
    train(cfg)
    assert torch.get_num_threads() == 1
