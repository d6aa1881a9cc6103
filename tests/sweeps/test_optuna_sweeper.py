"""Searches by Optuna, through a small Hydra program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # its types are a package of their own

optuna = pytest.importorskip("optuna", reason="needs pip install optuna")

from optuna.trial import TrialState  # noqa: E402

from autoencoder.sweeps.optuna_sweeper import OptunaSweeper  # noqa: E402
from autoencoder.sweeps.search_space import SearchError  # noqa: E402
from autoencoder.sweeps.study import current_trial  # noqa: E402

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "conf/hydra/sweeper/optuna.yaml"

# Stands for train.py: a curve that falls towards (x - 3)^2, reported an epoch at a time.
PROGRAM = """
import os, time
import hydra
from autoencoder.sweeps.plugins import register
from autoencoder.sweeps.study import current_trial

@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(cfg):
    with open("runs.txt", "a") as file:
        print(hydra.core.hydra_config.HydraConfig.get().job.override_dirname, file=file)
    if cfg.x > cfg.crash_above:
        raise ValueError("too large: ${x}")
    trial = current_trial()
    for epoch in range(3):
        time.sleep(cfg.sleep)
        value = (cfg.x - 3) ** 2 + 1 / (epoch + 1)
        if trial is not None and isinstance(cfg.optimized_metric, str):
            if epoch not in trial.study.trials[trial.number].intermediate_values:
                trial.report(value, epoch)
            if trial.should_prune():
                import optuna
                raise optuna.TrialPruned()
    if cfg.x > cfg.nan_above:
        value = float("nan")
    return value if isinstance(cfg.optimized_metric, str) else [value, cfg.x]

if __name__ == "__main__":
    register()
    main()
"""

PROGRAM_CONFIG = """
seed: 0
optimized_metric: loss
x: 1.0
layers: [1]
kind: a
sleep: 0
crash_above: 100
nan_above: 100
hydra:
  sweep:
    dir: search
    subdir: ${hydra.job.override_dirname}
"""


class Program:
    """The program in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.search = directory / "search"
        (directory / "app.py").write_text(PROGRAM)
        (directory / "conf/hydra/sweeper").mkdir(parents=True)
        (directory / "conf/config.yaml").write_text(PROGRAM_CONFIG)
        shutil.copy(CONFIG, directory / "conf/hydra/sweeper")

    def start(self, *overrides: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "app.py", "-m", "hydra/sweeper=optuna", *overrides],
            cwd=self.directory,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *overrides: str) -> tuple[int, str]:
        process = self.start(*overrides)
        output, _ = process.communicate(timeout=100)
        return process.returncode, output

    @property
    def trials(self) -> list[Any]:
        url = f"sqlite:///{self.search}/optuna.db"
        trials: list[Any] = optuna.load_study(study_name="search", storage=url).trials
        return trials

    @property
    def results(self) -> dict[str, Any]:
        text = (self.search / "optimization_results.yaml").read_text()
        results: dict[str, Any] = yaml.safe_load(text)
        return results

    @property
    def runs(self) -> list[str]:
        return (self.directory / "runs.txt").read_text().splitlines()


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"n_trials": 0}, "n_trials=0"),
        ({"n_jobs": -1}, "n_jobs=-1"),
        ({"direction": "down"}, "minimize or maximize"),
        ({"direction": ["minimize", "maximize"]}, r"2 direction.*1 metric"),
        ({"metric": ["a", "b"]}, r"1 direction.*2 metric"),
    ],
)
def test_bad_setting(setting: dict[str, Any], message: str) -> None:
    config = yaml.safe_load(CONFIG.read_text())
    settings = {key: value for key, value in config.items() if not key.endswith("_")}
    with pytest.raises(SearchError, match=message):
        OptunaSweeper(**(settings | {"metric": "loss"} | setting)).sweep([])


def test_search_without_a_search_space(program: Program) -> None:
    code, output = program.run("x=1")
    assert code == 1
    assert output.startswith("hydra/sweeper=optuna needs something to search")


def test_misspelt_choice_is_found_before_anything_runs(program: Program) -> None:
    code, output = program.run("x=1,2", "z=1,2")
    assert code == 1
    assert "Key 'z' is not in struct" in output
    assert not program.search.exists()


def test_import_is_light() -> None:
    code = "import sys, autoencoder.sweeps.plugins as _\n"
    code += "print({'optuna', 'torch', 'joblib', 'submitit'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert out.stdout.strip() == b"set()"


