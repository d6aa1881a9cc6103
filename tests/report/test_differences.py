"""Which designs of a report can be told from the best."""

import csv
import dataclasses
import io

import numpy as np
import pytest

from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write.differences import differences_csv, pairs, told
from autoencoder.report.write.rows import group
from tests.report.fakes import FakeData
from tests.report.said import change


@pytest.fixture(scope="module")
def data() -> FakeData:
    return FakeData(200, 12)


def runs(
    data: FakeData, name: str, factor: float, seeds: int = 3, **columns: float
) -> list[Evaluation]:
    """Runs of one design, whose errors differ a little from seed to seed."""
    found = []
    for seed in range(seeds):
        run = data.evaluation(name, 8)
        errors = run.image_mse * factor * (1 + 0.01 * seed)
        numbers = {key: value * (1 + 0.01 * seed) for key, value in columns.items()}
        run = change(run, seed=seed, mse=float(errors.mean()), **numbers)
        found.append(dataclasses.replace(run, image_mse=errors))
    return found


def sentences(*evaluations: Evaluation) -> str:
    return "\n".join(told(pairs(group(evaluations))))


def test_a_larger_error_is_told_apart_and_an_equal_one_is_not(data: FakeData) -> None:
    text = sentences(*runs(data, "a", 1), *runs(data, "b", 1.5), *runs(data, "c", 1.005))
    assert text.startswith("test MSE against that of “a”")
    assert "over seeds and test images; worse by more than chance: “b” 1.5 (1.4" in text
    assert "not told apart: “c” 1 (0.98" in text or "not told apart: “c” 1.01 (0.98" in text
    assert "seeds each would settle" in text


def test_one_run_each_says_nothing_of_other_seeds(data: FakeData) -> None:
    text = sentences(*runs(data, "a", 1, 1), *runs(data, "b", 1.5, 1))
    assert "95 % over test images;" in text
    assert text.endswith("Of one run each, it says nothing of other seeds.")
    mixed = sentences(*runs(data, "a", 1), *runs(data, "b", 1.5), *runs(data, "c", 2, 1))
    assert "over seeds and test images where there are several" in mixed


def test_distances_are_compared_over_seeds(data: FakeData) -> None:
    a, b = runs(data, "a", 1, frechet=40.0), runs(data, "b", 2, frechet=5.0)
    text = sentences(*a, *b)
    assert "Fréchet distance against that of “b”" in text
    assert "“a” 8 (7." in text
    assert "Fréchet" not in sentences(a[0], b[0])


def test_noise_is_no_reason_to_compare(data: FakeData) -> None:
    noisy = [change(run, noise=True) for run in runs(data, "b", 2)]
    assert sentences(*runs(data, "a", 1), *noisy) == ""


def test_an_error_of_nothing_has_no_factor(data: FakeData) -> None:
    perfect = [
        dataclasses.replace(run, image_mse=np.zeros_like(run.image_mse))
        for run in runs(data, "a", 1)
    ]
    assert pairs(group([*perfect, *runs(data, "b", 1.5)])) == []


def test_the_csv_has_a_line_a_pair(data: FakeData) -> None:
    found = pairs(group([*runs(data, "a", 1), *runs(data, "b", 1.5), *runs(data, "c", 1.005)]))
    lines = list(csv.DictReader(io.StringIO(differences_csv(found))))
    assert [(line["best"], line["other"]) for line in lines] == [("a", "c"), ("a", "b")]
    assert [line["told_apart"] for line in lines] == ["False", "True"]
    b = lines[1]
    assert float(b["low"]) < float(b["ratio"]) < float(b["high"])
    assert float(b["ratio"]) == pytest.approx(1.5, rel=1e-3)
    assert (b["n_best"], b["n_other"], b["over_seeds"]) == ("3", "3", "True")
