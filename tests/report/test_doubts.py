"""What a reader is warned of."""

import dataclasses

import pytest

from tests.report.fakes import FakeData
from tests.report.said import change, generating, recipes, small, told


@pytest.fixture(scope="module")
def data() -> FakeData:
    return FakeData(40, 12)


def test_two_judges_are_doubtful(data: FakeData) -> None:
    a, b = generating(data, "a", 12.5), generating(data, "b", 9)
    assert "classifier" not in told(a, b)
    other = dataclasses.replace(b, generation=b.generation | {"classifier": "y"})
    assert "not all generated images were judged by the same classifier" in told(a, other)


def test_one_run_a_row_has_no_spread(data: FakeData) -> None:
    assert "from seed to seed is not known" in told(small(data), small(data, "large"))
    twice = small(data), change(small(data), seed=1, mse=0.03)
    assert "seed to seed" not in told(*twice)
    assert "± 0.007" in told(*twice)


def test_another_error_than_was_recorded_is_doubtful(data: FakeData) -> None:
    for recorded in (0.021, 0.019):
        assert "Doubtful" in told(dataclasses.replace(small(data), metrics={"test/mse": recorded}))
    run = small(data)
    assert "Doubtful" not in told(dataclasses.replace(run, metrics={"test/mse": 0.02}))


def test_different_recipes_are_told_of(data: FakeData) -> None:
    first, second = recipes(data)
    text = told(first, second)
    assert "Not trained alike: the recipes plain and one_cycle differ in optimizer and" in text
    nameless = dataclasses.replace(second, recipe="")
    longer = dataclasses.replace(nameless, config=first.config | {"trainer": {"max_epochs": 30}})
    assert "alike: runs differ in the number of epochs, so" in told(first, longer)
    larger = dataclasses.replace(nameless, config=first.config | {"data": {"batch_size": 64}})
    assert "alike: runs differ in the batch size, so" in told(first, larger)
    assert "alike" not in told(first, dataclasses.replace(nameless, config=first.config))
