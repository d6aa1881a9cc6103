"""The facts of a report's rows and columns that scripts of its page are given."""

import shlex
from collections.abc import Sequence
from typing import Any

from autoencoder.metrics import COLUMNS
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write.charts import styles
from autoencoder.report.write.rows import Row
from autoencoder.report.write.table import columns
from autoencoder.runs.environment import program

# Numbers of each run that an opened row shows.
_OF_A_RUN = ("mse", "psnr", "clean_mse", "pca_ratio", "knn", "frechet", "train_seconds")
_OF_A_COLUMN = ("name", "title", "topic", "better", "shown")


def facts(rows: Sequence[Row]) -> dict[str, Any]:
    """Rows with their runs, and columns, as JSON has them."""
    of_a_run = [name for name in _OF_A_RUN if any(row.has(name) for row in rows)]
    return {
        "groups": [
            {
                "name": row.group,
                "color": color,
                "marker": marker,
                "runs": [_run(run, of_a_run) for run in row.evaluations],
            }
            for row, (color, marker) in zip(rows, styles(rows), strict=True)
        ],
        "table": {
            "columns": [
                {name: getattr(column, name) for name in _OF_A_COLUMN} for column in columns(rows)
            ],
            "seeds": [{"name": name, "title": COLUMNS[name].title} for name in of_a_run],
        },
    }


def _run(run: Evaluation, names: Sequence[str]) -> dict[str, Any]:
    again = [
        *program("train"),
        "--config-dir",
        f"{run.path}/.hydra",
        "experiment=this",
        "name=again",
    ]
    numbers = [run.columns.get(name, float("nan")) for name in names]
    return {
        "label": run.label,
        "seed": str(run.config.get("seed", "")),
        "folder": str(run.path),
        "command": run.environment.get("command", ""),
        "again": shlex.join(again),
        "numbers": [
            format(number, COLUMNS[name].format) if number == number else "\N{EN DASH}"
            for name, number in zip(names, numbers, strict=True)
        ],
    }
