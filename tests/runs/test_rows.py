"""Rows over seeds, and the CSV that they are written to."""

import csv
import io
import math
import random
import statistics
from typing import Any

import pytest

from autoencoder.runs.rows import Row, Spread, csv_text, over_seeds, results_csv


def test_numbers_over_seeds_are_those_of_the_statistics_module() -> None:
    values = [random.Random(k).random() for k in range(7)]
    keys = ["b", "a", "b", "a", "b", "a", "b"]
    b, a = over_seeds(keys, [{"x": value} for value in values])
    for found, own in ((b, values[::2]), (a, values[1::2])):
        # To the last bit: what has been written must not change.
        assert found["x"] == Spread(statistics.fmean(own), statistics.stdev(own))


def test_what_a_run_lacks_is_left_out() -> None:
    numbers: list[dict[str, float]] = [{"x": 1, "y": math.nan}, {"x": 3.0, "z": 5.0}]
    (one,) = over_seeds([("a", 1), ("a", 1)], numbers)
    assert one["x"] == (2.0, math.sqrt(2))
    assert one["z"].mean == 5.0
    assert math.isnan(one["z"].std)
    assert math.isnan(one["y"].mean)
    assert over_seeds(["a"], [{}]) == [{}]


def test_a_number_that_no_row_has_is_nan() -> None:
    row = Row(group="a", differences={}, seeds=(0,), noise="no noise", numbers={})
    assert math.isnan(row.mean("x"))
    assert math.isnan(row.std("x"))
    assert results_csv([row], ["x"]) == "run,n,seeds,test_noise,x,x_std\na,1,0,no noise,,\n"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=cmd|'/c calc'!A0", "'=cmd|'/c calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("+a", "'+a"),
        ("-a", "'-a"),
        ("\ta", "'\ta"),
        ("-1", "-1"),
        ("+1e-3", "+1e-3"),
        ("a=1", "a=1"),
        ('a "b", c', 'a "b", c'),
        (1024, "1024"),
        (1024.0, "1024.0"),
        (-0.1 - 0.2, "-0.30000000000000004"),
        (1e-09, "1e-09"),
        (math.nan, ""),
        (True, "True"),
    ],
)
def test_cells(cell: Any, written: str) -> None:
    header, line = csv.reader(io.StringIO(csv_text([{"x": "", "y": cell}])))
    assert (header, line) == (["x", "y"], ["", written])


def test_a_heading_is_no_formula_either() -> None:
    assert csv_text([{"=x": 1}]) == "'=x\n1\n"
    assert csv_text([{"=x": 1}], header=False) == "1\n"
