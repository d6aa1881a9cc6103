"""The table: groups over the seed, order, the best numbers, and its formats."""

import csv
import dataclasses
import io
import math
import statistics

import pytest
from rich.console import Console

from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write import table
from tests.report.fakes import FakeData

GAUSSIAN = {"_target_": "autoencoder.data.noise.GaussianNoise", "std": 0.3, "clip": True}


def change(run: Evaluation, *, noise: bool = False, seed: int = 0, **columns: float) -> Evaluation:
    return dataclasses.replace(
        run,
        columns=run.columns | columns,
        config=run.config | {"seed": seed} | ({"noise": GAUSSIAN} if noise else {}),
        differences={"model": run.group, "noise": "gaussian" if noise else "none"},
    )


@pytest.fixture(scope="module")
def runs() -> list[Evaluation]:
    data = FakeData(40, 12)
    noisy, wide, first, second = (
        data.evaluation(group, size, seed=seed)
        for group, size, seed in (
            ("noisy", 8, 0),
            ("wide", 144, 0),
            ("small", 8, 0),
            ("small", 8, 1),
        )
    )
    return [
        change(noisy, noise=True, mse=0.05, clean_mse=0.01, knn=0.5),
        change(first, seed=0, mse=0.02, clean_mse=0.02, knn=0.8),
        change(second, seed=1, mse=0.03, clean_mse=0.03, knn=0.7),
        change(wide, mse=0.01, clean_mse=0.015, knn=0.6, pca_mse=math.nan, pca_ratio=math.nan),
    ]


@pytest.fixture(scope="module")
def rows(runs: list[Evaluation]) -> list[table.Row]:
    return table.rows(runs)


def test_runs_are_grouped_over_the_seed(rows: list[table.Row]) -> None:
    small = rows[1]
    assert small.seeds == [0, 1]
    assert small.mean("mse") == 0.025
    assert small.std("mse") == pytest.approx(statistics.stdev([0.02, 0.03]))
    assert math.isnan(rows[0].std("mse"))


def test_rows_are_sorted_by_noise_then_by_error(rows: list[table.Row]) -> None:
    assert [row.group for row in rows] == ["wide", "small", "noisy"]


def test_errors_under_different_noise_are_not_compared(rows: list[table.Row]) -> None:
    best = {(group, column) for _, group, column in table.best(rows)}
    assert ("wide", "mse") in best
    assert ("noisy", "mse") not in best
    assert ("noisy", "clean_mse") in best
    assert ("small", "knn") in best


def test_bounds_are_compared_where_they_bound_the_same(runs: list[Evaluation]) -> None:
    gaussian, bernoulli = (
        {"likelihood": {"_target_": f"autoencoder.models.likelihoods.{name}Likelihood"}}
        for name in ("Gaussian", "Bernoulli")
    )
    changed = [
        dataclasses.replace(
            change(runs[1], elbo=elbo, frechet=elbo),
            group=group,
            config={**runs[1].config, "model": model},
        )
        for group, elbo, model in (
            ("a", 600.0, gaussian), ("b", 700.0, gaussian), ("c", -240.0, bernoulli)
        )
    ]  # fmt: skip
    best = {(group, column) for _, group, column in table.best(table.rows(changed))}
    assert [group for group, column in best if column == "elbo"] == ["b"]
    assert [group for group, column in best if column == "frechet"] == ["c"]
    sees_labels = dataclasses.replace(
        changed[1], config={**runs[1].config, "model": gaussian | {"num_classes": 10}}
    )
    for other in (changed[2], sees_labels):
        best = table.best(table.rows([changed[0], other]))
        assert "elbo" not in {column for *_, column in best}


def test_a_number_alone_is_not_the_best(rows: list[table.Row]) -> None:
    assert table.best(rows[:1]) == set()


def test_another_data_set_is_not_compared(runs: list[Evaluation]) -> None:
    other = dataclasses.replace(runs[0], data_key="other", data={"name": "Other"})
    rows = table.rows([runs[3], other])
    assert table.best(rows) == set()
    assert "noisy (Other)" in table.markdown_table(rows)


def test_results_csv_has_every_digit(rows: list[table.Row]) -> None:
    lines = list(csv.DictReader(io.StringIO(table.results_csv(rows))))
    small = lines[1]
    assert float(small["mse"]) == rows[1].mean("mse")
    assert float(small["mse_std"]) == rows[1].std("mse")
    assert (small["model"], small["n"], small["seeds"]) == ("small", "2", "0 1")
    assert lines[0]["pca_mse"] == ""
    assert lines[0]["overcomplete"] == "True"


def test_results_load_in_pandas(rows: list[table.Row]) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(io.StringIO(table.results_csv(rows)))
    assert len(frame) == 3
    assert frame["mse"].tolist() == [row.mean("mse") for row in rows]
    assert frame["pca_mse"].isna().tolist() == [True, False, False]
    assert len(pandas.read_csv(io.StringIO(table.runs_csv(rows)))) == 4


def test_a_latent_as_large_as_the_image_is_called_overcomplete(rows: list[table.Row]) -> None:
    markdown = table.markdown_table(rows).splitlines()
    assert "overcomplete" in markdown[2]
    assert "overcomplete" not in markdown[3]


def test_best_numbers_are_marked(rows: list[table.Row]) -> None:
    assert "**0.0100**" in table.markdown_table(rows)
    assert '<td class="best"><strong>0.0100</strong></td>' in table.html_table(rows)


def test_html_escapes_what_was_typed(runs: list[Evaluation]) -> None:
    run = dataclasses.replace(runs[0], group="<b>&")
    assert "&lt;b&gt;&amp;" in table.html_table(table.rows([run]))


def test_every_line_has_as_many_cells(rows: list[table.Row]) -> None:
    lines = table.markdown_table(rows).splitlines()
    assert len({line.count(" | ") for line in lines}) == 1
    lines = table.html_table(rows).split("</tr>")[:-1]
    assert len({line.count("</td>") + line.count("</th>") for line in lines}) == 1


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_console_has_room_for_it(rows: list[table.Row], width: int) -> None:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(table.console_table(rows, width))
    assert "0.0250 ± 0.007" in capture.get()
    assert "1.10" in capture.get()
    assert ("overcomplete" in capture.get()) or width == 80
    assert ("k-NN" in capture.get()) == (width == 200)
    assert max(map(len, capture.get().splitlines())) <= width
