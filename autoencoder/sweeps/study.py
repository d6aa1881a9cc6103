"""A search as Optuna's storage holds it: opened, told how its trials ended, met by its jobs.

The plan of a search is kept there alone, so a search that was stopped, however roughly, goes on
when its command is repeated. What counts are the trials in the storage, of which there are never
more than asked for: a finished trial (complete, pruned or failed) counts and is not run again; one
that was still running when the search died is run again first, under its own number and with its
own parameters, and so in its own run directory.

A job learns which trial it is from environment variables that Hydra sets for that job alone
(`hydra.job.env_set`). Any launcher passes them on, and neither the job's config, nor its overrides,
nor the name of its directory know of them.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shlex
import warnings
from collections.abc import Iterator
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from autoencoder.sweeps.search_space import SearchError

if TYPE_CHECKING:
    # Optuna is optional, and a program that only asks for --help should not wait for it.
    import optuna

log = logging.getLogger(__name__)


def storage_url(storage: str) -> str:
    """The URL of a database, which an SQLite file has as well."""
    # Absolute, since a job may have another working directory.
    return storage if "://" in storage else f"sqlite:///{Path(storage).resolve()}"


def job_environment(storage: str, study_name: str) -> dict[str, str]:
    """What a job is told of its search; which trial it is, is left open."""
    return {
        "OPTUNA_STORAGE": storage_url(storage), "OPTUNA_STUDY": study_name, "OPTUNA_TRIAL": "",
    }  # fmt: skip


def current_trial() -> optuna.trial.Trial | None:
    """The Optuna trial that this job is, with the pruner of its search; None outside a search."""
    if not os.environ.get("OPTUNA_TRIAL"):
        return None
    import optuna

    name = os.environ["OPTUNA_STUDY"]
    storage = optuna.storages.RDBStorage(os.environ["OPTUNA_STORAGE"])
    attributes = storage.get_study_user_attrs(storage.get_study_id_from_name(name))
    study = optuna.load_study(
        study_name=name,
        storage=storage,
        # The parameters are drawn already, by the sweeper.
        sampler=optuna.samplers.RandomSampler(),
        pruner=instantiate(attributes["pruner"]),
    )
    return optuna.trial.Trial(study, _trial_id(storage, name, int(os.environ["OPTUNA_TRIAL"])))


def open_study(
    storage_name: str,
    study_name: str,
    goals: dict[str, str],
    overrides: list[str],
    sampler: DictConfig | None,
    pruner: DictConfig | None,
) -> optuna.Study:
    """Creates a study or loads it; what an earlier process left running waits again.

    Args:
        storage_name: Path of an SQLite file, or URL of a database.
        study_name: Its name there.
        goals: `minimize` or `maximize` for each metric.
        overrides: Of the search, by which another one is told.
        sampler: Config of one of `optuna.samplers`; Optuna's default without one.
        pruner: Config of one of `optuna.pruners`; no pruning without one.

    Raises:
        SearchError: If the study is of another search.
    """
    import optuna

    nop = OmegaConf.create({"_target_": "optuna.pruners.NopPruner"})
    pruner_config = OmegaConf.to_container(pruner or nop, resolve=True)
    # Through Hydra's loggers, as everything else.
    optuna.logging.disable_default_handler()
    optuna.logging.enable_propagation()
    storage = optuna.storages.RDBStorage(storage_url(storage_name))
    study = optuna.create_study(
        storage=storage,
        study_name=study_name,
        directions=[optuna.study.StudyDirection[name.upper()] for name in goals.values()],
        sampler=instantiate(sampler) if sampler else None,
        pruner=instantiate(pruner_config),
        load_if_exists=True,
    )
    directions = [direction.name.lower() for direction in study.directions]
    if study.trials and (
        study.user_attrs["overrides"] != overrides or directions != list(goals.values())
    ):
        raise SearchError(
            f"The study {study_name!r} in {storage_url(storage_name)} is of another search:\n"
            f"  there: {shlex.join(study.user_attrs['overrides'])} {directions}\n"
            f"  now:   {shlex.join(overrides)} {list(goals.values())}\n"
            "Repeat its command to continue it, or choose another sweep directory."
        )
    study.set_user_attr("overrides", overrides)
    study.set_user_attr("pruner", pruner_config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names(list(goals))
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        log.info("Trial %d did not finish and is run again", trial.number)
        trial_id = _trial_id(storage, study_name, trial.number)
        storage.set_trial_state_values(trial_id, optuna.trial.TrialState.WAITING)
    if study.trials:
        # Else a seeded sampler would draw the first trials' parameters once more.
        study.sampler.reseed_rng()
    return study


@contextlib.contextmanager
def only_search_in(folder: Path) -> Iterator[None]:
    """A lock on a sweep directory, which the system releases however the process ends.

    Without it a command that is repeated too early would take the trials of the search that is
    still going on for those of one that was killed.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    with (folder / "optuna.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SearchError(f"Another search is running in {folder}.") from error
        except OSError:
            log.warning("%s cannot be locked: run only one search at a time there", folder)
        yield


def tell(
    study: optuna.Study, trial: optuna.trial.Trial, job: JobReturn, metrics: list[str]
) -> None:
    """Stores how a trial has ended.

    Raises:
        SearchError: If its run has not returned a number for each metric.
    """
    import optuna

    # Not job.return_value: that would raise the job's error and call a pruned run a mistake.
    value = job._return_value
    if job.status is JobStatus.COMPLETED:
        values = _as_floats(value, metrics)
        if any(math.isnan(v) for v in values):
            tell_failure(study, trial, ValueError(f"The run returned {value}"))
            return
        _finish(study, trial, "COMPLETE", values)
        results = (f"{name}={v:.6g}" for name, v in zip(metrics, values, strict=True))
        log.info("Trial %d finished: %s", trial.number, ", ".join(results))
    elif isinstance(value, optuna.TrialPruned) or _is_marked_pruned(study, trial):
        _finish(study, trial, "PRUNED")
        log.info("Trial %d pruned", trial.number)
    else:
        tell_failure(study, trial, value)


def _as_floats(value: Any, metrics: list[str]) -> list[float]:
    values = value if isinstance(value, list | tuple) else [value]
    if len(values) != len(metrics) or not all(isinstance(v, Real) for v in values):
        # The fault of the program, not of the trial: it is left to be run again.
        raise SearchError(
            f"The run returned {value!r}, but hydra.sweeper.metric names {len(metrics)} number(s): "
            f"{metrics}."
        )
    return [float(v) for v in values]


def _trial_id(storage: optuna.storages.BaseStorage, study_name: str, number: int) -> int:
    study_id = storage.get_study_id_from_name(study_name)
    return storage.get_trial_id_from_study_id_trial_number(study_id, number)


def _finish(
    study: optuna.Study, trial: optuna.trial.Trial, state: str, values: list[float] | None = None
) -> None:
    import optuna

    try:
        study.tell(trial, values, state=optuna.trial.TrialState[state])
    except RuntimeError as error:
        # A sampler that has tried everything there is (a grid) stops the study, once the trial is
        # stored, in a way that is allowed within Optuna's own loop only.
        if "stop" not in str(error):
            raise
        study.set_user_attr("exhausted", True)


def tell_failure(study: optuna.Study, trial: optuna.trial.Trial, error: BaseException) -> None:
    """Stores that a trial has failed, and why."""
    trial.set_user_attr("error", f"{type(error).__name__}: {error}")
    _finish(study, trial, "FAIL")
    log.error("Trial %d failed: %s", trial.number, trial.user_attrs["error"], exc_info=error)


def _is_marked_pruned(study: optuna.Study, trial: optuna.trial.Trial) -> bool:
    # A run of several processes ends with an error of its own; the callback leaves this note.
    return "pruned" in study.get_trials(deepcopy=False)[trial.number].user_attrs


def count_finished(study: optuna.Study) -> int:
    """Trials that are not run again."""
    return sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
