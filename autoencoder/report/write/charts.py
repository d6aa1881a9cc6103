"""Charts for the page: what its figures are drawn of, and the runs in them, as plain values."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from autoencoder.analysis.plotting import Chart, Heat, run_style
from autoencoder.report.draw.figures import FigureWithCaption
from autoencoder.report.write.rows import Row

# The paths of markers by matplotlib's names, in a square of 12.
MARKS = {
    "o": "M6 1.4a4.6 4.6 0 1 0 .001 0z",
    "s": "M1.8 1.8h8.4v8.4H1.8z",
    "^": "M6 1 11.2 10.6H.8z",
    "D": "M6 .6 11.4 6 6 11.4.6 6z",
    "v": "M6 11 .8 1.4h10.4z",
    "P": "M4.2 .8h3.6v3.4h3.4v3.6H7.8v3.4H4.2V7.8H.8V4.2h3.4z",
    "X": "M3 .8 6 3.8 9 .8 11.2 3 8.2 6l3 3L9 11.2 6 8.2 3 11.2.8 9l3-3-3-3z",
}


def charts(figures: Iterable[FigureWithCaption]) -> dict[str, dict[str, Any]]:
    """Of each figure that is drawn of numbers, by its name."""
    return {
        figure.name: _values(figure.drawn_of) for figure in figures if figure.drawn_of is not None
    }


def styles(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Colour and marker of each row, as figures have them."""
    names = list(dict.fromkeys(row.group for row in rows))
    return [run_style(names.index(row.group)) for row in rows]


def _values(drawn_of: Chart | Heat) -> dict[str, Any]:
    values = drawn_of._asdict()
    if isinstance(drawn_of, Heat):
        return values | {"values": [known(row) for row in drawn_of.values.tolist()]}
    curves = [
        curve._asdict() | {"x": known(curve.x), "y": known(curve.y)} for curve in drawn_of.curves
    ]
    return values | {"curves": curves}


def known(values: Iterable[float]) -> list[float | None]:
    """The numbers, six digits of each; None for what JSON has no word for."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]
