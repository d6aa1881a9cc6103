"""Images in rows and columns: which stands where, and in what colours."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.axes import Axes

from autoencoder.analysis.plotting import LARGEST_ERROR, Array, ImageBlock, image_blocks

SHAPES = [(1, 6, 4), (3, 5, 5), (2, 4, 4), (1, 150, 150)]


def flat(values: Sequence[float], shape: tuple[int, ...]) -> Array:
    """Images of one grey each."""
    return np.broadcast_to(np.float32(values)[:, None, None, None], (len(values), *shape)).copy()


def colour_at(axes: Axes, x: float, y: float) -> list[float]:
    """What is drawn at a place of the page."""
    for picture in axes.images:
        left, right, bottom, top = picture.get_extent()
        if left < x < right and top < y < bottom:
            pixels = np.asarray(picture.get_array())
            row = int((y - top) / (bottom - top) * pixels.shape[0])
            column = int((x - left) / (right - left) * pixels.shape[1])
            return [float(part) for part in pixels[row, column]]
    raise AssertionError(f"nothing at {x}, {y}")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_image_is_beside_its_name_and_below_its_heading(shape: tuple[int, int, int]) -> None:
    greys = {"one": [0.1, 0.2, 0.3], "two": [0.5, 0.6, 0.7], "three": [0.8, 0.9]}
    rows = {name: flat(values, shape) for name, values in greys.items()}
    headings = ["A", "B", "C"]
    first = ImageBlock("title", headings, {"one": rows.pop("one")})
    figure = image_blocks([first, ImageBlock("", (), rows)])
    (axes,) = figure.axes
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert set(places) == {"title", *headings, *greys}
    assert places["title"][1] < places["A"][1] < places["one"][1] < places["two"][1]
    for name, values in greys.items():
        for heading, grey in zip(headings, values, strict=False):
            found = colour_at(axes, places[heading][0], places[name][1])
            assert found == pytest.approx([grey] * 3)
        assert places[name][0] < places["A"][0]
    # The page ends where the pictures do, and no picture leaves it.
    width, height = figure.get_size_inches()
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, width), (height, 0))
    assert all(0 < image.get_extent()[0] < image.get_extent()[1] < width for image in axes.images)


@pytest.mark.parametrize("length", [60, 250])
def test_a_title_is_not_cut_off(length: int) -> None:
    title = "model=residual,noise=gaussian,"
    title = (title * 10)[:length]
    figure = image_blocks([ImageBlock(title, (), {"x": flat([0.5], (1, 5, 5))})])
    (axes,) = figure.axes
    lines = [text for text in axes.texts if text.get_text() != "x"]
    assert "".join(text.get_text() for text in lines) == title
    places = [text.get_window_extent() for text in lines]
    assert all(0 <= place.x0 < place.x1 <= figure.bbox.x1 for place in places)
    image = axes.images[0].get_window_extent()
    for above, below in pairwise([*places, image]):
        assert above.y0 >= below.y1


def test_an_image_is_neither_turned_nor_mirrored() -> None:
    image = np.zeros((1, 3, 4, 5), np.float32)
    image[0, 0, 0, 4], image[0, 2, 3, 1] = 1, 0.5  # red at the top right, blue at the bottom
    (axes,) = image_blocks([ImageBlock("", (), {"x": image})]).axes
    left, right, bottom, top = axes.images[0].get_extent()
    across, down = (right - left) / 5, (bottom - top) / 4
    assert across == pytest.approx(down)
    assert colour_at(axes, left + 4.5 * across, top + 0.5 * down) == [1, 0, 0]
    assert colour_at(axes, left + 1.5 * across, top + 3.5 * down) == [0, 0, 0.5]
    assert colour_at(axes, left + 0.5 * across, top + 0.5 * down) == [0, 0, 0]


def test_what_is_no_image_is_drawn_all_the_same() -> None:
    images = flat([-1, 2, np.nan], (1, 4, 4))
    (axes,) = image_blocks([ImageBlock("", (), {"x": images})]).axes
    left, right, bottom, top = axes.images[0].get_extent()
    centres = left + (right - left) * np.array([1, 3, 5]) / 6
    assert [colour_at(axes, x, (top + bottom) / 2)[0] for x in centres] == [0, 1, 0]


def test_errors_have_one_scale_of_colours() -> None:
    errors = np.stack([np.full((4, 4), share * LARGEST_ERROR) for share in (0, 0.5, 1, 3)])
    (axes,) = image_blocks([ImageBlock("", (), {"x": errors.astype(np.float32)})]).axes
    left, right, bottom, top = axes.images[0].get_extent()
    for column, share in enumerate((0, 0.5, 1, 1)):
        x = left + (right - left) * (column + 0.5) / 4
        found = colour_at(axes, x, (top + bottom) / 2)
        assert found == pytest.approx(colormaps["magma"](float(share))[:3], abs=0.01)
