"""Values that go together: which runs they make, and a sweep of them as a person runs it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from autoencoder.sweeps.pairs import PairsError, jobs
from tests.conftest import TINY
from tests.sweeps.test_sweeps import numbers

ROOT = Path(__file__).parents[2]
GRID = ["model=a,b", "lr=1,2", "seed=0,1", "x=5"]
MAPPINGS = [{"model": "a", "lr": 1}, {"model": "b", "lr": 2, "channels": [4, 8], "fast": None}]


def test_without_pairs_it_is_the_grid_of_hydra() -> None:
    found = jobs(GRID, None)
    assert len(found) == 8
    assert found[0] == ["model=a", "lr=1", "seed=0", "x=5"]
    assert found[-1] == ["model=b", "lr=2", "seed=1", "x=5"]


def test_keys_that_go_together_are_crossed_with_the_others_alone() -> None:
    found = jobs([*GRID, "pairs=[model,lr]"], ["model", "lr"])
    assert found == [
        [f"model={model}", f"lr={lr}", f"seed={seed}", "x=5"]
        for model, lr in (("a", 1), ("b", 2))
        for seed in (0, 1)
    ]


@pytest.mark.parametrize("from_config", [False, True])
def test_a_list_of_mappings_is_a_run_each(from_config: bool) -> None:
    pairs = OmegaConf.create(MAPPINGS) if from_config else MAPPINGS
    assert jobs(["seed=0,1"], pairs) == [
        ["model=a", "lr=1", "seed=0"],
        ["model=a", "lr=1", "seed=1"],
        ["model=b", "lr=2", "channels=[4,8]", "fast=null", "seed=0"],
        ["model=b", "lr=2", "channels=[4,8]", "fast=null", "seed=1"],
    ]


def test_a_file_holds_such_a_list_and_a_text_of_several_values_is_several_runs(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pairs.yaml"
    path.write_text("- {model: a, lr: '1,2'}\n- {model: b, x: '[c,d]'}\n")
    assert jobs([], str(path)) == [
        ["model=a", "lr=1"],
        ["model=a", "lr=2"],
        ["model=b", "x=[c,d]"],
    ]


@pytest.mark.parametrize(
    ("lines", "pairs", "message"),
    [
        (GRID, ["model", "x"], "x has no several values; they are written x=A,B"),
        (GRID, ["model", "y"], "y has no several values"),
        (["a=1,2", "b=1,2,3"], ["a", "b"], "a has 2 values, b has 3 values"),
        (["a=1,1", "b=2,2"], ["a", "b"], "a=1 b=2 stands twice"),
        (["lr=3"], MAPPINGS, "lr is set by lr=3 as well"),
        ([], [{"a": 1}, {"a": 1}], "a=1 stands twice"),
        ([], [{"a": 1}, "b"], "not a list of mappings"),
        ([], [], "not a list of mappings"),
        ([], 3, "not a list of mappings"),
        ([], "nowhere.yaml", "pairs=nowhere.yaml: No such file"),
        (["a=interval(0,1)"], None, "hydra/sweeper=optuna"),
    ],
)
def test_what_is_wrong_is_said(lines: list[str], pairs: Any, message: str) -> None:
    with pytest.raises(PairsError, match=message):
        jobs(lines, pairs)


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("- {a: [1}")
    with pytest.raises(PairsError, match=r"x\.yaml can't be read"):
        jobs([], str(tmp_path / "x.yaml"))


def train(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    quick = [*TINY, "trainer.max_epochs=1", "callbacks.latent_maps=null", "logger=none"]
    quick = [text for text in quick if text != "trainer.max_epochs=2"]
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *quick, *overrides],
        cwd=folder, capture_output=True, text=True, timeout=200,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def configs(folder: Path) -> dict[str, Any]:
    paths = folder.glob("multirun/*/*/.hydra/config.yaml")
    return {path.parents[1].name: OmegaConf.load(path) for path in paths}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_sweep_of_pairs_fails_goes_on_and_is_repeated(tmp_path: Path, launcher: str) -> None:
    pairs = "- model.channels: [4]\n  optimizer.lr: 0.01\n- model.channels: [8]\n  {}\n"
    (tmp_path / "pairs.yaml").write_text(pairs.format("optimizer.lr: -1"))
    words = "-m", f"hydra/launcher={launcher}", "name=s", "pairs=pairs.yaml", "seed=0,1"
    failed = train(tmp_path, *words)
    assert failed.returncode == 1
    assert len(numbers(tmp_path)) == 2
    assert len(list(tmp_path.glob("multirun/s/*/error.txt"))) == 2
    assert "run 4 of 4" in failed.stdout + failed.stderr
    again = failed.stdout.rpartition("the run alone: ")[2].partition("\n")[0]
    assert "optimizer.lr=-1" in again
    assert "pairs" not in again

    (tmp_path / "pairs.yaml").write_text(pairs.format("optimizer.lr: 0.02"))
    repeated = train(tmp_path, *words)
    assert repeated.returncode == 0, repeated.stderr
    assert (repeated.stdout + repeated.stderr).count("finished already") == 2
    found = configs(tmp_path)
    together = {(tuple(cfg.model.channels), cfg.optimizer.lr, cfg.seed) for cfg in found.values()}
    assert together == {(size, lr, s) for size, lr in (((4,), 0.01), ((8,), 0.02)) for s in (0, 1)}
    assert all(cfg.pairs is None for cfg in found.values())


@pytest.mark.slow
def test_pairs_in_an_experiment_on_the_command_line_and_without_a_sweep(tmp_path: Path) -> None:
    (tmp_path / "own/experiment").mkdir(parents=True)
    (tmp_path / "own/experiment/mine.yaml").write_text(
        "# @package _global_\nhydra:\n  mode: MULTIRUN\n"
        "pairs:\n- {model.channels: [4], seed: 1}\n- {model.channels: [5], seed: 2}\n"
    )
    named = train(tmp_path, "--config-dir", "own", "experiment=mine", "name=a")
    assert named.returncode == 0, named.stderr
    assert {(cfg.seed, cfg.pairs) for cfg in configs(tmp_path).values()} == {(1, None), (2, None)}
    # The first two are of one value: they may stand beside different others.
    typed = train(
        tmp_path, "-m", "name=b", "model.channels=[6],[6],[7]", "optimizer.lr=0.1,0.2,0.1",
        "pairs=[model.channels,optimizer.lr]",
    )  # fmt: skip
    assert typed.returncode == 0, typed.stderr
    assert len(list(tmp_path.glob("multirun/b/*/metrics.json"))) == 3
    refused = train(tmp_path, "name=c", "pairs=[{seed: 1}]")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: pairs: several runs are a sweep, which takes -m")
    wrong = train(tmp_path, "-m", "name=d", "pairs=nowhere.yaml")
    assert wrong.stderr == "error: pairs=nowhere.yaml: No such file or directory\n"
    assert not (tmp_path / "outputs").exists()
    assert not (tmp_path / "multirun/d").exists()
