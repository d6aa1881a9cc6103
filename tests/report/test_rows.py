"""The rows: groups over the seed, their order, and the best numbers."""

import csv
import dataclasses
import io
import math
import statistics

import pytest

from autoencoder.metrics import COLUMNS
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write.rows import Row, best, group, priors_csv, runs_csv
from autoencoder.runs.rows import results_csv
from tests.report.said import change


def test_runs_are_grouped_over_the_seed(rows: list[Row]) -> None:
    small = rows[1]
    assert small.seeds == (0, 1)
    assert small.mean("mse") == 0.025
    assert small.std("mse") == pytest.approx(statistics.stdev([0.02, 0.03]))
    assert math.isnan(rows[0].std("mse"))


def test_rows_are_sorted_by_noise_then_by_error(rows: list[Row]) -> None:
    assert [row.group for row in rows] == ["wide", "small", "noisy"]


def test_errors_under_different_noise_are_not_compared(evaluations: list[Evaluation]) -> None:
    rows = group([evaluations[0], change(evaluations[1], knn=0.9, mse=0.02, clean_mse=0.02)])
    marked = {(name, column) for _, name, column in best(rows)}
    assert ("noisy", "clean_mse") in marked
    assert ("small", "knn") in marked
    assert not {("noisy", "mse"), ("small", "mse")} & marked


def test_an_overcomplete_latent_is_compared_with_its_like(evaluations: list[Evaluation]) -> None:
    wide = evaluations[3]
    wider = dataclasses.replace(change(wide, mse=0.02, frechet=2.0), group="wider")
    rows = group([*evaluations[1:3], change(wide, frechet=1.0)])
    assert rows[0].group == "wide"
    # Alone of its kind, whatever its error; what has a floor is compared with all.
    assert {column for _, _, column in best(rows)} == set()
    first = change(evaluations[1], frechet=3.0)
    marked = best(group([first, change(wide, frechet=1.0), wider]))
    assert {name for _, name, column in marked if column == "mse"} == {"wide"}
    assert {name for _, name, column in marked if column == "frechet"} == {"wide"}


def test_rows_of_different_data_are_not_compared(evaluations: list[Evaluation]) -> None:
    one, two = evaluations[1], dataclasses.replace(evaluations[2], group="other")
    assert best(group([one, two]))
    assert not best(group([one, dataclasses.replace(two, data_key="elsewhere")]))


def test_what_is_the_same_for_all_is_not_the_best(evaluations: list[Evaluation]) -> None:
    first, second = (change(run, mse=0.02, frechet=3.0) for run in evaluations[1:3])
    rows = group([first, dataclasses.replace(second, group="other")])
    assert not {"mse", "frechet"} & {column for *_, column in best(rows)}


def test_time_is_no_merit(evaluations: list[Evaluation]) -> None:
    numbers = {"train_seconds": 10.0, "images_per_second": 1000.0}
    faster = dataclasses.replace(change(evaluations[1], **numbers), group="faster")
    marked = best(group([faster, change(evaluations[2], train_seconds=20.0)]))
    assert not {"train_seconds", "images_per_second"} & {column for *_, column in marked}


def test_bounds_are_compared_where_they_bound_the_same(evaluations: list[Evaluation]) -> None:
    gaussian, bernoulli = (
        {"likelihood": {"_target_": f"autoencoder.models.likelihoods.{name}Likelihood"}}
        for name in ("Gaussian", "Bernoulli")
    )
    changed = [
        dataclasses.replace(
            change(evaluations[1], elbo=elbo, frechet=elbo),
            group=group,
            config={**evaluations[1].config, "model": model},
        )
        for group, elbo, model in (
            ("a", 600.0, gaussian), ("b", 700.0, gaussian), ("c", -240.0, bernoulli)
        )
    ]  # fmt: skip
    marked = {(name, column) for _, name, column in best(group(changed))}
    assert [name for name, column in marked if column == "elbo"] == ["b"]
    assert [name for name, column in marked if column == "frechet"] == ["c"]
    sees_labels = dataclasses.replace(
        changed[1], config={**evaluations[1].config, "model": gaussian | {"num_classes": 10}}
    )
    for other in (changed[2], sees_labels):
        marked = best(group([changed[0], other]))
        assert "elbo" not in {column for *_, column in marked}


def test_a_number_alone_is_not_the_best(rows: list[Row]) -> None:
    assert best(rows[:1]) == set()


def test_results_csv_has_every_digit(rows: list[Row]) -> None:
    lines = list(csv.DictReader(io.StringIO(results_csv(rows, COLUMNS))))
    small = lines[1]
    assert float(small["mse"]) == rows[1].mean("mse")
    assert float(small["mse_std"]) == rows[1].std("mse")
    assert (small["model"], small["n"], small["seeds"]) == ("small", "2", "0 1")
    assert lines[0]["pca_mse"] == ""
    assert lines[0]["overcomplete"] == "True"


def test_results_load_in_pandas(rows: list[Row]) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(io.StringIO(results_csv(rows, COLUMNS)))
    assert len(frame) == 3
    assert frame["mse"].tolist() == [row.mean("mse") for row in rows]
    assert frame["pca_mse"].isna().tolist() == [True, False, False]
    each = pandas.read_csv(io.StringIO(runs_csv(rows)))
    assert each["mse"].tolist() == [0.01, 0.02, 0.03, 0.05]
    assert each["seed"].tolist() == [0, 0, 1, 0]


def test_priors_csv_has_a_line_for_each_run_and_prior(rows: list[Row]) -> None:
    numbers = {"frechet": 5.5, "fit_seconds": 2.0}
    runs = [
        dataclasses.replace(run, priors={"mixture": numbers, "near": numbers | {"frechet": 4.5}})
        for run in rows[1].evaluations
    ]
    lines = list(csv.DictReader(io.StringIO(priors_csv(group(runs)))))
    assert [(line["seed"], line["prior"], line["frechet"]) for line in lines] == [
        ("0", "mixture", "5.5"), ("0", "near", "4.5"),
        ("1", "mixture", "5.5"), ("1", "near", "4.5"),
    ]  # fmt: skip
