"""The Hydra sweeper that lets Optuna choose what to run next.

The plan of a search is kept in Optuna's storage alone, so a search that was stopped, however
roughly, goes on when its command is repeated. What counts are the trials in the storage, of which
there are never more than `n_trials`: a finished trial (complete, pruned or failed) counts and is
not run again; one that was still running when the search died is run again first, under its own
number and with its own parameters, and so in its own run directory.

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped] # its types are a package of their own
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Transformer,
)
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import CompactHydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    # Optuna is optional, and a program that only asks for --help should not wait for it.
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    Distribution = CategoricalDistribution | FloatDistribution | IntDistribution

from autoencoder import AutoencoderError

log = logging.getLogger(__name__)


class SearchError(AutoencoderError, CompactHydraException):
    """A search that cannot be run as it was asked for."""


class OptunaSweeper(Sweeper):
    """A Hydra sweeper that runs the trials of an Optuna study through any launcher.

    Args:
        metric: name, or names, of what a job returns.
        direction: `minimize` or `maximize`, for each metric.
        n_trials: trials in all, those already in the storage included.
        n_jobs: trials handed to the launcher at once.
        sampler: config of one of `optuna.samplers`; Optuna's default without one.
        pruner: config of one of `optuna.pruners`; no pruning without one.
        storage: path of an SQLite file, or URL of a database.
        study_name: name of the study in the storage.
        params: overrides that come before those of the command line.
    """

    def __init__(
        self,
        metric: str | Sequence[str],
        direction: str | Sequence[str],
        n_trials: int,
        n_jobs: int,
        sampler: DictConfig | None,
        pruner: DictConfig | None,
        storage: str,
        study_name: str,
        params: Mapping[str, Any],
    ) -> None:
        self.metrics = [metric] if isinstance(metric, str) else list(metric)
        self.directions = [direction] if isinstance(direction, str) else list(direction)
        self.n_trials = n_trials
        self.n_jobs = n_jobs
        self.sampler = sampler
        self.pruner = pruner
        self.storage = storage
        self.study_name = study_name
        self.params = params
        self.config: DictConfig
        self.launcher: Launcher
        self.hydra_context: HydraContext

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Build the launcher; Hydra calls this once, before `sweep`."""
        self.hydra_context = hydra_context
        self.config = config
        # Every job is composed with Hydra's own overrides, which are no part of its name. The
        # trial's number is declared here too: a job can then change it by a plain override, which
        # launchers leave out of what they print.
        config.hydra.overrides.hydra += [
            f"++hydra.job.env_set.{name}={QuotedString(value, Quote.single).with_quotes()}"
            for name, value in (
                ("OPTUNA_STORAGE", self._storage_url()),
                ("OPTUNA_STUDY", self.study_name),
                ("OPTUNA_TRIAL", ""),
            )
        ]
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Run the search that the overrides describe, up to `n_trials` trials in all.

        Args:
            arguments: the command line's overrides; those that sweep are the search space.

        Raises:
            SearchError: the search is not well described, or no trial came to an end.
        """
        _require_optuna()
        self._check_settings()
        lines = [f"{key}={value}" for key, value in self.params.items()] + arguments
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = {o.get_key_element(): o for o in parser.parse_overrides(lines)}
        fixed = [str(o.input_line) for o in overrides.values() if not o.is_sweep_override()]
        space = {k: _distribution(o) for k, o in overrides.items() if o.is_sweep_override()}
        if not space:
            raise SearchError(
                "hydra/sweeper=optuna needs something to search: give at least one override with "
                "several values, such as 'optimizer.lr=tag(log, interval(1e-4, 1e-2))'."
            )
        self._check_composition(fixed, space)

        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        with _only_search_in(folder):
            study = self._open_study(sorted(lines))
            OmegaConf.save(self.config, folder / "multirun.yaml")
            self._run_trials(study, fixed, space)
            _save_results(study, self.metrics, folder)
            _save_plots(study, self.metrics, folder)
        _report_failures(study)

    def _check_settings(self) -> None:
        if self.n_trials <= 0 or self.n_jobs <= 0:
            raise SearchError(
                f"hydra.sweeper.n_trials={self.n_trials} and hydra.sweeper.n_jobs={self.n_jobs} "
                "must both be at least 1."
            )
        if wrong := set(self.directions) - {"minimize", "maximize"}:
            raise SearchError(
                f"hydra.sweeper.direction must be minimize or maximize, not {sorted(wrong)}."
            )
        if len(self.directions) != len(self.metrics):
            raise SearchError(
                f"hydra.sweeper.direction has {len(self.directions)} direction(s) "
                f"{self.directions}, but there are {len(self.metrics)} metric(s) to optimize: "
                f"{self.metrics}. Give one for each, e.g. hydra.sweeper.direction="
                f"[{','.join(['minimize'] * len(self.metrics))}]."
            )

    def _check_composition(self, fixed: list[str], space: dict[str, Distribution]) -> None:
        # A misspelt key or choice is found now and not by its trial, hours later. Each choice is
        # composed once; of a number its lower end is enough.
        from optuna.distributions import CategoricalDistribution

        values = {
            key: choice.choices if isinstance(choice, CategoricalDistribution) else (choice.low,)
            for key, choice in space.items()
        }
        for i in range(max(map(len, values.values()))):
            swept = [f"{key}={choices[i % len(choices)]}" for key, choices in values.items()]
            self.validate_batch_is_legal([fixed + swept])

    def _open_study(self, overrides: list[str]) -> optuna.Study:
        """Create the study or load it; what an earlier process left running waits again."""
        import optuna

        # Through Hydra's loggers, as everything else.
        optuna.logging.disable_default_handler()
        optuna.logging.enable_propagation()
        storage = optuna.storages.RDBStorage(self._storage_url())
        study = optuna.create_study(
            storage=storage,
            study_name=self.study_name,
            directions=[optuna.study.StudyDirection[name.upper()] for name in self.directions],
            sampler=instantiate(self.sampler) if self.sampler else None,
            pruner=instantiate(self._pruner_config()),
            load_if_exists=True,
        )
        directions = [direction.name.lower() for direction in study.directions]
        if study.trials and (
            study.user_attrs["overrides"] != overrides or directions != self.directions
        ):
            raise SearchError(
                f"The study {self.study_name!r} in {self._storage_url()} is of another search:\n"
                f"  there: {shlex.join(study.user_attrs['overrides'])} {directions}\n"
                f"  now:   {shlex.join(overrides)} {self.directions}\n"
                "Repeat its command to continue it, or choose another sweep directory."
            )
        study.set_user_attr("overrides", overrides)
        study.set_user_attr("pruner", self._pruner_config())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(self.metrics)
        for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
            log.info("Trial %d did not finish and is run again", trial.number)
            trial_id = _trial_id(storage, self.study_name, trial.number)
            storage.set_trial_state_values(trial_id, optuna.trial.TrialState.WAITING)
        if study.trials:
            # Else a seeded sampler would draw the first trials' parameters once more.
            study.sampler.reseed_rng()
        return study

    def _pruner_config(self) -> dict[str, Any]:
        config = self.pruner or OmegaConf.create({"_target_": "optuna.pruners.NopPruner"})
        container = OmegaConf.to_container(config, resolve=True)
        assert isinstance(container, dict)
        return {str(key): value for key, value in container.items()}

    def _storage_url(self) -> str:
        if "://" in self.storage:
            return self.storage
        # Absolute, since a job may have another working directory.
        return f"sqlite:///{Path(self.storage).resolve()}"

    def _run_trials(
        self, study: optuna.Study, fixed: list[str], space: dict[str, Distribution]
    ) -> None:
        launcher_works = False
        while (left := self.n_trials - _count_finished(study)) > 0:
            if study.user_attrs.get("exhausted"):
                log.info("The sampler has tried all there is to try")
                break
            trials = [study.ask(dict(space)) for _ in range(min(self.n_jobs, left))]
            # Two trials of a batch with the same parameters would write the same run directory
            # at the same time, so they share one run.
            batch: dict[tuple[str, ...], list[optuna.trial.Trial]] = {}
            for trial in trials:
                swept = [f"{key}={_rounded(trial.params[key], space[key])}" for key in space]
                trial.set_user_attr("overrides", shlex.join(fixed + swept))
                batch.setdefault((*fixed, *swept), []).append(trial)
            jobs = [
                [*overrides, f"hydra.job.env_set.OPTUNA_TRIAL='{twins[0].number}'"]
                for overrides, twins in batch.items()
            ]
            try:
                returns = self.launcher.launch(jobs, initial_job_idx=trials[0].number)
            except Exception as error:
                # A worker that was killed takes its batch with it, and the search goes on. A
                # launcher that does not work at all stops it: its trials are left to be run again.
                if not launcher_works:
                    raise
                launcher_works = False
                for trial in trials:
                    _tell_failure(study, trial, error)
                continue
            launcher_works = True
            for twins, job in zip(batch.values(), returns, strict=True):
                for trial in twins:
                    self._tell(study, trial, job)

    def _tell(self, study: optuna.Study, trial: optuna.trial.Trial, job: JobReturn) -> None:
        import optuna

        # Not job.return_value: that would raise the job's error and call a pruned run a mistake.
        value = job._return_value
        if job.status is JobStatus.COMPLETED:
            values = _as_floats(value, self.metrics)
            if any(math.isnan(v) for v in values):
                _tell_failure(study, trial, ValueError(f"The run returned {value}"))
                return
            _finish(study, trial, "COMPLETE", values)
            results = (f"{name}={v:.6g}" for name, v in zip(self.metrics, values, strict=True))
            log.info("Trial %d finished: %s", trial.number, ", ".join(results))
        elif isinstance(value, optuna.TrialPruned) or _is_marked_pruned(study, trial):
            _finish(study, trial, "PRUNED")
            log.info("Trial %d pruned", trial.number)
        else:
            _tell_failure(study, trial, value)


def register() -> None:
    """Make the sweeper known to Hydra; to be called before the program's `hydra.main` function."""
    plugins = Plugins.instance()
    plugins.register(OptunaSweeper)
    # Hydra refuses a plugin whose name is not in the name space hydra_plugins. It looks the name
    # up in this table, so the class need not be moved to a package of that name.
    name = f"hydra_plugins.{OptunaSweeper.__module__}.{OptunaSweeper.__name__}"
    plugins.class_name_to_class[name] = OptunaSweeper


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


