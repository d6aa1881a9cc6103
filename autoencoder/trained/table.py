"""Results of many runs as a table: a row a run, for questions that no report has asked."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from autoencoder import runs
from autoencoder.runs.identity import flatten
from autoencoder.runs.labels import Described, describe, labels
from autoencoder.trained.places import located

if TYPE_CHECKING:
    import pandas

log = logging.getLogger(__name__)


def results(path: str | Path) -> "pandas.DataFrame":
    """The finished runs in a directory as a pandas DataFrame, a row a run, sorted by path.

    Columns: `run`, what tells it apart, in words; `path`; a column for each override that differs
    between the runs, such as `model` and `model.latent_dim`, with the value of the config; `seed`;
    then everything in `metrics.json`, such as `test/mse`. What a run hasn't got is missing (NaN or
    None). Runs that are not finished or can't be read are left out, with a warning that says why.

    Args:
        path: A run, a sweep, or a folder above several; `multirun/reference` as for `load`.

    Raises:
        RunError: If there is no run in it.
    """
    import pandas

    found = runs.find_runs(located(path))
    left_out = dict(found.unfinished)
    described: list[Described] = []
    for run in found.finished:
        try:
            described.append(describe(run))
        except runs.RunError as error:
            left_out[run] = str(error)
    for run, reason in left_out.items():
        log.warning("%s is left out: %s", run, reason)
    if not described:
        raise runs.RunError(f"{path}: no run in it is finished")
    rows = []
    for one, label in zip(described, labels(described), strict=True):
        values = dict(flatten(one.config))
        told = {key: values.get(key, text or None) for key, text in label.differences.items()}
        rows.append(
            {
                "run": label.run,
                "path": str(one.path),
                **{
                    key: str(value) if isinstance(value, list) else value
                    for key, value in told.items()
                },
                "seed": one.config.get("seed"),
                **(runs.read_metrics(one.path) or {}),
            }
        )
    return pandas.DataFrame(rows)
