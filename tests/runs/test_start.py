"""Taking a run directory, or leaving it to whom it belongs."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoencoder import runs
from autoencoder.runs import RunConflictError, RunError
from tests.conftest import Compose
from tests.report.runs_on_disk import COMPACT, write_run


@pytest.fixture(scope="module")
def dead() -> int:
    """The id of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_dead_processes_left_is_cleared_and_nothing_else(
    tiny: Compose, tmp_path: Path, dead: int
) -> None:
    alive = os.getppid()
    run = tmp_path / "run"
    left = [
        f".{dead}.metrics.json", f".{dead}.metrics.csv", f".{dead}.error.txt",
        f".{dead}.report/figures/error.png", f".{dead}.report.old/report.html",
        f"checkpoints/.{dead}.best.ckpt",
        f"figures/.{dead}.loss_curve.png", f"cache/.{dead}.ab-12.npz",
        f"cache/.{dead}.ab-12.latents.npy", f".hydra/.{dead}.config.yaml",
        f".hydra/experiment/.{dead}.this.yaml",
    ]  # fmt: skip
    others = [
        ".2fa.json", "sub/.3d.model.txt", f".{alive}.metrics.json", f".{dead}.thesis.txt",
        f"sub/.{dead}.metrics.json", f"checkpoints/.{alive}.best.ckpt", f"figures/.{dead}.mine.svg",
        f"figures/sub/.{dead}.mine.png", f"notes/.{dead}.report/page.html", "checkpoints/last.ckpt",
        f".0{dead}x.metrics.json", f".{10**30}.metrics.json",
    ]  # fmt: skip
    for name in [*left, *others]:
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text(name)
    runs.start(tiny(run_dir=run))
    assert not files(run) & set(left)
    assert not list(run.glob(f".{dead}.report"))
    assert set(others) <= files(run)


def test_folders_behind_links_are_not_cleared(tiny: Compose, tmp_path: Path, dead: int) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / f"theirs/.{dead}.best.ckpt").touch()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/checkpoints").symlink_to(tmp_path / "theirs")
    (tmp_path / f"run/.{dead}.report").symlink_to(tmp_path / "theirs")
    runs.start(tiny())
    assert (tmp_path / f"theirs/.{dead}.best.ckpt").exists()
    assert not (tmp_path / f"run/.{dead}.report").is_symlink()


@pytest.mark.parametrize("name", ["checkpoints", "report", ".hydra", "metrics.json"])
def test_a_link_is_not_overwritten_and_nothing_is_lost(
    tiny: Compose, tmp_path: Path, name: str
) -> None:
    run = write_run(tmp_path / "run", COMPACT)
    behind = tmp_path / "behind"
    (run / name).rename(behind) if (run / name).exists() else behind.mkdir()
    (run / name).symlink_to(behind)
    before = files(tmp_path)
    cfg = tiny("overwrite=true")
    for refused in (runs.finished, runs.start):
        with pytest.raises(RunConflictError, match=f"{name} is a link") as error:
            refused(cfg)
        assert "\n" not in str(error.value)
        assert files(tmp_path) == before


def test_a_folder_that_is_no_run_is_not_overwritten(tiny: Compose, tmp_path: Path) -> None:
    thesis = tmp_path / "run"
    for name in ("report/page.html", "figures/a.png", "notes.txt", "train.log"):
        (thesis / name).parent.mkdir(parents=True, exist_ok=True)
        (thesis / name).touch()
    before = files(thesis)
    cfg = tiny("overwrite=true")
    for refused in (runs.finished, runs.start):
        with pytest.raises(RunConflictError, match="is no run"):
            refused(cfg)
    assert files(thesis) == before


@pytest.mark.parametrize(
    "there",
    [
        [],
        ["train.log", ".lock", "error.txt"],  # of a run that failed before it was started
        ["train.log", ".hydra/environment.json"],  # killed while it was overwritten
        [".hydra/config.yaml", "notes.txt"],
        ["metrics.json"],
    ],
)
def test_a_run_or_nothing_is_overwritten(tiny: Compose, tmp_path: Path, there: list[str]) -> None:
    for name in there:
        (tmp_path / "run" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "run" / name).touch()
    cfg = tiny("overwrite=true")
    assert runs.finished(cfg) is None
    runs.start(cfg)
    assert not (tmp_path / "run/metrics.json").exists()
    assert (tmp_path / "run/.hydra/config.yaml").stat().st_size > 1000
    assert (tmp_path / "run/notes.txt").exists() == ("notes.txt" in there)


@pytest.mark.parametrize("refused_by", ["lock", "config"])
def test_who_is_refused_writes_nothing_into_the_log_of_the_owner(
    tiny: Compose, tmp_path: Path, refused_by: str
) -> None:
    run = tmp_path / "run"
    cfg = tiny()
    runs.start(cfg)
    (run / "train.log").write_text("epoch 1\n")
    # As Hydra has set it up before a run begins.
    ours, other = logging.FileHandler(run / "train.log"), logging.FileHandler(tmp_path / "all.log")
    logger = logging.getLogger()
    for handler in (ours, other):
        logger.addHandler(handler)
    try:
        with runs.locked(run):
            if refused_by == "lock":
                with pytest.raises(RunConflictError), runs.locked(run):
                    pass
            else:
                with pytest.raises(RunConflictError):
                    runs.finished(tiny("seed=1"))
        logger.warning("failed: refused")
    finally:
        for handler in (ours, other):
            logger.removeHandler(handler)
    assert (run / "train.log").read_text() == "epoch 1\n"
    assert "refused" in (tmp_path / "all.log").read_text()


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    (tmp_path / ".lock").symlink_to(tmp_path / "letter")
    with pytest.raises(OSError, match="is a link"), runs.locked(tmp_path):
        pass
    assert (tmp_path / "letter").read_text() == "dear"


def test_a_directory_whose_config_is_damaged_is_refused(tiny: Compose, tmp_path: Path) -> None:
    (tmp_path / "run/.hydra").mkdir(parents=True)
    (tmp_path / "run/.hydra/config.yaml").write_text("model: [")
    with pytest.raises(RunError, match="can't be read"):
        runs.finished(tiny())
