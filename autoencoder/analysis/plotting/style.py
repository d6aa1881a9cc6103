"""Colours, markers, and letters that are short enough."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

# Okabe and Ito's palette, which colour-blind readers can tell apart, less its yellow and sky blue:
# too pale for a line on white.
RUN_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#7f5fd3")
RUN_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# Paul Tol's "muted" scheme, safe for colour-blind readers as well, and his orange; ordered so that
# the tops of Fashion-MNIST, which lie among each other, differ most.
CLASS_COLORS = (
    "#332288", "#ddcc77", "#cc6677", "#88ccee", "#117733",
    "#882255", "#ee7733", "#999933", "#aa4499", "#44aa99",
)  # fmt: skip
FLOOR_COLOR = "#6b7280"


# Decorates what draws: a "$" in the name of a run is a dollar, and begins no formula.
literal = rc_context({"text.parse_math": False})


def run_style(index: int) -> tuple[str, str]:
    """Colour and marker of the run of that number: 49 pairs before they repeat."""
    n = len(RUN_COLORS)
    # Neighbours differ in both, so that they are told apart without colour.
    return RUN_COLORS[index % n], RUN_MARKERS[(index + index // n) % len(RUN_MARKERS)]


def class_colors(n: int) -> list[str]:
    """A colour for each of n classes, as #rrggbb."""
    if n <= len(CLASS_COLORS):
        return list(CLASS_COLORS[:n])
    return [to_hex(color) for color in colormaps["turbo"](np.linspace(0.03, 0.97, n))]


def shortened(text: str, length: int) -> str:
    """The text, or its beginning and end if it is longer: runs often differ at the end.

    Example:
        >>> shortened("noise=gaussian,optimizer.lr=0.001", 18)
        'noise=gauss…=0.001'
    """
    if len(text) <= length:
        return text
    end = length // 3
    return f"{text[: length - end - 1]}\N{HORIZONTAL ELLIPSIS}{text[-end:]}"


def legend_below(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Adds a legend of what has a label below the axes, and makes the figure higher by as much."""
    handles = [line for line in handles if not str(line.get_label()).startswith("_")]
    if not handles:
        return
    width, height = figure.get_size_inches()
    for handle in handles:
        handle.set_label(shortened(str(handle.get_label()), 66))
    longest = max(len(str(handle.get_label())) for handle in handles)
    # Inches that a column takes at this size of letters, with its line and gaps.
    columns = max(1, min(len(handles), int(width / (0.085 * longest + 0.6))))
    # Evenly filled: 6 entries in two rows of 3, not of 5 and 1.
    lines = -(-len(handles) // columns)
    columns = -(-len(handles) // lines)
    figure.set_size_inches(width, height + 0.21 * lines)
    figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, frameon=False, fontsize=9
    )
