"""The report of runs that are still trained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from autoencoder import runs
from autoencoder.commandline.configs import CONF_DIR
from autoencoder.commandline.signals import Stopped
from autoencoder.report.measure.settings import SettingsError
from autoencoder.report.write.page import Content, render_html
from autoencoder.sweeps import watch as watching
from autoencoder.sweeps.watch import look, watch


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep of four runs, started this moment."""
    folder = tmp_path / "sweep"
    folder.mkdir()
    config = {
        "pairs": None,
        "hydra": {"sweeper": {"params": {"model": "a,b"}}, "overrides": {"task": ["seed=0,1"]}},
    }
    OmegaConf.save(config, folder / "multirun.yaml")
    return folder


def start(run: Path) -> None:
    (run / runs.CONFIG).parent.mkdir(parents=True)
    (run / runs.CONFIG).touch()


def finish(run: Path) -> None:
    start(run)
    (run / runs.METRICS).write_text(json.dumps({"test/mse": 0.1}))


def config(run: Path, **values: Any) -> DictConfig:
    cfg = OmegaConf.load(CONF_DIR / "evaluate.yaml")
    del cfg["hydra"], cfg["defaults"]
    assert isinstance(cfg, DictConfig)
    cfg.merge_with({"run": str(run), "watch": True, "prior": {}})
    cfg.merge_with(values)
    return cfg


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the page says of how far the runs are, each time that it is written."""
    said = []

    def write_report(path: Path, settings: Any, *, out: Path | None, watched: str = "") -> Path:
        said.append(watched.partition(", ")[2])
        page = (out or path / "report") / "report.html"
        page.parent.mkdir(exist_ok=True)
        page.write_text(render_html(Content(title="t", watched=watched)))
        return page

    monkeypatch.setattr(watching, "write_report", write_report)
    return said


def meanwhile(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
    """Does one thing in each wait between two looks, and has no more than those waits."""
    left = iter(steps)
    monkeypatch.setattr(watching.time, "sleep", lambda _: next(left)())


def test_a_sweep_is_counted_before_its_runs_are_there(sweep: Path) -> None:
    assert look(sweep) == ({}, 0, 4)
    finish(sweep / "0")
    start(sweep / "1")
    start(sweep / "2")
    (sweep / "2" / runs.ERROR).write_text("no")
    stand = look(sweep)
    assert (list(stand.finished), stand.ended, stand.total) == ([sweep / "0"], 2, 4)
    # Another sweep beside it, of more runs than it was last started for.
    for number in range(6):
        finish(sweep.parent / f"other/{number}")
    (sweep.parent / "other/multirun.yaml").write_text((sweep / "multirun.yaml").read_text())
    assert look(sweep.parent)[1:] == (8, 10)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(runs.RunError, match="neither a run nor a sweep"):
        look(tmp_path)


@pytest.mark.parametrize("text", ["[", "hydra: {}", "hydra: {sweeper: {params: {model: 'a,'}}}"])
def test_a_sweep_that_cannot_be_counted_has_the_runs_that_are_there(sweep: Path, text: str) -> None:
    (sweep / "multirun.yaml").write_text(text)
    start(sweep / "0")
    assert look(sweep).total == 1


def test_a_sweep_that_is_about_to_begin_is_waited_for(
    sweep: Path,
    written: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    later = sweep.rename(sweep.with_name("later"))

    def finish_all() -> None:
        for number in range(4):
            finish(sweep / str(number))

    # There, empty; with its config; with its runs.
    meanwhile(monkeypatch, sweep.mkdir, lambda: later.replace(sweep), finish_all, int)
    caplog.set_level("INFO")
    watch(config(sweep))
    assert written == ["4 of 4 runs finished", ""]
    assert caplog.messages == [
        f"{sweep}: no such directory; waiting a minute for it to be there",
        f"{sweep}: 0 of 4 runs finished; the report comes with the first",
    ]


def test_a_folder_that_does_not_come_is_refused_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, int, int)
    with pytest.raises(runs.RunError, match="no such directory"):
        watch(config(tmp_path / "misspelt"), seconds=5, patience=10)


def test_the_report_is_written_when_a_run_has_finished_and_in_the_end(
    sweep: Path, written: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish_two() -> None:
        (sweep / "1" / runs.METRICS).write_text("{}")
        finish(sweep / "2")

    def fail() -> None:
        start(sweep / "3")
        (sweep / "3" / runs.ERROR).write_text("no")

    meanwhile(
        monkeypatch,
        lambda: None,
        lambda: finish(sweep / "0"),
        lambda: start(sweep / "1"),
        finish_two,
        fail,
    )
    page = watch(config(sweep))
    assert written == ["1 of 4 runs finished", "3 of 4 runs finished", ""]
    assert page == sweep / "report/report.html"
    assert "data-again=" not in page.read_text().partition("<script")[0]


def test_who_stops_it_leaves_a_page_that_loads_itself_no_more(
    sweep: Path, written: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = []
    out = sweep.parent / "out"

    def stop() -> None:
        pages.append((out / "report.html").read_text())
        raise Stopped(130)

    finish(sweep / "0")
    meanwhile(monkeypatch, stop)
    with pytest.raises(Stopped):
        watch(config(sweep, out=str(out)))
    pages.append((out / "report.html").read_text())
    assert written == ["1 of 4 runs finished"]
    assert ['data-again="30"' in page for page in pages] == [True, False]
    assert all("1 of 4 runs finished" in page for page in pages)


def test_values_are_checked_before_the_first_look(sweep: Path) -> None:
    for wrong in ({"watch": "no"}, {"knn_points": 0}):
        with pytest.raises(SettingsError):
            watch(config(sweep, **wrong))
