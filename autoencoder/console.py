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

_WIDTH = 100  # characters, where no terminal says another number


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


def standard_console() -> Console:
    """Standard output: as wide as its terminal, or 100 characters where it is none.

    `COLUMNS` sets another width, and `NO_COLOR` leaves out all codes, those of bold as well.
    """
    console = Console(color_system=None if os.environ.get("NO_COLOR") else "auto")
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDTH
    return console


def as_text(table: Table) -> str:
    """A table as lines for a log: no wider than standard output, nor than 100 characters."""
    console = Console(width=min(standard_console().width, _WIDTH), color_system=None)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()


def fitted_table(
    names: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    width: int,
    dropped: Sequence[str],
    *,
    caption: str,
) -> Table:
    """A table that gives up columns, one after the other, until it is no wider than allowed.

    Where it still is, its cells are folded.

    Args:
        names: Of the rows; long ones are folded.
        columns: The cells of each column by its heading, as rich's markup.
        width: In characters.
        dropped: Headings of the columns that may be given up, in that order.
        caption: Below the table.
    """
    kept = dict(columns)

    def table(folded: bool = False) -> Table:
        made = Table(caption=caption, caption_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        made.add_column("run", overflow="fold", min_width=10 if folded else 20, max_width=36)
        for heading in kept:
            made.add_column(heading, justify="right", no_wrap=not folded, overflow="fold")
        for name, *cells in zip(names, *kept.values(), strict=True):
            made.add_row(escape(name), *cells)
        return made

    def fits() -> bool:
        return Console(width=10 * width).measure(table()).maximum <= width

    for heading in dropped:
        if fits():
            break
        kept.pop(heading, None)
    return table(folded=not fits())
