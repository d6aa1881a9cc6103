"""The table: its cells, and its formats."""

import dataclasses
import re

import pytest
from rich.console import Console

from autoencoder.metrics import COLUMNS, TOPICS
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write import table
from autoencoder.report.write.rows import Row, best, group
from tests.report.said import change


def test_another_data_set_is_not_compared(evaluations: list[Evaluation]) -> None:
    other = dataclasses.replace(evaluations[0], data_key="other", data={"name": "Other"})
    rows = group([evaluations[3], other])
    assert best(rows) == set()
    assert "noisy (Other)" in table.markdown_table(rows)


def test_a_latent_as_large_as_the_image_is_called_overcomplete(rows: list[Row]) -> None:
    markdown = table.markdown_table(rows).splitlines()
    assert "overcomplete" in markdown[2]
    assert "overcomplete" not in markdown[3]


def test_best_numbers_are_marked(rows: list[Row]) -> None:
    assert "**0.0100**" in table.markdown_table(rows)
    found = re.findall(r'<td class="best[^>]*>([^<]*)<', table.html_table(rows))
    assert "0.0100" in [text.strip() for text in found]


def test_html_escapes_what_was_typed(evaluations: list[Evaluation]) -> None:
    run = dataclasses.replace(evaluations[0], group="<b>&")
    assert "&lt;b&gt;&amp;" in table.html_table(group([run]))


def test_markdown_escapes_what_was_typed(evaluations: list[Evaluation]) -> None:
    run = dataclasses.replace(evaluations[0], group="<script>|`x`\n$y$")
    line = table.markdown_table(group([run])).splitlines()[2]
    assert line.startswith("| \\<script>\\|\\`x\\` \\$y\\$ | ")


def test_a_constant_has_no_spread(evaluations: list[Evaluation]) -> None:
    first, second = (
        change(run, input_psnr=12.79 + 1e-13 * k, seed=k) for k, run in enumerate(evaluations[1:3])
    )
    assert "| 12.79 |" in table.markdown_table(group([first, second]))


def test_every_line_has_as_many_cells(rows: list[Row]) -> None:
    lines = table.markdown_table(rows).splitlines()
    assert len({line.count(" | ") for line in lines}) == 1
    # Below the line of topics.
    lines = table.html_table(rows).split("</tr>")[1:-1]
    assert len({line.count("</td>") + line.count("</th>") for line in lines}) == 1


@pytest.mark.parametrize("width", [30, 40])
def test_a_narrow_console_has_every_digit(rows: list[Row], width: int) -> None:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(table.console_table(rows, width))
    text = capture.get()
    assert max(map(len, text.splitlines())) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    for name in ("wide", "small", "noisy"):
        assert re.search(rf"^ ?{name} ", text, re.M)


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_console_has_room_for_it(rows: list[Row], width: int) -> None:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(table.console_table(rows, width))
    assert "0.0250 ± 0.0071" in capture.get()
    assert "1.10" in capture.get()
    assert ("overcomplete" in capture.get()) or width == 80
    assert ("k-NN" in capture.get()) == (width == 200)
    assert max(map(len, capture.get().splitlines())) <= width


def test_each_column_is_of_one_topic() -> None:
    about = [column for columns in TOPICS.values() for column in columns]
    assert set(about) == set(COLUMNS)
    assert len(set(about)) == len(about)


def test_few_columns_are_seen_at_first(evaluations: list[Evaluation]) -> None:
    everything = dict.fromkeys(COLUMNS, 0.5)
    rows = group([change(run, **everything) for run in evaluations])
    assert [column.name for column in table.columns(rows) if column.shown] == [
        *("latent_size", "knn", "mse", "psnr", "clean_mse", "pca_mse", "pca_ratio", "frechet")
    ]


DASH = "\N{EN DASH}"


def test_points_stand_below_points() -> None:
    cells = [table.Cell("9.50 ± 0.10"), table.Cell("10 ± 2"), table.Cell(DASH), table.Cell("1.5")]
    means, spreads = zip(*table.Column("", "", cells).aligned, strict=True)
    digit, point = "\N{FIGURE SPACE}", "\N{PUNCTUATION SPACE}"
    assert means == ("9.50", f"10{digit * 2}{point}", f"{DASH}{digit * 2}{point}", f"1.5{digit}")
    assert [len(text) for text in spreads] == [6, 6, 6, 6]