def _require_optuna() -> None:
    try:
        import optuna  # noqa: F401 (asks only whether it is there)
    except ImportError as error:
        raise SearchError(
            'hydra/sweeper=optuna needs Optuna: pip install "autoencoder[search]"'
        ) from error


@contextlib.contextmanager
def _only_search_in(folder: Path) -> Iterator[None]:
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


def _distribution(override: Override) -> Distribution:
    """The Optuna distribution that a sweep of Hydra's override grammar stands for."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    sweep = override.value()
    try:
        if isinstance(sweep, ChoiceSweep):
            # Numbers stay numbers. Optuna cannot hold the rest (lists, mappings), so it gets what
            # would be typed.
            return CategoricalDistribution(
                [v if isinstance(v, int | float) else Transformer.str(v) for v in sweep.list]
            )
        if isinstance(sweep, IntervalSweep):
            low, high, is_log = sweep.start, sweep.end, "log" in sweep.tags
            if isinstance(low, int) and isinstance(high, int):
                return IntDistribution(low, high, log=is_log)
            assert low is not None
            assert high is not None
            return FloatDistribution(low, high, log=is_log)
        if isinstance(sweep, RangeSweep):
            values, is_log = list(sweep.range()), "log" in sweep.tags
            if not values:
                raise ValueError("the range is empty")
            if isinstance(values[0], int):
                step = abs(int(sweep.step))
                return IntDistribution(min(values), max(values), step=step, log=is_log)
            return FloatDistribution(
                min(values), max(values), step=abs(float(sweep.step)), log=is_log
            )
    except ValueError as error:
        raise SearchError(f"Optuna cannot search {override.input_line}: {error}") from error
    raise SearchError(
        f"Optuna cannot search {override.input_line}: name the choices, "
        f"{override.get_key_element()}=a,b."
    )


def _rounded(value: Any, distribution: Distribution) -> Any:
    # Steps of .1 give .30000000000000004, which no one wants to see in a directory's name.
    return round(value, 12) if isinstance(getattr(distribution, "step", None), float) else value


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


def _tell_failure(study: optuna.Study, trial: optuna.trial.Trial, error: BaseException) -> None:
    trial.set_user_attr("error", f"{type(error).__name__}: {error}")
    _finish(study, trial, "FAIL")
    log.error("Trial %d failed: %s", trial.number, trial.user_attrs["error"], exc_info=error)


def _is_marked_pruned(study: optuna.Study, trial: optuna.trial.Trial) -> bool:
    # A run of several processes ends with an error of its own; the callback leaves this note.
    return "pruned" in study.get_trials(deepcopy=False)[trial.number].user_attrs


def _count_finished(study: optuna.Study) -> int:
    return sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))


def _report_failures(study: optuna.Study) -> None:
    failed = [trial for trial in study.trials if "error" in trial.user_attrs]
    for trial in failed:
        log.error(
            "Trial %d failed: %s\n  %s",
            trial.number,
            trial.user_attrs["error"],
            trial.user_attrs["overrides"],
        )
    if len(failed) == len(study.trials):
        raise SearchError(
            "All trials failed. A failed trial is not run again: when its cause is mended, start a "
            "new search, in another sweep directory or after deleting this one's storage."
        )


def _save_results(study: optuna.Study, metrics: list[str], folder: Path) -> None:
    """Write `optimization_results.yaml`: the best trial, or the Pareto front, and the failures."""
    states = [trial.state.name.lower() for trial in study.trials]
    results: dict[str, Any] = {
        "metrics": dict(zip(metrics, (d.name.lower() for d in study.directions), strict=True)),
        "trials": {state: states.count(state) for state in sorted(set(states))},
        "best": [
            {
                "trial": trial.number,
                "values": dict(zip(metrics, trial.values, strict=True)),
                "params": trial.params,
                "overrides": trial.user_attrs["overrides"],
            }
            for trial in study.best_trials
        ],
        "failed": {
            trial.number: trial.user_attrs["error"]
            for trial in study.trials
            if "error" in trial.user_attrs
        },
    }
    # Not through OmegaConf, which would take a ${...} in an error's text for an interpolation.
    text = yaml.safe_dump(results, sort_keys=False, width=1000)
    (folder / "optimization_results.yaml").write_text(text)
    for best in results["best"]:
        log.info("Best: trial %d, %s: %s", best["trial"], best["values"], best["overrides"])


def _save_plots(study: optuna.Study, metrics: list[str], folder: Path) -> None:
    """Save Optuna's own pictures of the study as PNG files."""
    import optuna

    completed = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    if not completed:
        return

    import matplotlib.pyplot as plt
    from optuna.visualization import matplotlib as pictures

    plots: dict[Callable[..., Any], dict[str, str]] = {pictures.plot_pareto_front: {}}
    if len(metrics) == 1:
        # Not the parallel coordinates: their colour bar covers the labels of a logarithmic axis.
        label = {"target_name": metrics[0]}
        plots = {pictures.plot_optimization_history: label, pictures.plot_slice: label}
        if len(completed) > 1:
            plots[pictures.plot_param_importances] = label
        if any(trial.intermediate_values for trial in study.trials):
            plots[pictures.plot_intermediate_values] = {}
    for plot, options in plots.items():
        filename = f"{plot.__name__.removeprefix('plot_')}.png"
        # Optuna's pictures set a style for the whole process, and each warns that it may change.
        with plt.rc_context(), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            try:
                plot(study, **options)
                plt.gcf().savefig(folder / filename, dpi=150, bbox_inches="tight")
            except Exception as error:
                # The search is done and stored: a picture must not turn it into a failure.
                log.warning("%s could not be drawn: %s", filename, error)
            finally:
                plt.close("all")
