"""The reference table as `docs/results.md` shows it, from the report of `multirun/reference`.

    python benchmarks/reference_table.py

`--write` puts it into that page, in place of the one that is there.
"""

import csv
import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from autoencoder.metrics import COLUMNS as METRICS
from autoencoder.metrics import Metric, in_words

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "multirun/reference/report/results.csv"
PAGE = ROOT / "docs/results.md"
# The table in that page, between these marks.
MARKED = re.compile(r"(<!-- reference table -->\n)(.*?)(<!-- /reference table -->)", re.DOTALL)

COLUMNS = (
    "latent_size", "parameters", "mse", "pca_ratio", "psnr", "knn", "frechet", "named_as_asked",
)  # fmt: skip


def table() -> str:
    """The table in Markdown, a line a row of `results.csv`."""
    with RESULTS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [["run", "seeds", *(_heading(METRICS[column]) for column in COLUMNS)]]
    lines.append(["---", *("---:" for _ in lines[0][1:])])
    for row in rows:
        cells = [_cell(row, METRICS[column]) for column in COLUMNS]
        lines.append([row["run"], row["n"], *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _heading(metric: Metric) -> str:
    return f"{metric.title} (reference)" if metric.floor else metric.title


def _cell(row: Mapping[str, str], metric: Metric) -> str:
    """Mean and spread over the seeds, and the floor in brackets."""
    mean, std = _number(row[metric.column]), _number(row[f"{metric.column}_std"])
    if math.isnan(mean):
        is_free = metric.column == "pca_ratio" and row["overcomplete"] == "True"
        return "overcomplete" if is_free else ""
    text = in_words(mean, std, metric.format)
    under = _number(row[metric.floor]) if metric.floor else math.nan
    return text if math.isnan(under) else f"{text} ({format(under, metric.format)})"


def _number(text: str) -> float:
    return float(text) if text else math.nan


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(MARKED.sub(rf"\g<1>{table()}\g<3>", PAGE.read_text()))
    else:
        print(table(), end="")