def test_killed_search_is_resumed(program: Program) -> None:
    command = [
        *("x=tag(log,interval(0.1,10))", "layers=[1,2],[3]", "kind=b", "sleep=0.05"),
        "hydra.sweeper.n_trials=12",
    ]
    process = program.start(*command)
    # The program appends a line before its first epoch, so here the sixth trial is under way.
    runs = program.directory / "runs.txt"
    wait_until(lambda: runs.exists() and len(program.runs) == 6)
    process.kill()
    process.communicate()
    before = program.trials
    assert [t.state for t in before].count(TrialState.RUNNING) == 1
    assert before[5].state == TrialState.RUNNING

    code, output = program.run(*command)
    assert code == 0, output
    after = program.trials
    assert [t.number for t in after] == list(range(12))
    assert {t.state for t in after} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert after[5].params == before[5].params
    assert [t.params for t in after[:5]] == [t.params for t in before[:5]]
    # Each trial drew parameters of its own: the resumed sampler did not start its draws anew.
    assert len({t.params["x"] for t in after}) == 12
    assert program.runs.count(program.runs[5]) == 2
    assert len(program.runs) == 13

    pruned = next(t for t in after if t.state == TrialState.PRUNED)
    assert len(pruned.intermediate_values) < 3
    for name in ("optimization_history", "slice", "param_importances", "intermediate_values"):
        assert (program.search / f"{name}.png").stat().st_size > 5000
    best = min((t for t in after if t.state == TrialState.COMPLETE), key=lambda t: t.value)
    assert program.results["best"][0]["trial"] == best.number
    assert program.results["best"][0]["values"] == {"loss": best.value}
    assert program.results["best"][0]["overrides"].startswith("kind=b sleep=0.05 x=")

    # The trial's number is kept out of what names and describes a run.
    folders = {path.name for path in program.search.iterdir() if path.is_dir()}
    assert folders == set(program.runs)
    assert not any("OPTUNA" in folder for folder in folders)
    run = program.search / program.runs[0]
    assert "OPTUNA" not in (run / ".hydra/config.yaml").read_text()
    assert "OPTUNA" not in (run / ".hydra/overrides.yaml").read_text()

    # Another search is not mixed in.
    code, output = program.run("x=interval(0,1)", "hydra.sweeper.n_trials=20")
    assert code == 1
    assert "is of another search" in output
    assert len(program.trials) == 12


def test_failed_trials_are_recorded_and_passed_over(program: Program) -> None:
    code, output = program.run(
        "x=range(1,7)",
        "crash_above=5",
        "nan_above=4",
        "hydra.sweeper.n_trials=10",
        # It runs out of values before there are ten trials.
        "hydra.sweeper.sampler={_target_:optuna.samplers.BruteForceSampler,seed:0}",
        "hydra.sweeper.pruner=null",
    )
    assert code == 0, output
    assert len(program.trials) == 6
    by_x = {t.params["x"]: t for t in program.trials}
    assert by_x[6].state == by_x[5].state == TrialState.FAIL
    assert by_x[6].user_attrs["error"] == "ValueError: too large: ${x}"
    assert "nan" in by_x[5].user_attrs["error"]
    assert {by_x[x].state for x in (1, 2, 3, 4)} == {TrialState.COMPLETE}
    assert program.results["best"][0]["params"] == {"x": 3}
    assert set(program.results["failed"]) == {by_x[5].number, by_x[6].number}


def test_search_fails_when_all_trials_do(program: Program) -> None:
    code, output = program.run("x=1,2", "crash_above=0", "hydra.sweeper.n_trials=1")
    assert code == 1
    assert "All trials failed." in output


def test_several_metrics_and_equal_trials(program: Program) -> None:
    # A batch of three, then one; those of a batch are equal and share a run.
    code, output = program.run(
        "x=4,4",
        "optimized_metric=[loss,size]",
        "hydra.sweeper.direction=[minimize,maximize]",
        "hydra.sweeper.n_trials=4",
        "hydra.sweeper.n_jobs=3",
    )
    assert code == 0, output
    assert [t.values for t in program.trials] == [[1 + 1 / 3, 4.0]] * 4
    assert len(program.runs) == 2
    assert len(program.results["best"]) == 4
    assert set(program.results["best"][0]["values"]) == {"loss", "size"}
    assert (program.search / "pareto_front.png").exists()


def test_one_search_at_a_time(program: Program) -> None:
    fcntl = pytest.importorskip("fcntl", reason="no such lock on this system")
    program.search.mkdir()
    with (program.search / "optuna.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        code, output = program.run("x=1,2")
    assert code == 1
    assert output.startswith("Another search is running")


def test_a_run_outside_a_search_is_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPTUNA_TRIAL", raising=False)
    assert current_trial() is None
