"""What is said and written at the end of a sweep."""

import csv
import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from rich.console import Console

from autoencoder import report
from autoencoder.commandline import signals
from autoencoder.commandline.configs import CONF_DIR
from autoencoder.report.measure.settings import Settings
from autoencoder.sweeps.summary import SweepSummary, summarize
from tests.report.runs_on_disk import COMPACT, SMALL, WIDE, write_run


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=100)


def printed(console: Console) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]  # a StringIO


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sweep = tmp_path_factory.mktemp("sweeps") / "s"
    write_run(sweep / "noisy", COMPACT, "noise=gaussian", mse=0.01)
    for seed, mse in ((0, 0.02), (1, 0.03)):
        write_run(sweep / f"clean{seed}", COMPACT, "noise=none", seed=seed, mse=mse)
    return sweep


@pytest.fixture
def sweep(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "s")


def test_finished_runs_are_in_the_table_and_in_results_csv(sweep: Path, console: Console) -> None:
    assert summarize(sweep, console)
    rows = list(csv.DictReader((sweep / "results.csv").open()))
    # Sorted by noise first: the noisy one has the harder task, whatever its error.
    assert [row["run"] for row in rows] == ["no noise", "gaussian"]
    assert (rows[0]["n"], rows[0]["seeds"], float(rows[0]["test/mse"])) == ("2", "0 1", 0.025)
    assert float(rows[0]["test/mse_std"]) == pytest.approx(0.0070710678)
    assert rows[1]["test/mse_std"] == ""
    assert rows[1]["noise"] == "gaussian"
    assert "0.0250 ± 0.0071" in printed(console)
    assert max(map(len, printed(console).replace(str(sweep), "").splitlines())) <= 100


def test_results_load_in_pandas(sweep: Path, console: Console) -> None:
    pandas = pytest.importorskip("pandas")
    summarize(sweep, console)
    assert pandas.read_csv(sweep / "results.csv")["test/mse"].tolist() == [0.025, 0.01]


def test_unfinished_runs_are_listed(sweep: Path, console: Console) -> None:
    (sweep / "clean1/metrics.json").unlink()
    (sweep / "noisy/.hydra/config.yaml").write_text("nothing: 1")
    summarize(sweep, console)
    assert "not finished: clean1: is not finished" in printed(console)
    assert "not finished: noisy: .hydra/config.yaml lacks" in printed(console)


def test_a_folder_without_runs_is_passed_over(tmp_path: Path, console: Console) -> None:
    assert not summarize(tmp_path, console)
    assert printed(console) == ""


def test_a_sweep_that_never_began_says_nothing(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    callback = SweepSummary(report=False)
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(sweep)}}})
    callback.on_multirun_start(config)
    callback.on_multirun_end(config)
    assert capsys.readouterr().out == ""
    (sweep / "noisy/train.log").write_text("epoch 1")
    callback.on_multirun_end(config)
    assert "gaussian" in capsys.readouterr().out


def test_the_report_is_as_asked_and_none_of_a_sweep_that_was_stopped(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Settings] = []
    monkeypatch.setattr(report, "write_report", lambda path, settings, _: asked.append(settings))
    callback = SweepSummary(report=True, trust=["mine"])
    callback.on_multirun_start(OmegaConf.create({"hydra": {"sweep": {"dir": str(sweep)}}}))
    (sweep / "noisy/train.log").write_text("epoch 1")
    callback.on_multirun_end(OmegaConf.create())
    assert [settings.trust for settings in asked] == [("mine",)]
    monkeypatch.setattr(signals, "_received", [15])
    callback.on_multirun_end(OmegaConf.create())
    assert len(asked) == 1


@pytest.mark.slow
def test_a_sweep_with_a_failure_is_summed_up(tmp_path: Path) -> None:
    command = [
        *(sys.executable, str(CONF_DIR.parent / "train.py"), "-m", "name=s", *SMALL),
        *("trainer.max_epochs=1", "callbacks.latent_maps=null", "report=true"),
        f"{COMPACT},{WIDE.partition('=')[2]},[0]",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    printed = " ".join(done.stdout.split())
    for text in ("channels [4,4]", "channels [8,16]", "failed: model: channels must be"):
        assert text in printed
    sweep = tmp_path / "multirun/s"
    assert len((sweep / "results.csv").read_text().splitlines()) == 3
    assert (sweep / "report/report.html").exists()


def test_it_imports_no_torch() -> None:
    code = "import sys, autoencoder.sweeps.summary; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
