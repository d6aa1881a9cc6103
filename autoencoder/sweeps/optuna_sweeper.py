"""The Hydra sweeper that lets Optuna choose what to run next."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from autoencoder import runs
from autoencoder.sweeps.search_results import report_failures, save_plots, save_results
from autoencoder.sweeps.search_space import SearchError, distribution, rounded
from autoencoder.sweeps.study import (
    count_finished,
    job_environment,
    only_search_in,
    open_study,
    tell,
    tell_failure,
)

if TYPE_CHECKING:
    # Optuna is optional, and a program that only asks for --help should not wait for it.
    import optuna

    from autoencoder.sweeps.search_space import Distribution

log = logging.getLogger(__name__)


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
            for name, value in job_environment(self.storage, self.study_name).items()
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
        try:
            import optuna  # noqa: F401 (asks only whether it is there)
        except ImportError as error:
            raise SearchError("hydra/sweeper=optuna needs Optuna: pip install optuna") from error
        self._check_settings()
        if self.config.get("pairs") is not None:
            raise SearchError("pairs: a search chooses itself what goes together")
        lines = [f"{key}={value}" for key, value in self.params.items()] + arguments
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = {o.get_key_element(): o for o in parser.parse_overrides(lines)}
        fixed = [str(o.input_line) for o in overrides.values() if not o.is_sweep_override()]
        space = {k: distribution(o) for k, o in overrides.items() if o.is_sweep_override()}
        if not space:
            raise SearchError(
                "hydra/sweeper=optuna needs something to search: give at least one override with "
                "several values, such as 'optimizer.lr=tag(log, interval(1e-4, 1e-2))'."
            )
        self._check_composition(fixed, space)

        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        with only_search_in(folder):
            study = open_study(
                self.storage,
                self.study_name,
                dict(zip(self.metrics, self.directions, strict=True)),
                sorted(lines),
                self.sampler,
                self.pruner,
            )
            OmegaConf.save(self.config, folder / runs.SWEEP)
            self._run_trials(study, fixed, space)
            save_results(study, self.metrics, folder)
            save_plots(study, self.metrics, folder)
        report_failures(study)

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

    def _run_trials(
        self, study: optuna.Study, fixed: list[str], space: dict[str, Distribution]
    ) -> None:
        launcher_works = False
        while (left := self.n_trials - count_finished(study)) > 0:
            if study.user_attrs.get("exhausted"):
                log.info("The sampler has tried all there is to try")
                break
            trials = [study.ask(dict(space)) for _ in range(min(self.n_jobs, left))]
            # Two trials of a batch with the same parameters would write the same run directory
            # at the same time, so they share one run.
            batch: dict[tuple[str, ...], list[optuna.trial.Trial]] = {}
            for trial in trials:
                swept = [f"{key}={rounded(trial.params[key], space[key])}" for key in space]
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
                    tell_failure(study, trial, error)
                continue
            launcher_works = True
            for twins, job in zip(batch.values(), returns, strict=True):
                for trial in twins:
                    tell(study, trial, job, self.metrics)
