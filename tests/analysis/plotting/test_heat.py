"""A heat map: which number is in which cell, and in what colour."""

import numpy as np

from autoencoder.analysis.plotting import heat_map


def test_each_cell_has_its_number_and_its_names() -> None:
    values = np.array([[0.5, 1.0, 2.0], [4.0, np.nan, 0.0]])
    texts = [["a", "b", "c"], ["d", "e", "f"]]
    figure = heat_map(values, texts, ["upper", "lower"], ["one", "two", "three"], "meaning")
    axes, bar = figure.axes
    (picture,) = axes.images
    shown = np.ma.filled(picture.get_array(), np.nan)
    # Colours of ratios: as far below 1 as above it.
    np.testing.assert_array_equal(shown, [[-1, 0, 1], [2, np.nan, np.nan]])
    assert picture.norm.vmin == -picture.norm.vmax
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(column, row): texts[row][column] for row in range(2) for column in range(3)}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["upper", "lower"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["one", "two", "three"]
    assert axes.get_yticks().tolist() == [0, 1]
    assert axes.get_xticks().tolist() == [0, 1, 2]
    assert bar.get_ylabel() == "meaning"
    ratios = [label.get_text() for label in bar.get_yticklabels()]
    assert ratios == ["1/3", "1/2", "1/1.4", "1", "1.4", "2", "3"]
    np.testing.assert_allclose(2 ** bar.get_yticks(), [1 / 3, 1 / 2, 1 / 1.4, 1, 1.4, 2, 3])
