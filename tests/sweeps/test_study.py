"""A search in its storage: which way its metrics are better, and what counts of its trials."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig, OmegaConf

pytest.importorskip("optuna", reason="needs pip install optuna")

import optuna
from optuna.trial import TrialState

from autoencoder.sweeps.search_results import save_results
from autoencoder.sweeps.search_space import SearchError
from autoencoder.sweeps.study import (
    count_finished,
    current_trial,
    job_environment,
    open_study,
    tell,
)

if TYPE_CHECKING:
    from optuna import Study

GOALS = {"loss": "minimize", "score": "maximize"}


def opened(folder: Path, goals: dict[str, str] = GOALS, **changes: Any) -> Study:
    arguments: dict[str, Any] = {"overrides": ["x=1,2"], "sampler": None, "pruner": None} | changes
    return open_study(str(folder / "study.db"), "search", goals, **arguments)


def returned(value: object) -> JobReturn:
    failed = isinstance(value, Exception)
    job = JobReturn(status=JobStatus.FAILED if failed else JobStatus.COMPLETED)
    job.return_value = value
    return job


def test_each_metric_is_better_in_its_own_direction(tmp_path: Path) -> None:
    study = opened(tmp_path)
    for values in ((2.0, 1.0), (3.0, 9.0), (3.0, 5.0), (2.5, 0.5)):
        tell(study, study.ask(), returned(values), list(GOALS))
    assert study.metric_names == list(GOALS)
    assert [trial.number for trial in study.best_trials] == [0, 1]


@pytest.mark.parametrize(("direction", "best"), [("minimize", 1), ("maximize", 2)])
def test_the_best_trial_is_written_down(tmp_path: Path, direction: str, best: int) -> None:
    study = opened(tmp_path, {"loss": direction})
    for value in (2.0, 1.0, 3.0):
        trial = study.ask()
        trial.set_user_attr("overrides", f"x={value}")
        tell(study, trial, returned(value), ["loss"])
    save_results(study, ["loss"], tmp_path)
    results: Any = OmegaConf.load(tmp_path / "optimization_results.yaml")
    assert results.metrics == {"loss": direction}
    assert [found.trial for found in results.best] == [best]
    assert results.best[0]["values"].loss == study.best_value
    assert results.trials == {"complete": 3}


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (1.0, TrialState.COMPLETE),
        (math.nan, TrialState.FAIL),
        (ValueError("too large"), TrialState.FAIL),
        (optuna.TrialPruned("hopeless"), TrialState.PRUNED),
    ],
)
def test_how_a_trial_has_ended_is_stored(tmp_path: Path, value: object, state: TrialState) -> None:
    study = opened(tmp_path, {"loss": "minimize"})
    study.ask()
    tell(study, study.ask(), returned(value), ["loss"])
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING, state]
    assert ("error" in study.trials[1].user_attrs) == (state is TrialState.FAIL)
    assert count_finished(study) == 1


@pytest.mark.parametrize("value", [None, "1", [1.0, 2.0]])
def test_a_program_that_returns_no_number_is_told(tmp_path: Path, value: object) -> None:
    study = opened(tmp_path, {"loss": "minimize"})
    with pytest.raises(SearchError, match=r"names 1 number\(s\)"):
        tell(study, study.ask(), returned(value), ["loss"])
    assert count_finished(study) == 0


def test_what_was_running_is_run_again_first(tmp_path: Path) -> None:
    study = opened(tmp_path, {"loss": "minimize"})
    space = {"x": optuna.distributions.FloatDistribution(0, 1)}
    tell(study, study.ask(space), returned(1.0), ["loss"])
    killed = study.ask(space)
    again = opened(tmp_path, {"loss": "minimize"}).ask(space)
    assert (again.number, again.params) == (killed.number, killed.params)


@pytest.mark.parametrize(
    "change", [{"overrides": ["x=1,3"]}, {"goals": {"loss": "maximize"}}], ids=str
)
def test_another_search_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    goals = {"loss": "minimize"}
    study = opened(tmp_path, goals)
    tell(study, study.ask(), returned(1.0), ["loss"])
    opened(tmp_path, goals)
    with pytest.raises(SearchError, match="is of another search"):
        opened(tmp_path, **{"goals": goals} | change)


def test_a_job_finds_its_trial_and_the_pruner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruner: DictConfig = OmegaConf.create(
        {"_target_": "optuna.pruners.ThresholdPruner", "upper": 2.0}
    )
    study = opened(tmp_path, {"loss": "minimize"}, pruner=pruner)
    study.ask()
    asked = study.ask()
    environment = job_environment(str(tmp_path / "study.db"), "search")
    for name, value in (environment | {"OPTUNA_TRIAL": str(asked.number)}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path.parent)
    trial = current_trial()
    assert trial is not None
    assert trial.number == 1
    trial.report(1.0, 0)
    assert not trial.should_prune()
    trial.report(3.0, 1)
    assert trial.should_prune()
