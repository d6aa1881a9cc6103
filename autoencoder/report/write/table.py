"""The table of a report, as HTML, as Markdown and on the console."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup
from rich.table import Table

from autoencoder.console import fitted_table
from autoencoder.metrics import COLUMNS, TOPICS, Metric, in_words
from autoencoder.report.write.charts import MARKS, styles
from autoencoder.report.write.rows import Row, best
from autoencoder.report.write.templates import plain, rendered

# Columns that make room on a narrow console, in this order.
_DROPPED = ("frechet", "knn", "clean_mse", "psnr", "latent_size", "pca_mse")
# Columns that the page's table has before anything is chosen.
SEEN = 8
# Spaces as wide as a digit and as a point, which put numbers below each other.
_DIGIT, _POINT = "\N{FIGURE SPACE}", "\N{PUNCTUATION SPACE}"


class Cell(NamedTuple):
    """What stands in a cell, and whether it is the best number of its column.

    Attributes:
        text: As people read it.
        best: Whether it is the best of those that can be compared.
        mean: The number; NaN where there is none.
        std: Its spread over the seeds; NaN where there is none.
    """

    text: str
    best: bool = False
    mean: float = math.nan
    std: float = math.nan


class Column(NamedTuple):
    """A column: its heading, what that means, and a cell for each row.

    Attributes:
        title: The heading.
        meaning: What the numbers are.
        cells: One for each row.
        name: In `results.csv`.
        topic: What it is about, as its neighbours.
        better: -1 where less is better, 1 where more is, 0 where neither.
        shown: Whether it is seen before anything is chosen.
    """

    title: str
    meaning: str
    cells: list[Cell]
    name: str = "n"
    topic: str = "other"
    better: int = 0
    shown: bool = False

    @property
    def aligned(self) -> list[tuple[str, str]]:
        """Means and spreads, padded so that points stand below points."""
        parts = [cell.text.partition(" \N{PLUS-MINUS SIGN} ")[::2] for cell in self.cells]
        means, spreads = ([part[i] for part in parts] for i in (0, 1))
        widest = max((len(text) for text in spreads), default=0)
        said = [f"\N{PLUS-MINUS SIGN} {text}" if text else "" for text in spreads]
        return [
            (mean, text + _DIGIT * (widest + 2 * (widest > 0) - len(text)))
            for mean, text in zip(_below_each_other(means), said, strict=True)
        ]


def _below_each_other(texts: Sequence[str]) -> list[str]:
    places = [len(text.partition(".")[2]) if text[:1].isdigit() or text[:1] == "-" else 0
              for text in texts]  # fmt: skip
    most = max(places, default=0)
    padding = [_DIGIT * (most - n) + _POINT * (most > 0 == n) for n in places]
    return [text + pad for text, pad in zip(texts, padding, strict=True)]


def columns(rows: Sequence[Row]) -> list[Column]:
    """The columns of the page's table: those about one thing beside each other."""
    order = [name for names in TOPICS.values() for name in names]
    found = _columns(rows, list(COLUMNS.values()))
    first = [column.name for column in found if column.shown][:SEEN]
    found = [column._replace(shown=column.name in first) for column in found]
    place = {name: i for i, name in enumerate(order)}
    return sorted(found, key=lambda column: place.get(column.name, len(order)))


def html_table(rows: Sequence[Row]) -> Markup:
    """The table as HTML; the best numbers are of class `best`, what is not seen at first `more`."""
    found = columns(rows)
    lines = [
        (name, style, [(column, column.cells[i], column.aligned[i]) for column in found])
        for i, (name, style) in enumerate(zip(_names(rows), styles(rows), strict=True))
    ]
    return rendered("table", columns=found, lines=lines, topics=_topics(found), marks=MARKS)


def _topics(found: Sequence[Column]) -> list[tuple[str, int, int]]:
    """Each topic with the number of its columns, and of those that are seen at first."""
    topics = dict.fromkeys(column.topic for column in found)
    alike = {topic: [column for column in found if column.topic == topic] for topic in topics}
    return [(topic, len(of), sum(one.shown for one in of)) for topic, of in alike.items()]


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
                Cell(
                    _text(row, column),
                    (row.first.data_key, row.group, column) in marked,
                    row.mean(column),
                    row.std(column),
                )
                for row in rows
            ],
            column,
            next((topic for topic, names in TOPICS.items() if column in names), "other"),
            metric.better,
            "report" in metric.brief,
        )
        for metric in metrics
        if (column := metric.column) == "pca_mse" or any(row.has(column) for row in rows)
    ]
    if any(len(row.seeds) > 1 for row in rows):
        counts = [Cell(str(len(row.seeds)), mean=len(row.seeds)) for row in rows]
        found.insert(0, Column("n", "runs, of one seed each", counts))
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
