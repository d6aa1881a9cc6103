"""What makes two runs the same experiment, and what a run is called."""

import ast
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from autoencoder.commandline import CONF_DIR, explain
from autoencoder.commandline.words import ordered
from autoencoder.runs import identity
from autoencoder.runs.identity import (
    LONGEST_NAME,
    NameRefusedError,
    check_name,
    differences,
    flatten,
    resolved,
    run_name,
)
from tests.conftest import Compose

REFUSED: list[Any] = [
    "", ".", "..", "../../x", "a/b", "/tmp/x", "-x", ".hidden", "a b", "a=b", "a,b", "x" * 300,
    "ü" * 61, "a\n", "a\0b", None, True, 1000.0, ["a"], {"a": 1}, "~", "$HOME", "*",
]  # fmt: skip


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


@pytest.mark.parametrize(
    "word",
    ["name=y", "overwrite=true", "optimized_metric=val/mse", "logger=none", "trust=[mine]",
     "logger.tensorboard._target_=lightning.pytorch.loggers.TensorBoardLogger"],
)  # fmt: skip
def test_the_same_experiment_elsewhere_does_not(tiny: Compose, word: str) -> None:
    assert list(differences(OmegaConf.create(resolved(tiny())), tiny(word))) == []


@pytest.mark.parametrize("name", REFUSED, ids=str)
def test_a_name_is_one_word(name: Any) -> None:
    with pytest.raises(NameRefusedError, match=r"^name=.*a name is one word"):
        check_name(name)


@pytest.mark.parametrize(
    "name", ["a", "2026-11-22_10-00-00-123456", "über", "x" * LONGEST_NAME, "v1.2+b", 2026, "_x"]
)
def test_plain_names_are_taken_as_they_are(name: Any) -> None:
    assert check_name(name) == str(name)


@pytest.mark.parametrize("name", ["007", "2026", "1e3", "1_0", "true", "0x1F", "über", "v1.2+b"])
def test_a_name_is_what_was_typed(name: str) -> None:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose("train", ordered([f"name={name}"]), return_hydra_config=True)
    assert (cfg.hydra.run.dir, cfg.hydra.sweep.dir) == (f"outputs/{name}", f"multirun/{name}")


@pytest.mark.parametrize("key", ["run", "sweep"])
@pytest.mark.parametrize("name", ["", "../../x", "1e3", "null", "x" * 300])
def test_the_folder_of_a_refused_name_is_not_even_named(key: str, name: str) -> None:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose("train", [f"name={name}"], return_hydra_config=True)
    with pytest.raises(Exception, match="a name is one word") as error:
        _ = cfg.hydra[key].dir
    said = explain(error.value)
    assert said is not None
    assert said.startswith("name=")
    assert "\n" not in said


def test_what_is_not_the_experiment_is_listed_once() -> None:
    """No other file names two of these keys in one collection."""
    keys, package = set(identity.NOT_THE_EXPERIMENT), Path(identity.__file__).parents[1]
    for path in package.rglob("*.py"):
        # The settings of a report have some of these names.
        if path == Path(identity.__file__) or path.is_relative_to(package / "report"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Tuple | ast.List | ast.Set):
                words = {one.value for one in node.elts if isinstance(one, ast.Constant)}
                assert len(words & keys) < 2, f"{path}:{node.lineno}"
