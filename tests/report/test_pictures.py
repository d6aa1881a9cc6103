"""Pictures of a report: which image, class and number stands where."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from autoencoder.analysis import plotting
from autoencoder.analysis.plotting import ImageBlock
from autoencoder.data.packed import UNLABELLED
from autoencoder.report.draw import pictures
from autoencoder.report.draw.groups import Groups
from autoencoder.report.measure.evaluation import Evaluation, Examples
from tests.report.fakes import CLASSES, FakeData


@pytest.fixture(scope="module")
def data() -> FakeData:
    return FakeData(120)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """What is given to a function of `plotting`, for each page of a figure."""

    def of(draw: Callable[[Groups], Any], plotted: str, *runs: Evaluation) -> list[Any]:
        given: list[Any] = []

        def plot(*arguments: Any) -> None:
            given.append(arguments)

        monkeypatch.setattr(plotting, plotted, plot)
        captions = [caption for _, caption in draw(Groups.of(runs))]
        return list(zip(given, captions, strict=True))

    return of


def as_in(run: Evaluation, indices: Sequence[int], noise: float) -> dict[str, np.ndarray]:
    """The rows of a block for some test images, from what the run's network is: PCA."""
    data = FakeData(120)
    generator = np.random.default_rng(0)
    corrupted = data.images + noise * generator.standard_normal(data.images.shape, np.float32)
    corrupted = corrupted.clip(0, 1) if noise else data.images
    outputs = data.pca.reconstruct(data.pca.project(corrupted, 8)).clip(0, 1)
    outputs = outputs.reshape(corrupted.shape)
    rows = {"input": data.images, "corrupted": corrupted, "reconstruction": outputs}
    if not noise:
        del rows["corrupted"]
    rows["absolute error"] = np.abs(outputs - data.images).mean(1)
    return {name: row[list(indices)] for name, row in rows.items()}


def assert_rows(block: ImageBlock, expected: dict[str, np.ndarray]) -> None:
    assert list(block.rows) == list(expected)
    for name, row in expected.items():
        np.testing.assert_allclose(block.rows[name], row, atol=1e-5)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_reconstructions_are_of_the_images_above_them(
    data: FakeData, drawn: Callable[..., list[Any]], noise: float
) -> None:
    run = data.evaluation("run", 8, noise)
    (((blocks,), caption),) = drawn(pictures.reconstructions, "image_blocks", run)
    top, below = blocks
    assert [heading.replace("/\n", "/").replace("\n", " ") for heading in top.headings] == list(
        CLASSES
    )
    rows = as_in(run, run.shown.indices.tolist(), noise)
    assert_rows(top, {"input": rows.pop("input")})
    assert_rows(below, rows)
    assert below.title == "run"
    error = np.square(rows["reconstruction"] - top.rows["input"]).mean()
    assert f"The MSE of these images is {error:.3g} with “run”." in caption


def test_captions_say_which_images_are_shown(
    data: FakeData, drawn: Callable[..., list[Any]]
) -> None:
    def said(**changes: Any) -> tuple[Any, str]:
        run = dataclasses.replace(data.evaluation("run"), **changes)
        (((blocks,), caption),) = drawn(pictures.reconstructions, "image_blocks", run)
        return blocks[0].headings, caption.partition(",")[0]

    zeros = np.zeros_like(data.labels)
    assert said(classes=UNLABELLED, labels=zeros) == ([], "The first test images")
    headings, caption = said(labels=data.labels % 2)
    assert set(headings) == {"T-shirt/\ntop", "Trouser"}
    assert caption == "Test images"
    shown = data.evaluation("run").shown
    few = Examples(*(part[:4] for part in shown))
    assert said(shown=few)[1] == "One test image of each of the first 4 classes"
    assert said()[1] == "One test image of each class"


