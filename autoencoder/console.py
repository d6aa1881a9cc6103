"""The console, which may be narrow, or shared by several runs: its lines and its tables."""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

# An environment variable that holds the name of the run, where runs share the console.
SHARED_CONSOLE = "AUTOENCODER_SHARED_CONSOLE"


class ConsoleHandler(logging.StreamHandler[TextIO]):
    """Logs to whatever `sys.stdout` is at the moment, so that lines pass above a progress bar.

    Where runs share the console, each line begins with the name of its run.

    Args:
        stream: Not used; Hydra's own logging config, which ours refines, gives one.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # a property where the base has a field
        """The current standard output."""
        return sys.stdout

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record, with the name of the run where runs share the console."""
        text = super().format(record)
        name = os.environ.get(SHARED_CONSOLE)
        return "\n".join(f"{name} | {line}" for line in text.splitlines()) if name else text


def fitted_table(
    names: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    width: int,
    dropped: Sequence[str],
    *,
    caption: str,
) -> Table:
    """A table that gives up columns, one after the other, until it is no wider than allowed.

    Args:
        names: Of the rows; long ones are folded.
        columns: The cells of each column by its heading, as rich's markup.
        width: In characters.
        dropped: Headings of the columns that may be given up, in that order.
        caption: Below the table.
    """
    kept = dict(columns)
    table = _table(names, kept, caption)
    for heading in dropped:
        if Console(width=10 * width).measure(table).maximum <= width:
            break
        kept.pop(heading, None)
        table = _table(names, kept, caption)
    return table


def _table(names: Sequence[str], columns: Mapping[str, Sequence[str]], caption: str) -> Table:
    table = Table(caption=caption, caption_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("run", overflow="fold", min_width=20, max_width=36)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, *cells in zip(names, *columns.values(), strict=True):
        table.add_row(escape(name), *cells)
    return table
