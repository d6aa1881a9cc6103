"""The table of a report, as HTML, as Markdown and on the console."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup
from rich.table import Table

from autoencoder.console import fitted_table
from autoencoder.metrics import COLUMNS, Metric, in_words
from autoencoder.report.write.rows import Row, best
from autoencoder.report.write.templates import plain, rendered

# Columns that make room on a narrow console, in this order.
_DROPPED = ("frechet", "knn", "clean_mse", "psnr", "latent_size", "pca_mse")


class Cell(NamedTuple):
    """What stands in a cell, and whether it is the best number of its column."""

    text: str
    best: bool = False


class Column(NamedTuple):
    """A column: its heading, what that means, and a cell for each row."""

    title: str
    meaning: str
    cells: list[Cell]


def html_table(rows: Sequence[Row]) -> Markup:
    """The table as HTML; the best numbers are of class `best`."""
    columns = _columns(rows, list(COLUMNS.values()))
    lines = zip(_names(rows), zip(*(column.cells for column in columns), strict=True), strict=True)
    return rendered("table", columns=columns, lines=list(lines))


def markdown_table(rows: Sequence[Row]) -> str:
    """The table as Markdown; the best numbers are bold."""
    columns = _columns(rows, list(COLUMNS.values()))
    lines = [
        ["run", *(column.title for column in columns)],
        ["---", *("---:" for _ in columns)],
    ]
    for name, *cells in zip(_names(rows), *(column.cells for column in columns), strict=True):
        texts = (f"**{cell.text}**" if cell.best else cell.text for cell in cells)
        lines.append([plain(name).replace("|", "\\|"), *texts])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def console_table(rows: Sequence[Row], width: int) -> Table:
    """The most important columns that fit into `width` characters; the best are starred."""
    brief = [metric for metric in COLUMNS.values() if "report" in metric.brief]
    return fitted_table(
        _names(rows),
        {
            column.title: [
                f"[bold]{cell.text}*[/bold]" if cell.best else cell.text for cell in column.cells
            ]
            for column in _columns(rows, brief)
        },
        width,
        [COLUMNS[column].title for column in _DROPPED],
        caption="* the best of those that can be compared; more columns are in the report",
    )


def number(row: Row, column: str) -> str:
    """The mean of a number, as its column writes it."""
    return format(row.mean(column), COLUMNS[column].format)


def spread(row: Row, column: str) -> str:
    """The same with its spread over the seeds, where there is one."""
    return in_words(row.mean(column), row.std(column), COLUMNS[column].format)


def _columns(rows: Sequence[Row], metrics: Sequence[Metric]) -> list[Column]:
    """The columns in which a row has a number; PCA's also where all are overcomplete."""
    marked = best(rows)
    found = [
        Column(
            metric.title,
            metric.meaning,
            [
                Cell(_text(row, column), (row.first.data_key, row.group, column) in marked)
                for row in rows
            ],
        )
        for metric in metrics
        if (column := metric.column) == "pca_mse" or any(row.has(column) for row in rows)
    ]
    if any(len(row.seeds) > 1 for row in rows):
        found.insert(
            0, Column("n", "runs, of one seed each", [Cell(str(len(row.seeds))) for row in rows])
        )
    return found


def _text(row: Row, column: str) -> str:
    is_free = column == "pca_mse" and row.overcomplete and not row.has(column)
    return "overcomplete" if is_free else spread(row, column)


def _names(rows: Sequence[Row]) -> list[str]:
    """The groups, with their data sets where there are several and the group does not say so."""
    several = len({row.first.data_key for row in rows}) > 1
    return [
        f"{row.group} ({row.first.data.get('name', '')})"
        if several and "data" not in row.differences
        else row.group
        for row in rows
    ]
