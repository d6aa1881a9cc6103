"""What makes two runs the same experiment, and what a run is called."""

import pytest
from omegaconf import OmegaConf

from autoencoder.runs.identity import LONGEST_NAME, differences, flatten, resolved, run_name
from tests.conftest import Compose


def test_names_can_be_typed_back() -> None:
    assert run_name(["noise=none", "model=a", "name=x"]) == "model-a_noise-none"
    assert run_name(["model.channels=[16,32,8]"]) == "model.channels-16-32-8"
    assert run_name(["+x=1e-3", "data.root=/d"]) == "x-1e-3"
    assert run_name([]) == "default"


def test_a_name_does_not_depend_on_the_order() -> None:
    words = ["seed=1", "optimizer.lr=0.1", "noise=none"]
    assert {run_name(words), run_name(words[::-1])} == {"noise-none_seed-1_optimizer.lr-0.1"}


@pytest.mark.parametrize("word", ["seed=1", "data.seed=1", "trainer.max_epochs=3", "~callbacks.x"])
def test_another_experiment_has_another_name(word: str) -> None:
    assert run_name(["model=a", word]) != run_name(["model=a"])


@pytest.mark.parametrize("word", ["name=y", "overwrite=true", "optimized_metric=val/mse"])
def test_the_same_experiment_has_one_name(word: str) -> None:
    assert run_name(["model=a", word]) == run_name(["model=a"])


def test_long_names_stay_short_and_differ() -> None:
    names = {run_name([f"key{i}={i}" for i in range(40)] + [f"last={last}"]) for last in (1, 2)}
    assert len(names) == 2
    assert all(len(name) <= LONGEST_NAME for name in names)
    exact = "x" * (LONGEST_NAME - 2)
    assert run_name([f"a={exact}"]) == f"a-{exact}"


def test_nested_values_are_flat_by_dotted_keys() -> None:
    values = {"a": {"b": 1, "c": {"d": [2, 3]}}, "e": {}, "f": None}
    assert dict(flatten(values)) == {"a.b": 1, "a.c.d": [2, 3], "e": {}, "f": None}


def test_a_config_is_resolved_and_may_be_moved(tiny: Compose) -> None:
    cfg = tiny("seed=5")
    values = resolved(cfg)
    assert values["run_dir"] == "."
    assert values["data"]["seed"] == 5
    assert str(values["callbacks"]["best_checkpoint"]["dirpath"]) == "./checkpoints"
    assert cfg.run_dir != "."


@pytest.mark.parametrize(
    "word", ["seed=1", "data.split_seed=1", "model.channels=[4]", "noise=gaussian", "+extra=1"]
)
def test_another_experiment_differs(tiny: Compose, word: str) -> None:
    saved = OmegaConf.create(resolved(tiny()))
    lines = list(differences(saved, tiny(word)))
    key = word.partition("=")[0].lstrip("+")
    assert any(line.startswith(key) for line in lines)
    assert len(list(differences(OmegaConf.create(resolved(tiny(word))), tiny()))) == len(lines)


@pytest.mark.parametrize("word", ["name=y", "overwrite=true", "optimized_metric=val/mse"])
def test_the_same_experiment_elsewhere_does_not(tiny: Compose, word: str) -> None:
    assert list(differences(OmegaConf.create(resolved(tiny())), tiny(word))) == []
