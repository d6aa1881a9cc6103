"""The reference table: what its page says is in its report, and the report is of its runs."""

import csv
import json
import re
import statistics

import pytest
from omegaconf import OmegaConf

from benchmarks.reference_table import MARKED, PAGE, RESULTS, table

REFERENCE = RESULTS.parent.parent
# Of metrics.json and of the report's table: what was measured at the end of a run, and by the
# report, in batches of other sizes.
MEASURED = {"test/mse": "mse", "test/psnr": "psnr", "test/clean_mse": "clean_mse"}
RECORDED = {"test/elbo": "elbo", "test/iwae": "iwae", "parameters": "parameters"}


def rows(name: str) -> list[dict[str, str]]:
    with (RESULTS.parent / name).open(newline="") as file:
        return list(csv.DictReader(file))


def metrics(folder: str) -> dict[str, float]:
    found: dict[str, float] = json.loads((REFERENCE / folder / "metrics.json").read_text())
    return found


def test_the_page_shows_the_results() -> None:
    found = MARKED.search(PAGE.read_text())
    assert found is not None
    assert found[2] == table()


def test_every_run_is_in_the_table_and_was_trained_as_its_config_says() -> None:
    runs = rows("runs.csv")
    finished = sorted(path.parent.name for path in REFERENCE.glob("*/metrics.json"))
    assert sorted(run["folder"] for run in runs) == finished
    for run in runs:
        config = OmegaConf.load(REFERENCE / run["folder"] / ".hydra/config.yaml")
        assert str(config.seed) == run["seed"]
        assert config.trainer.max_epochs == 20
        assert metrics(run["folder"])["epochs"] == 20
        assert "/" not in config.data.root


@pytest.mark.parametrize(("metric", "column"), [*MEASURED.items(), *RECORDED.items()])
def test_results_are_the_means_of_the_runs(metric: str, column: str) -> None:
    runs = rows("runs.csv")
    compared = 0
    for row in rows("results.csv"):
        members = [run for run in runs if run["group"] == row["run"]]
        assert row["seeds"].split() == [run["seed"] for run in members]
        assert int(row["n"]) == len(members)
        values = [metrics(run["folder"]).get(metric) for run in members]
        if None in values:
            assert not row[column]
            continue
        expected = statistics.fmean(value for value in values if value is not None)
        assert float(row[column]) == pytest.approx(expected, rel=1e-4)
        compared += 1
    assert compared


def test_the_report_and_its_figures_are_there_and_small() -> None:
    report = [path for path in RESULTS.parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in report) < 10e6
    page = (RESULTS.parent / "report.md").read_text()
    figures = [RESULTS.parent / name for name in re.findall(r"\((figures/.*?)\)", page)]
    shown = re.findall(r"multirun/reference/report/(figures/.*?\.png)", PAGE.read_text())
    assert len(shown) == 3
    assert {*figures} >= {RESULTS.parent / name for name in shown}
    assert all(figure.is_file() for figure in figures)
