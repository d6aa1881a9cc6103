"""What a search leaves in its directory: its best trials, its failures, Optuna's pictures."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped] # its types are a package of their own

from autoencoder.sweeps.search_space import SearchError

if TYPE_CHECKING:
    # Optuna is optional, and a program that only asks for --help should not wait for it.
    import optuna

log = logging.getLogger(__name__)


def save_results(study: optuna.Study, metrics: list[str], folder: Path) -> None:
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


def save_plots(study: optuna.Study, metrics: list[str], folder: Path) -> None:
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


def report_failures(study: optuna.Study) -> None:
    """Logs what has failed and the overrides that repeat it.

    Raises:
        SearchError: If nothing else has come out.
    """
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
