"""One GPU a run, without any GPU."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from autoencoder.experiment import gpus, train
from tests.conftest import Compose


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))


@pytest.mark.usefixtures("three_gpus")
def test_runs_get_gpus_in_turn_and_those_that_end_give_theirs_back() -> None:
    with ExitStack() as runs:
        assert [runs.enter_context(gpus.own_gpu()) for _ in range(2)] == [0, 1]
        with gpus.own_gpu() as gpu:
            assert gpu == 2
        with gpus.own_gpu() as gpu:
            assert gpu == 2
            assert [runs.enter_context(gpus.own_gpu()) for _ in range(3)] == [0, 1, 2]


@pytest.mark.usefixtures("three_gpus")
def test_a_run_on_one_of_several_gpus_says_nothing_of_it_in_its_config(tiny: Compose) -> None:
    cfg = tiny("trainer=default")
    with train._placed(cfg) as first, train._placed(cfg) as second:
        assert (first.trainer.devices, second.trainer.devices) == ([0], [1])
    assert cfg.trainer.devices == 1


@pytest.mark.usefixtures("three_gpus")
@pytest.mark.parametrize("overrides", [["trainer=cpu"], ["trainer=ddp"], ["trainer.devices=[2]"]])
def test_other_runs_get_the_devices_that_they_ask_for(tiny: Compose, overrides: list[str]) -> None:
    cfg = tiny(*overrides)
    with train._placed(cfg) as placed:
        assert placed is cfg


@pytest.mark.usefixtures("three_gpus")
def test_a_folder_of_locks_that_another_has_laid_is_refused(tmp_path: Path) -> None:
    (tmp_path / "behind").mkdir()
    (tmp_path / f"autoencoder-gpus-{os.getuid()}").symlink_to(tmp_path / "behind")
    with pytest.raises(gpus.GpuLockError, match="is a link"), gpus.own_gpu():
        pass
    assert not list((tmp_path / "behind").iterdir())


@pytest.mark.usefixtures("three_gpus")
def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / f"autoencoder-gpus-{os.getuid()}"
    folder.mkdir()
    (tmp_path / "letter").write_text("dear")
    (folder / "0.lock").symlink_to(tmp_path / "letter")
    with pytest.raises(OSError, match="is a link"), gpus.own_gpu():
        pass
    assert (tmp_path / "letter").read_text() == "dear"
