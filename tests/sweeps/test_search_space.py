"""What Hydra's sweeps mean to Optuna."""

from __future__ import annotations

import re

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

pytest.importorskip("optuna", reason="needs pip install optuna")

from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from autoencoder.sweeps.search_space import SearchError, distribution


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("a=x,y", CategoricalDistribution(["x", "y"])),
        ("a=choice(1,2.5,true)", CategoricalDistribution([1, 2.5, True])),
        ("a=[1,2],[3]", CategoricalDistribution(["[1,2]", "[3]"])),
        ("a=choice([1,2],[3])", CategoricalDistribution(["[1,2]", "[3]"])),
        ("a='x y',z", CategoricalDistribution(["'x y'", "z"])),
        ("a=null,z", CategoricalDistribution(["null", "z"])),
        ("a=shuffle(1,2)", CategoricalDistribution([1, 2])),
        ("a=interval(1,10)", FloatDistribution(1, 10)),
        ("a=int(interval(1,10))", IntDistribution(1, 10)),
        ("a=tag(log,interval(1e-4,1e-2))", FloatDistribution(1e-4, 1e-2, log=True)),
        ("a=tag(log,int(interval(1,64)))", IntDistribution(1, 64, log=True)),
        ("a=range(1,10)", IntDistribution(1, 9)),
        ("a=range(1,10,3)", IntDistribution(1, 7, step=3)),
        ("a=range(10,1,-3)", IntDistribution(4, 10, step=3)),
        ("a=range(0,1,0.25)", FloatDistribution(0, 0.75, step=0.25)),
    ],
)
def test_overrides_are_distributions(override: str, expected: object) -> None:
    assert distribution(OverridesParser.create().parse_override(override)) == expected


@pytest.mark.parametrize(
    "override", ["a=glob(*)", "a=tag(log,interval(0,1))", "a=interval(2,1)", "a=range(3,3)"]
)
def test_override_that_cannot_be_searched(override: str) -> None:
    with pytest.raises(SearchError, match=re.escape(f"cannot search {override}")):
        distribution(OverridesParser.create().parse_override(override))
