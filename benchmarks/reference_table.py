"""The reference table as the README shows it, from `multirun/reference/report/results.csv`.

    python benchmarks/reference_table.py

`--write` puts it into the README, in place of the one that is there.
"""

import csv
import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "multirun/reference/report/results.csv"
README = ROOT / "README.md"
# The table in the README, between these marks.
MARKED = re.compile(r"(<!-- reference table -->\n)(.*?)(<!-- /reference table -->)", re.DOTALL)

# Heading, column of results.csv, format, and the column of the floor that stands behind it.
COLUMNS = (
    ("latent", "latent_size", ",.0f", None),
    ("parameters", "parameters", ",.0f", None),
    ("test MSE", "mse", ".5f", None),
    ("over PCA's", "pca_ratio", ".3f", None),
    ("PSNR, dB (linear)", "psnr", ".2f", "linear_psnr"),
    ("k-NN (PCA)", "knn", ".3f", "pca_knn"),
    ("Fréchet (real)", "frechet", ".1f", "frechet_floor"),
    ("as asked", "named_as_asked", ".1%", None),
)


def table() -> str:
    """The table in Markdown, a line a row of `results.csv`."""
    with RESULTS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [["run", "seeds", *(heading for heading, *_ in COLUMNS)]]
    lines.append(["---", *("---:" for _ in lines[0][1:])])
    for row in rows:
        cells = [_cell(row, *column) for _, *column in COLUMNS]
        lines.append([row["run"], row["n"], *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(row: Mapping[str, str], column: str, style: str, floor: str | None) -> str:
    """Mean and spread over the seeds, and the floor in brackets."""
    mean, std = _number(row[column]), _number(row.get(f"{column}_std", ""))
    if math.isnan(mean):
        return "overcomplete" if column == "pca_ratio" and row["overcomplete"] == "True" else ""
    text = format(mean, style)
    if std > 0:
        text += f" ± {std:.1%}" if style.endswith("%") else f" ± {std:.1g}"
    under = _number(row[floor]) if floor else math.nan
    return text if math.isnan(under) else f"{text} ({format(under, style)})"


def _number(text: str) -> float:
    return float(text) if text else math.nan


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        README.write_text(MARKED.sub(rf"\g<1>{table()}\g<3>", README.read_text()))
    else:
        print(table(), end="")
