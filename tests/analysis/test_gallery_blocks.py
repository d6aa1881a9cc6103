"""A gallery's pictures as blocks: every image under its own name."""

import numpy as np
import pytest
import torch

from autoencoder.analysis import gallery_blocks as blocks
from autoencoder.analysis.gallery import Gallery
from autoencoder.analysis.plotting import Array
from autoencoder.data.packed import UNLABELLED

CLASSES = ("shirt", "bag", "ankle boot")
SHAPE = (2, 4, 5)


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    rng = np.random.default_rng(0)

    def pictures(*counts: int) -> np.ndarray:
        return rng.integers(0, 256, (*counts, *SHAPE), np.uint8)

    return Gallery(
        test_images=pictures(6),
        ends=pictures(3, 2),
        end_labels=np.array([[0, 1], [1, 2], [2, 0]]),
        linear=pictures(3, 5),
        spherical=pictures(3, 5),
        samples=pictures(40),
        neighbours=pictures(4, 2),
        neighbour_mse=np.array([0.001, 0.0123, 0.02, 0.5], np.float32),
        traversed=pictures(1),
        traversals=pictures(3, 3),
        dimensions=np.array([7, 0, 4]),
        variances=np.array([2.5, 1.25, 0.004], np.float32),
        values=np.array([-2, 0, 1.5], np.float32),
        class_grid=pictures(3, 4),
        manifold=pictures(3, 3),
        nearest_mse={},
        sharpness={},
    )


def assert_same(row: Array, pictures: np.ndarray) -> None:
    np.testing.assert_allclose(row, pictures / np.float32(255), atol=1e-7)


def test_samples_are_in_rows_with_their_numbers(gallery: Gallery) -> None:
    block = blocks.samples(gallery, "title", 4)
    ranges = [f"samples {first}\N{EN DASH}{last}" for first, last in ((1, 16), (17, 32), (33, 40))]
    assert (block.title, list(block.rows)) == ("title", ranges)
    assert_same(np.concatenate(list(block.rows.values())), gallery.samples)
    few = blocks.samples(gallery, "", 2)
    assert_same(np.concatenate(list(few.rows.values())), gallery.samples[:32])
    assert_same(blocks.test_images(gallery).rows["test images"], gallery.test_images)


def test_a_way_is_between_its_two_ends(gallery: Gallery) -> None:
    first, second = blocks.interpolations(gallery, "vae", CLASSES, 2)
    assert first.headings == ["test image", "0", "1/4", "1/2", "3/4", "1", "test image"]
    assert second.headings == ()
    assert (first.title, second.title) == ("vae: shirt to bag", "vae: bag to ankle boot")
    for pair, block in enumerate((first, second)):
        for name, way in (("linear", gallery.linear), ("spherical", gallery.spherical)):
            row = block.rows[name]
            assert_same(row[0], gallery.ends[pair, 0])
            assert_same(row[1:-1], way[pair])
            assert_same(row[-1], gallery.ends[pair, 1])
    assert len(blocks.interpolations(gallery, "", CLASSES, 9)) == 3
    unlabelled = blocks.interpolations(gallery, "vae", UNLABELLED, 2)
    assert [block.title for block in unlabelled] == ["vae: pair 1", "vae: pair 2"]


def test_a_traversal_names_its_dimension_from_1(gallery: Gallery) -> None:
    block = blocks.traversals(gallery, "title", 2)
    assert block.headings == ["-2", "0", "+1.5"]
    assert list(block.rows) == ["dimension 8 (variance 2.50)", "dimension 1 (variance 1.25)"]
    for row, pictures in zip(block.rows.values(), gallery.traversals, strict=False):
        assert_same(row, pictures)
    assert_same(blocks.traversed(gallery, "").rows["test image"], gallery.traversed)


def test_a_class_is_a_row_and_a_latent_a_column(gallery: Gallery) -> None:
    block = blocks.class_grid(gallery, "title", CLASSES)
    assert block.headings == ["style 1", "style 2", "style 3", "style 4"]
    assert list(block.rows) == list(CLASSES)
    for row, pictures in zip(block.rows.values(), gallery.class_grid, strict=True):
        assert_same(row, pictures)


def test_the_axes_of_a_manifold_grow_to_the_right_and_upwards(gallery: Gallery) -> None:
    block = blocks.manifold(gallery, "title")
    # Of three equal shares of a normal distribution, the middles.
    edge = torch.special.ndtri(torch.tensor(5 / 6)).item()
    assert block.headings == [f"{-edge:+.2f}", "+0.00", f"{edge:+.2f}"]
    assert [float(name) for name in block.rows] == pytest.approx([edge, 0, -edge], abs=0.01)
    for row, pictures in zip(block.rows.values(), gallery.manifold, strict=True):
        assert_same(row, pictures)


def test_a_sample_is_above_its_neighbour_with_their_distance(gallery: Gallery) -> None:
    block = blocks.neighbours(gallery, "title")
    assert block.headings == ["0.0010", "0.0123", "0.0200", "0.5000"]
    assert_same(block.rows["sample"], gallery.neighbours[:, 0])
    assert_same(block.rows["nearest training image"], gallery.neighbours[:, 1])
