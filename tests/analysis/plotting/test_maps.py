"""Maps of latents: every point has the colour of its class, and the legend says which."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from autoencoder.analysis.plotting import MapPanel, class_colors, latent_map, latent_maps

CLASSES = tuple(f"class {label}" for label in range(12))


def panel(seed: int, n: int = 50) -> MapPanel:
    rng = np.random.default_rng(seed)
    return MapPanel(f"map {seed}", rng.random((n, 2)).astype(np.float32), rng.integers(0, 12, n))


@pytest.mark.parametrize("side", [1, 2])
def test_a_point_is_where_it_is_in_the_colour_of_its_class(side: int) -> None:
    panels = [[panel(side * row + column) for column in range(side)] for row in range(side)]
    figure = latent_maps(panels, CLASSES)
    colors = class_colors(len(CLASSES))
    assert len(set(colors)) == len(CLASSES)
    for axes, one in zip(figure.axes, (one for row in panels for one in row), strict=True):
        assert axes.get_title() == one.title
        (points,) = axes.collections
        drawn = {
            tuple(place): to_hex(color)
            for place, color in zip(points.get_offsets(), points.get_facecolor(), strict=True)
        }
        right = zip(one.points, one.labels, strict=True)
        assert drawn == {tuple(place): colors[label] for place, label in right}


def test_the_legend_names_the_classes_that_are_there() -> None:
    labels = np.array([7, 2, 7, 11])
    figure = latent_map(np.eye(4, 2, dtype=np.float32), labels, CLASSES, "map")
    (legend,) = figure.legends
    colors = class_colors(len(CLASSES))
    named = {
        text.get_text(): line.get_color()
        for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)
    }
    assert named == {CLASSES[label]: colors[label] for label in (2, 7, 11)}
