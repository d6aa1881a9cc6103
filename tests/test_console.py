"""The console: its width, its codes, and tables that fit."""

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console
from rich.table import Table

from autoencoder.console import as_text, fitted_table, standard_console


class Terminal(io.StringIO):
    """A text file that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def terminal_of(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 40 columns in place of standard output."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "40"), ("LINES", "20")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return terminal


def test_a_file_is_100_characters_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.delenv("COLUMNS", raising=False)
    assert standard_console().width == 100
    monkeypatch.setenv("COLUMNS", "60")
    assert standard_console().width == 60


def test_no_color_leaves_out_bold_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    standard_console().print("[bold red]x[/]")
    assert "\x1b[" in terminal.getvalue()
    terminal.seek(0)
    terminal.truncate()
    monkeypatch.setenv("NO_COLOR", "1")
    standard_console().print("[bold red]x[/]")
    assert terminal.getvalue() == "x\n"


def test_a_table_for_a_log_is_plain_and_as_wide_as_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = terminal_of(monkeypatch)
    table = Table("a", "b")
    table.add_row("[bold]x[/bold]", "word " * 40)
    text = as_text(table)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) == 40
    assert terminal.getvalue() == ""
    monkeypatch.setenv("COLUMNS", "300")
    assert max(map(len, as_text(table).splitlines())) == 100


def test_names_are_no_markup() -> None:
    console = Console(width=80)
    with console.capture() as capture:
        names = ["[red]a[/red]", "[/b]"]
        console.print(fitted_table(names, {"x": ["1", "2"]}, 80, [], caption=""))
    assert all(name in capture.get() for name in names)


def test_what_an_encoding_lacks_is_spelt() -> None:
    text = "\u201cn\u00e9\u201d 1 \u00b1 2 \u2013 \u96ea"
    code = f"from autoencoder.commandline import output; output.keep(); print({text!r})"
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == '"ne" 1 +- 2 - ?\n'
