"""The table of a report: a row for each design, its runs grouped over the seed."""

import csv
import html
import io
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rich.table import Table

from autoencoder.console import fitted_table
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.runs.labels import NO_NOISE, noise_in_words


class Column(NamedTuple):
    """A column of numbers.

    Attributes:
        key: Of `Evaluation.columns`.
        title: Its heading.
        meaning: What the number is.
        better: -1 where less is better, 1 where more is, 0 where neither.
        format: Of a number.
        same_noise: Whether only runs with the same noise can be compared by it.
        same_bound: Whether only variational runs can be compared by it that have the same
            likelihood, and both see labels or neither does.
        brief: Whether the console has room for it.
    """

    key: str
    title: str
    meaning: str
    better: int
    format: str
    same_noise: bool = False
    same_bound: bool = False
    brief: bool = False


COLUMNS = (
    Column("latent_size", "latent size", "numbers in a latent", 0, ",.0f", brief=True),
    Column("compression", "compression", "pixels of an image / latent size", 0, ".3g"),
    Column("parameters", "parameters", "trained numbers of the network", 0, ",.0f"),
    Column("mse", "test MSE", "mean squared error over all pixels; input as the run's noise "
           "leaves it, target clean", -1, "#.3g", same_noise=True, brief=True),
    Column("psnr", "PSNR, dB", "10 log10(1 / test MSE)", 1, ".2f", same_noise=True, brief=True),
    Column("ssim", "SSIM", "structural similarity; 1 is perfect", 1, ".3f", same_noise=True),
    Column("clean_mse", "clean MSE", "mean squared error with the clean image as input", -1,
           "#.3g", brief=True),
    Column("pca_mse", "PCA MSE", "clean images through PCA of the same latent size, fitted on the "
           "same training images, clipped to [0, 1]", 0, "#.3g", brief=True),
    Column("pca_ratio", "ratio to PCA", "clean MSE / PCA MSE; above 1 the network loses to PCA",
           -1, ".2f", brief=True),
    Column("input_psnr", "PSNR of doing nothing, dB", "of the corrupted images themselves", 0,
           ".2f"),
    Column("linear_psnr", "PSNR of the best linear, dB", "the best PCA projection or Wiener filter "
           "of the same noise", 0, ".2f"),
    Column("knn", "k-NN", "accuracy of 5 nearest neighbours among the training latents", 1, ".3f",
           brief=True),
    Column("pca_knn", "k-NN on PCA", "the same on PCA of the same size", 0, ".3f"),
    Column("linear_probe", "linear probe", "accuracy of a ridge classifier on the latents", 1,
           ".3f"),
    Column("pca_linear_probe", "linear probe on PCA", "the same on PCA of the same size", 0, ".3f"),
    Column("trustworthiness", "trustworthiness", "whether neighbours in the latent are neighbours "
           "as images; 1 is perfect", 1, ".3f"),
    Column("silhouette", "silhouette", "how far the classes are apart in the latent, -1 to 1", 1,
           ".3f"),
    Column("dead_units", "dead units", "latent dimensions that don't vary", 0, ",.0f"),
    Column("participation_ratio", "participation ratio", "effective number of latent dimensions",
           0, ".3g"),
    Column("frechet", "Fréchet distance", "of generated images to the training images, by features "
           "of this report's own classifier: not the FID, which takes Inception's; latents are "
           "drawn from the prior or, where there is none, from a Gaussian fitted on the training "
           "latents", -1, ".3g", brief=True),
    Column("frechet_floor", "Fréchet distance of real images", "of the test images, by the same "
           "features", 0, ".3g"),
    Column("precision", "precision", "share of generated images among the real ones, by the same "
           "features", 1, ".3f"),
    Column("precision_floor", "precision of real images", "of the test images", 0, ".3f"),
    Column("recall", "recall", "share of real images among the generated ones, by the same "
           "features; high for images that are merely far apart, so read it beside the precision",
           1, ".3f"),
    Column("recall_floor", "recall of real images", "of the test images", 0, ".3f"),
    Column("named_as_asked", "named as asked", "share of the images generated of a class that the "
           "classifier gives the name of it", 1, ".3f"),
    Column("named_as_asked_floor", "real images named right", "test accuracy of the classifier", 0,
           ".3f"),
    Column("elbo", "ELBO, nats", "evidence lower bound of log p(x) of an image, or of "
           "log p(x|label) where the network sees labels", 1, ",.1f",
           same_noise=True, same_bound=True),
    Column("iwae", "IWAE bound, nats", "importance-weighted bound of the same: tighter than the "
           "ELBO", 1, ",.1f", same_noise=True, same_bound=True),
    Column("reconstruction", "reconstruction, nats", "minus E log p(x|z), an image", 0, ",.1f"),
    Column("kl", "KL, nats", "KL(q(z|x) || p(z)), an image", 0, ",.1f"),
    Column("active_units", "active units", "latent dimensions whose posterior means vary by more "
           "than 0.01", 0, ",.0f"),
    Column("train_seconds", "training, s", "wall time of all epochs", -1, ",.0f"),
    Column("images_per_second", "images/s", "training images a second", 1, ",.0f"),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Row:
    """Runs that differ in the seed alone.

    Attributes:
        evaluations: The runs.
        noise: The noise that they are tested with, in words.
    """

    evaluations: tuple[Evaluation, ...]
    noise: str

    @property
    def first(self) -> Evaluation:
        """One of the runs: what holds for all of them can be read off it."""
        return self.evaluations[0]

    @property
    def group(self) -> str:
        """The label of the runs without the seed."""
        return self.first.group

    @property
    def seeds(self) -> list[int]:
        """The seeds of the runs."""
        return [run.config.get("seed", 0) for run in self.evaluations]

    @property
    def overcomplete(self) -> bool:
        """Whether the latent holds as many numbers as the image has pixels, or more."""
        return self.mean("latent_size") >= math.prod(self.first.image_shape)

    def values(self, column: str) -> list[float]:
        """The numbers of the runs that have one."""
        values = (run.columns.get(column, math.nan) for run in self.evaluations)
        return [value for value in values if not math.isnan(value)]

    def mean(self, column: str) -> float:
        """Mean over the runs; NaN where none has a number."""
        values = self.values(column)
        return statistics.fmean(values) if values else math.nan

    def std(self, column: str) -> float:
        """Standard deviation over the runs (divisor n - 1); NaN for fewer than two."""
        values = self.values(column)
        return statistics.stdev(values) if len(values) > 1 else math.nan


def rows(evaluations: Sequence[Evaluation]) -> list[Row]:
    """The rows, sorted by data set, by noise (none first), then by test MSE."""
    groups: dict[tuple[str, str], list[Evaluation]] = {}
    for run in evaluations:
        groups.setdefault((run.group, run.data_key), []).append(run)
    data_keys = list(dict.fromkeys(run.data_key for run in evaluations))
    return sorted(
        (Row(tuple(runs), noise_in_words(runs[0].config.get("noise"))) for runs in groups.values()),
        key=lambda row: (
            data_keys.index(row.first.data_key),
            row.noise != NO_NOISE,
            row.noise,
            row.mean("mse"),
        ),
    )


def best(rows: Sequence[Row]) -> set[tuple[str, str, str]]:
    """The best numbers, as `(data_key, group, column)`, among rows that can be compared by it."""
    found = set()
    for column in COLUMNS:
        comparable: dict[tuple[str, str, str], list[Row]] = {}
        for row in rows:
            if column.better and not math.isnan(row.mean(column.key)):
                noise = row.noise if column.same_noise else ""
                bound = (
                    f"{row.first.likelihood}{row.first.sees_labels}" if column.same_bound else ""
                )
                key = row.first.data_key, noise, bound
                comparable.setdefault(key, []).append(row)
        for (data_key, *_), group in comparable.items():
            if len(group) > 1:
                wanted = max(column.better * row.mean(column.key) for row in group)
                found |= {
                    (data_key, row.group, column.key)
                    for row in group
                    if column.better * row.mean(column.key) == wanted
                }
    return found


def results_csv(rows: Sequence[Row]) -> str:
    """A line for each row: what differs, n, and mean and standard deviation of each number."""
    keys = list(dict.fromkeys(key for row in rows for key in row.first.differences))
    lines = []
    for row in rows:
        numbers = {}
        for column in COLUMNS:
            numbers[column.key] = row.mean(column.key)
            numbers[f"{column.key}_std"] = row.std(column.key)
        lines.append(
            {
                "run": row.group,
                **{key: row.first.differences.get(key, "") for key in keys},
                "n": len(row.evaluations),
                "seeds": " ".join(map(str, row.seeds)),
                "data": row.first.data.get("name", ""),
                "test_noise": row.noise,
                "overcomplete": row.overcomplete,
                **numbers,
            }
        )
    return _csv(lines)


def runs_csv(rows: Sequence[Row]) -> str:
    """A line for each run."""
    return _csv(
        [
            {
                "run": run.label,
                "group": run.group,
                "seed": run.config.get("seed", ""),
                "folder": run.path.name,
                **{column.key: run.columns.get(column.key, math.nan) for column in COLUMNS},
            }
            for row in rows
            for run in row.evaluations
        ]
    )


def html_table(rows: Sequence[Row]) -> str:
    """The table as HTML; the best numbers are of class `best`."""
    shown, marked = _shown(rows), best(rows)
    heads = "".join(
        f'<th scope="col" title="{html.escape(column.meaning)}">{html.escape(column.title)}</th>'
        for column in shown
    )
    n_head = '<th scope="col" title="runs, of one seed each">n</th>' if _repeated(rows) else ""
    lines = []
    for row in rows:
        cells = [f'<th scope="row">{html.escape(_name(row, rows))}</th>']
        if n_head:
            cells.append(f"<td>{len(row.evaluations)}</td>")
        for column in shown:
            text = html.escape(_cell(row, column))
            if (row.first.data_key, row.group, column.key) in marked:
                cells.append(f'<td class="best"><strong>{text}</strong></td>')
            else:
                cells.append(f"<td>{text}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<table><thead><tr><th scope="col">run</th>{n_head}{heads}</tr></thead>\n'
        "<tbody>\n" + "\n".join(lines) + "\n</tbody></table>"
    )


def markdown_table(rows: Sequence[Row]) -> str:
    """The table as Markdown; the best numbers are bold."""
    shown, marked = _shown(rows), best(rows)
    heads = ["run", *(["n"] if _repeated(rows) else []), *(column.title for column in shown)]
    lines = [heads, ["---", *("---:" for _ in heads[1:])]]
    for row in rows:
        cells = [_name(row, rows).replace("|", "\\|")]
        if _repeated(rows):
            cells.append(str(len(row.evaluations)))
        for column in shown:
            text = _cell(row, column)
            is_best = (row.first.data_key, row.group, column.key) in marked
            cells.append(f"**{text}**" if is_best else text)
        lines.append(cells)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def console_table(rows: Sequence[Row], width: int) -> Table:
    """The most important columns that fit into `width` characters; the best are starred."""
    marked = best(rows)
    columns = {"n": [str(len(row.evaluations)) for row in rows]} if _repeated(rows) else {}
    shown = [column for column in _shown(rows) if column.brief]
    for column in shown:
        columns[column.title] = [
            f"[bold]{_cell(row, column)}*[/bold]"
            if (row.first.data_key, row.group, column.key) in marked
            else _cell(row, column)
            for row in rows
        ]
    titles = {column.key: column.title for column in shown}
    return fitted_table(
        [_name(row, rows) for row in rows],
        columns,
        width,
        [titles[key] for key in _DROPPED if key in titles],
        caption="* the best of those that can be compared; more columns are in the report",
    )


# Columns that make room on a narrow console, in this order.
_DROPPED = ("frechet", "knn", "clean_mse", "psnr", "latent_size", "pca_mse")


def number(value: float, column: str) -> str:
    """A number as its column writes it."""
    return format(value, next(item.format for item in COLUMNS if item.key == column))


def _cell(row: Row, column: Column) -> str:
    mean, std = row.mean(column.key), row.std(column.key)
    if math.isnan(mean):
        return "overcomplete" if column.key == "pca_mse" and row.overcomplete else "\N{EN DASH}"
    text = format(mean, column.format)
    # What all runs share, such as the latent size, has no spread to tell of.
    return f"{text} ± {std:.1g}" if not math.isnan(std) and std > 0 else text


def _shown(rows: Sequence[Row]) -> list[Column]:
    """The columns in which a row has a number; PCA's also where all are overcomplete."""
    return [
        column
        for column in COLUMNS
        if column.key == "pca_mse" or any(row.values(column.key) for row in rows)
    ]


def _repeated(rows: Sequence[Row]) -> bool:
    return any(len(row.evaluations) > 1 for row in rows)


def _name(row: Row, rows: Sequence[Row]) -> str:
    """The group, with its data set where there are several and the group does not say so."""
    several = len({other.first.data_key for other in rows}) > 1
    name = row.first.data.get("name", "")
    return f"{row.group} ({name})" if several and "data" not in row.first.differences else row.group


def _csv(lines: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: _exact(value) for name, value in line.items()})
    return text.getvalue()


def _exact(value: Any) -> Any:
    """Floats so that they read back as the same number; nothing for NaN."""
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return value
