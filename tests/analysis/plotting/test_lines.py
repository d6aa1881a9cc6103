"""Lines: what is drawn of a curve, and what is not."""

import math

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from autoencoder.analysis.plotting import Curve, line_plot, loss_curve, none_negative, run_style

NAN = math.nan


@pytest.mark.parametrize(
    ("x", "y", "log_x", "log_y", "shown"),
    [
        ([1, 2, 3], [5, 4, 6], False, False, [(1, 5), (2, 4), (3, 6)]),
        ([1, 2, NAN, 4], [5, NAN, 6, math.inf], False, False, [(1, 5)]),
        ([0, 1, 2], [-1, 0, 3], False, False, [(0, -1), (1, 0), (2, 3)]),
        ([0, 1, 2], [1, 0, 3], True, False, [(1, 0), (2, 3)]),
        ([0, 1, 2], [1, 0, 3], False, True, [(0, 1), (2, 3)]),
        ([0, 1, 2], [1, 0, 3], True, True, [(2, 3)]),
    ],
)
def test_a_line_goes_through_the_points_that_have_a_place(
    x: list[float], y: list[float], log_x: bool, log_y: bool, shown: list[tuple[float, float]]
) -> None:
    figure = line_plot([Curve(x, y, "curve")], "across", "up", log_x=log_x, log_y=log_y)
    (axes,) = figure.axes
    (line,) = axes.lines
    assert [tuple(point) for point in line.get_xydata().tolist()] == shown
    # A line through one point would be invisible.
    assert (line.get_marker() == "o") == (len(shown) == 1)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("across", "up")
    assert (axes.get_xscale(), axes.get_yscale()) == tuple(
        "log" if log else "linear" for log in (log_x, log_y)
    )


def test_each_curve_keeps_its_style_and_its_name() -> None:
    curves = [
        Curve([1, 2], [1, 2], "filled", "#ff0000", "--", "s"),
        Curve([1, 2], [2, 1], "", "#00ff00", "", "^", filled=False),
        Curve([1, 2], [3, 3], "plain", "#0000ff"),
    ]
    figure = line_plot(curves, "x", "y", level=(2.5, "half way"), overcomplete_from=1.5)
    (axes,) = figure.axes
    for line, curve in zip(axes.lines, curves, strict=False):
        assert line.get_color() == curve.color
        assert line.get_marker() == (curve.marker or "")
    assert to_hex(axes.lines[0].get_markerfacecolor()) == "#ff0000"
    assert axes.lines[1].get_markerfacecolor() == "none"
    assert axes.lines[1].get_markersize() > axes.lines[0].get_markersize()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["filled", "plain"]
    assert axes.lines[3].get_ydata() == [2.5, 2.5]
    assert {text.get_text() for text in axes.texts} == {"half way", "overcomplete"}
    (shade,) = axes.patches
    assert isinstance(shade, Rectangle)
    assert shade.get_x() == 1.5
    assert axes.get_xlim()[1] >= 1.5 * 1.6


def test_a_loss_curve_is_logarithmic_unless_a_loss_is_negative() -> None:
    for lowest, scale in ((0.5, "log"), (-0.5, "linear")):
        figure = loss_curve([1, 2, 3], {"train": [3, 2, 1], "validation": [4, NAN, lowest]})
        (axes,) = figure.axes
        train, val = axes.lines
        assert (train.get_label(), val.get_label()) == ("train", "validation")
        assert train.get_ydata().tolist() == [3, 2, 1]
        assert val.get_xydata().tolist() == [[1, 4], [3, lowest]]
        assert (train.get_color(), val.get_color()) == (run_style(0)[0], run_style(1)[0])
        assert axes.get_yscale() == scale
        assert (axes.get_xticks() == np.round(axes.get_xticks())).all()
    assert none_negative([Curve([1], [0.0])])
    assert not none_negative([Curve([1], [1.0]), Curve([1, 2], [1.0, -1e-9])])


def test_runs_have_pairs_of_colour_and_marker() -> None:
    styles = [run_style(index) for index in range(50)]
    assert len(set(styles[:49])) == 49
    assert styles[49] == styles[0]
    assert len({color for color, _ in styles[:7]}) == 7
    assert len({marker for _, marker in styles[:7]}) == 7