def test_nothing_says_the_class_of_images_without_labels(
    data: FakeData, drawn: Callable[..., list[Any]]
) -> None:
    zeros = np.zeros_like(data.labels)
    run = dataclasses.replace(data.evaluation("run"), classes=UNLABELLED, labels=zeros)
    ((((block,),), caption),) = drawn(pictures.extremes, "image_blocks", run)
    assert block.headings[0] == f"best\n{run.image_mse.min():.4f}"
    assert "class" not in caption
    ((_, caption),) = drawn(pictures.latent_maps, "latent_maps", run)
    assert "class" not in caption


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_extremes_have_their_own_errors_and_classes(
    data: FakeData, drawn: Callable[..., list[Any]], noise: float
) -> None:
    run = data.evaluation("run", 8, noise)
    ((((block,),), caption),) = drawn(pictures.extremes, "image_blocks", run)
    order = np.argsort(run.image_mse)
    indices = [order[0], order[len(order) // 2], *order[:-11:-1]]
    assert_rows(block, as_in(run, indices, noise))
    kinds = ["best", "median", *(f"worst {rank}" for rank in range(1, 11))]
    assert block.headings == [
        f"{kind}\n{run.image_mse[index]:.4f}\n{CLASSES[data.labels[index]]}"
        for kind, index in zip(kinds, indices, strict=True)
    ]
    times = run.image_mse.max() / np.median(run.image_mse)
    assert f"the worst has {times:.0f} times the median error" in caption
    worst = [CLASSES[data.labels[index]] for index in indices[2:]]
    most = max(worst.count(name) for name in worst)
    assert f"{most} of the 10 worst" in caption


def test_a_class_has_its_own_error(data: FakeData) -> None:
    wanted = {label: 0.001 * (3 * label % 10 + 1) for label in range(10)}
    errors = np.array([wanted[label] for label in data.labels], np.float32)
    runs = [
        dataclasses.replace(data.evaluation(name, seed=seed), image_mse=factor * errors)
        for name, seed, factor in (("a", 0, 1), ("a", 1, 3), ("b", 0, 5))
    ]
    pages: Any = pictures.class_errors(Groups.of(runs))
    ((given, caption),) = pages
    ratios, texts, row_names, names, _ = given
    assert row_names == ["a", "b"]
    order = sorted(wanted, key=lambda label: -wanted[label])
    assert names == [CLASSES[label] for label in order]
    # Those of two seeds are averaged; the ratio is to the run's own mean, whatever its size.
    for row, factor in zip(texts, (2, 5), strict=True):
        assert row == [f"{1000 * factor * wanted[label]:.1f}" for label in order]
    expected = np.array([wanted[label] for label in order]) / errors.mean()
    np.testing.assert_allclose(ratios, [expected, expected], rtol=1e-5)
    assert f"Lost most: {names[0]} ({expected[0]:.1f} times the mean)" in caption
    assert f"Kept best: {names[-1]} ({expected[-1]:.1f} times)" in caption


def test_a_point_of_a_map_has_the_class_of_its_image(
    data: FakeData, drawn: Callable[..., list[Any]]
) -> None:
    part = np.arange(5, 100, 3)
    run = data.evaluation("run")
    cut = {name: getattr(run, name)[part] for name in ("map_indices", "pca_map", "tsne_map")}
    runs = [dataclasses.replace(data.evaluation(name), **cut) for name in ("one", "two")]
    (((panels, classes), _),) = drawn(pictures.latent_maps, "latent_maps", *runs)
    assert classes == CLASSES
    assert len(panels) == 2
    for row, method, trust, points in (
        (panels[0], "PCA", "0.84", run.pca_map), (panels[1], "t-SNE", "0.98", run.tsne_map)
    ):  # fmt: skip
        for panel, name in zip(row, ("one", "two"), strict=True):
            assert panel.title == f"{name}\n{method}, map trustworthiness {trust}"
            np.testing.assert_array_equal(panel.points, points[part])
            np.testing.assert_array_equal(panel.labels, data.labels[part])


def test_the_classes_that_are_mixed_are_named(
    data: FakeData, drawn: Callable[..., list[Any]]
) -> None:
    # Every class in a corner of its own, but one bag near the trousers: they have each other.
    rng = np.random.default_rng(0)
    trouser, bag = CLASSES.index("Trouser"), CLASSES.index("Bag")
    corners = 100 * np.eye(10)
    corners[bag] = -corners[bag]
    latents = corners[data.labels] + 0.01 * rng.standard_normal((120, 10))
    of_bags = np.flatnonzero(data.labels == bag)
    latents[of_bags[0]] = corners[trouser] + 1
    run = dataclasses.replace(data.evaluation("run"), latents=latents.astype(np.float32))
    ((_, caption),) = drawn(pictures.latent_maps, "latent_maps", run)
    # The five neighbours of that bag, of the 60 of all twelve.
    assert "8% of those of Bag are Trouser with “run”" in caption
