"""The whole report, of runs on disk."""

import csv
import io
import json
import logging
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from autoencoder import runs
from autoencoder.data.sources import DataNotFoundError
from autoencoder.report import write_report
from autoencoder.report.measure import collection
from autoencoder.report.measure.collection import collect
from autoencoder.report.measure.settings import Settings, SettingsError
from autoencoder.runs import RunError
from tests.report.runs_on_disk import COMPACT, SETTINGS, WIDE, write_run, write_sweep


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep with caches."""
    sweep = write_sweep(tmp_path_factory.mktemp("sweeps") / "four")
    collect(sweep, SETTINGS, Console(file=io.StringIO()))
    return sweep


@pytest.fixture
def sweep(evaluated: Path, tmp_path: Path) -> Path:
    return shutil.copytree(evaluated, tmp_path / "four")


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=100)


def no_measuring(*args: object) -> None:
    raise AssertionError("measured again")


def test_a_sweep_makes_a_report_of_its_runs(
    sweep: Path, console: Console, caplog: pytest.LogCaptureFixture
) -> None:
    report = write_report(sweep, SETTINGS, console)
    assert report == sweep / "report/report.html"
    assert {path.name for path in report.parent.iterdir()} == {
        *("report.html", "report.md", "results.csv", "runs.csv", "figures")
    }
    html, markdown = report.read_text(), (report.parent / "report.md").read_text()
    for text in (html, markdown):
        assert "overcomplete" in text
        assert "PCA at 36 components" in text
        assert "4 runs" in text
        assert "SHA-256" in text
    assert "http://" not in html
    assert "https://" not in html
    for figure in (report.parent / "figures").iterdir():
        assert f"figures/{figure.name}" in markdown
        assert figure.stat().st_size > 1000
    assert len((report.parent / "results.csv").read_text().splitlines()) == 5
    printed = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert "channels [8,16], gaussian" in printed
    assert str(report) in printed.splitlines()
    assert max(map(len, printed.replace(str(report), "").splitlines())) <= 100
    assert [path.name for path in sweep.iterdir() if path.name.startswith(".")] == []


def test_one_classifier_judges_a_sweep(sweep: Path) -> None:
    assert len(list((sweep / "cache").glob("classifier-*.pt"))) == 1
    assert not list(sweep.glob("*/cache/classifier-*"))


def test_variational_runs_show_their_bounds(tmp_path: Path, console: Console) -> None:
    sizes = "model.channels=[4]", "model.latent_dim=5"
    write_run(tmp_path / "s/a", COMPACT)
    run = write_run(tmp_path / "s/b", "model=conditional_vae", *sizes)
    recorded = {"test/elbo": 601.25, "test/kl": 41.0, "test/active_units": 2.0}
    metrics = json.loads((run / runs.METRICS).read_text())
    (run / runs.METRICS).write_text(json.dumps(metrics | recorded))
    report = write_report(tmp_path / "s", SETTINGS, console)
    markdown = (report.parent / "report.md").read_text()
    for text in ("601.2", "ELBO", "Fréchet distance of real images", "has collapsed", "as asked"):
        assert text in markdown
    assert "IWAE" not in markdown
    # The label that is read off a latent may have been told to the encoder.
    rows = list(csv.DictReader((report.parent / "results.csv").open()))
    told = {
        row["run"]: [row[name] for name in ("knn", "linear_probe", "silhouette")] for row in rows
    }
    assert [any(values) for values in told.values()] == ["vae" not in name for name in told]


def test_one_run_makes_a_report(sweep: Path, console: Console) -> None:
    report = write_report(sweep / "compact_none", SETTINGS, console)
    assert len((report.parent / "results.csv").read_text().splitlines()) == 2


def test_a_report_takes_the_place_of_an_older_one(sweep: Path, console: Console) -> None:
    (sweep / "report/figures").mkdir(parents=True)
    (sweep / "report/figures/old.png").touch()
    (sweep / "report/report.html").touch()
    write_report(sweep, SETTINGS, console)
    assert not (sweep / "report/figures/old.png").exists()


def test_a_second_report_measures_nothing(
    sweep: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = collect(sweep, SETTINGS, console)
    for name in ("measure", "LinearMethods"):
        monkeypatch.setattr(collection, name, no_measuring)
    monkeypatch.setattr(collection, "load_run", no_measuring)
    second = collect(sweep, SETTINGS, console)
    assert not second.left_out
    for before, after in zip(first.evaluations, second.evaluations, strict=True):
        assert repr(before.columns) == repr(after.columns)
        assert before.robustness == after.robustness
        assert (before.latents == after.latents).all()
        assert (before.worst.reconstructions == after.worst.reconstructions).all()
        assert before.classes == after.classes
    assert repr(first.floors) == repr(second.floors)


def test_another_checkpoint_is_measured_again(sweep: Path, console: Console) -> None:
    before = collect(sweep, SETTINGS, console).evaluations[0].columns["mse"]
    other = write_run(sweep.parent / "other", COMPACT, "noise=gaussian", seed=1)
    shutil.copy(other / runs.BEST, sweep / "compact_gaussian" / runs.BEST)
    assert collect(sweep, SETTINGS, console).evaluations[0].columns["mse"] != before
    assert len(list((sweep / "compact_gaussian/cache").glob("*.npz"))) == 1


def test_a_broken_cache_is_measured_again(sweep: Path, console: Console) -> None:
    before = collect(sweep, SETTINGS, console)
    for path in sweep.rglob("cache/*"):
        path.write_bytes(path.read_bytes()[:100])
    after = collect(sweep, SETTINGS, console)
    assert repr(before.evaluations[0].columns) == repr(after.evaluations[0].columns)
    assert repr(before.floors) == repr(after.floors)


def test_a_sweep_may_be_moved(sweep: Path, console: Console) -> None:
    moved = sweep.rename(sweep.parent / "moved")
    assert len(collect(moved, SETTINGS, console).evaluations) == 4


def test_what_is_broken_is_left_out_with_a_reason(sweep: Path, console: Console) -> None:
    (sweep / "compact_gaussian/metrics.json").unlink()
    shutil.copy(sweep / "wide_none" / runs.BEST, sweep / "compact_none" / runs.BEST)
    (sweep / "wide_gaussian" / runs.CONFIG).write_text("model: {}")
    evaluations, _, left_out = collect(sweep, SETTINGS, console)
    assert [run.path.name for run in evaluations] == ["wide_none"]
    reasons = {path.name: reason for path, reason in left_out.items()}
    assert reasons["compact_gaussian"] == "is not finished"
    assert "best.ckpt does not fit the model" in reasons["compact_none"]
    assert "lacks data, noise, optimizer" in reasons["wide_gaussian"]
    assert all("\n" not in reason for reason in reasons.values())


def test_a_damaged_side_file_costs_no_report(
    sweep: Path, console: Console, caplog: pytest.LogCaptureFixture
) -> None:
    (sweep / "compact_gaussian" / runs.METRICS).write_text("[1]")
    (sweep / "wide_none" / runs.ENVIRONMENT).write_text('{"date": ')
    (sweep / "wide_none" / runs.HISTORY).write_text("epoch,val/loss\n1,0.2\n2,o.1\n")
    config = sweep / "wide_gaussian" / runs.CONFIG
    config.write_text(config.read_text().replace("\nseed: 0", "\nseed: x"))
    report = write_report(sweep, SETTINGS, console)
    for said in ("compact_gaussian/metrics.json can't be read", "its seed is no whole number"):
        assert said in (report.parent / "report.md").read_text()
    for named in (runs.ENVIRONMENT, runs.HISTORY):
        assert f"{sweep / 'wide_none' / named} can't be read" in caplog.text
    with (sweep / "report/results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2


def test_a_sweep_of_broken_runs_is_an_error(sweep: Path, console: Console) -> None:
    for path in sweep.rglob("best.ckpt"):
        path.unlink()
    with pytest.raises(RunError, match="no run in it can be reported") as error:
        collect(sweep, SETTINGS, console)
    assert str(error.value).count("best.ckpt is missing") == 4


def test_missing_data_is_looked_for_once(
    sweep: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(sweep / "compact_none/cache")
    shutil.rmtree(sweep / "wide_none/cache")
    asked = []

    def missing(*args: object) -> None:
        asked.append(args)
        raise DataNotFoundError("The files were not found. Tried:\n  here\n  there")

    monkeypatch.setattr(collection, "load_run", missing)
    evaluations, _, left_out = collect(sweep, SETTINGS, console)
    assert len(evaluations) == 2
    assert list(left_out.values()) == ["The files were not found. Tried:; here; there"] * 2
    assert len(asked) == 1


def test_floors_that_cannot_be_measured_any_more_cost_no_report(
    sweep: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (sweep / "cache").glob("floors-*"):
        path.unlink()

    def missing(*args: object) -> None:
        raise DataNotFoundError("The files were not found.")

    monkeypatch.setattr(collection, "load_run", missing)
    report = write_report(sweep, SETTINGS, console)
    words = " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]  # a StringIO
    assert "Left out: the floors of SyntheticGarments: The files were not found." in words
    rows = list(csv.DictReader((report.parent / "results.csv").open()))
    assert {row["pca_mse"] for row in rows} == {""}
    assert all(float(row["mse"]) > 0 for row in rows)


def test_runs_of_different_data_have_floors_of_their_own(sweep: Path, console: Console) -> None:
    write_run(sweep / "larger", COMPACT, "data.image_size=16")
    evaluations, floors, left_out = collect(sweep, SETTINGS, console)
    assert not left_out
    assert len(floors) == 2
    write_report(sweep, SETTINGS, console)
    assert [run.columns["latent_size"] for run in evaluations if run.path.name == "larger"] == [64]


def test_seeds_make_one_row(tmp_path: Path, console: Console) -> None:
    for seed in (0, 1, 2):
        write_run(tmp_path / f"s/{seed}", WIDE, seed=seed)
    report = write_report(tmp_path / "s", SETTINGS, console)
    lines = (report.parent / "results.csv").read_text().splitlines()
    assert len(lines) == 2
    assert ",3,0 1 2," in lines[1]
    assert len((report.parent / "runs.csv").read_text().splitlines()) == 4


def test_the_best_is_not_what_metrics_json_claims(tmp_path: Path, console: Console) -> None:
    write_run(tmp_path / "a", WIDE, mse=1e-6)
    write_report(tmp_path / "a", SETTINGS, console)
    assert "Doubtful" in console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO


def test_progress_is_logged_where_no_terminal_shows_it(
    tmp_path: Path, console: Console, caplog: pytest.LogCaptureFixture
) -> None:
    run = write_run(tmp_path / "a", WIDE)
    with caplog.at_level(logging.INFO):
        collect(run, SETTINGS, console)
    assert "1 of 1: a: mapping 40 latents with t-SNE" in caplog.messages


def test_progress_is_shown_on_a_terminal(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", WIDE)
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)
    collect(run, SETTINGS, terminal)
    assert "1 of 1: a:" in terminal.file.getvalue()  # type: ignore[attr-defined]  # a StringIO


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_points", 3), ("batch_size", 0), ("noise_stds", (0.1, -1)), ("samples_per_class", 0)],
)
def test_settings_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings(**vars(SETTINGS) | {name: value})


def test_the_cache_is_readable_without_this_package(sweep: Path) -> None:
    import numpy as np

    cached = next((sweep / "wide_none/cache").glob("*.npz"))
    facts = json.loads(str(np.load(cached)["facts"]))
    assert facts["columns"]["latent_size"] == 144
