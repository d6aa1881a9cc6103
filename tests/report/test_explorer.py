"""What a reader explores: the numbers and the pictures that the page's scripts are given."""

import base64
import dataclasses
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.write import explorer as explored
from autoencoder.report.write.explorer import explorer
from autoencoder.report.write.sprites import sprite
from tests.report.fakes import FakeData

MAPS = ("map_indices", "map_images", "map_reconstructions", "pca_map", "tsne_map")


@pytest.fixture(scope="module")
def data() -> FakeData:
    return FakeData(120)


def numbers(text: str) -> list[int]:
    return [int(value) for value in np.frombuffer(base64.b64decode(text), "<u2")]


def errors(given: dict[str, Any], run: dict[str, Any]) -> list[float]:
    steps = np.array(numbers(run["errors"]))
    return list(10 ** (steps / (given["none"] - 1) * given["decades"] + given["least"]))


def tiles(sheet: dict[str, Any], n: int) -> np.ndarray:
    """The images of a sprite (n, H, W), grey."""
    file = io.BytesIO(base64.b64decode(sheet["address"].partition(",")[2]))
    picture = np.asarray(Image.open(file).convert("L"))
    width, height = sheet["size"]
    found = []
    for i in range(n):
        top, left = height * (i // sheet["columns"]), width * (i % sheet["columns"])
        found.append(picture[top : top + height, left : left + width])
    return np.array(found)


def cut(run: Evaluation, part: slice) -> Evaluation:
    return dataclasses.replace(run, **{name: getattr(run, name)[part] for name in MAPS})


def test_nothing_without_points(data: FakeData) -> None:
    assert explorer([]) == {}
    assert explorer([cut(data.evaluation(), slice(0))]) == {}


def test_an_image_keeps_its_class_error_and_picture(data: FakeData) -> None:
    runs = [
        cut(data.evaluation("a", 8), slice(5, 100)),
        cut(data.evaluation("b", 3), slice(20, 110)),
    ]
    given = explorer(runs)
    (of_data,) = given["sets"]
    # Those in both maps.
    assert of_data["indices"] == list(range(20, 100))
    assert numbers(of_data["labels"]) == data.labels.tolist()
    shown = tiles(of_data["sprite"], 80)
    assert np.abs(shown - data.pixels[20:100, 0].astype(float)).mean() < 8
    for run, of_run in zip(runs, given["runs"], strict=True):
        assert errors(given, of_run) == pytest.approx(run.image_mse.clip(1e-8), rel=1e-3)
        pictured = np.array(of_data["indices"])[numbers(of_data["pictured"])]
        made = tiles(of_run["sprite"], len(pictured)).astype(float)
        places = np.searchsorted(run.map_indices, pictured)
        assert np.abs(made - run.map_reconstructions[places, 0]).mean() < 8
        for name, points in (("pca", run.pca_map), ("tsne", run.tsne_map)):
            x = numbers(of_run[name])[::2]
            wanted = points[np.searchsorted(run.map_indices, of_data["indices"]), 0]
            assert np.corrcoef(x, wanted)[0, 1] > 0.999


def test_neighbours_are_those_of_the_latent_not_of_the_map(data: FakeData) -> None:
    run = data.evaluation("a", 8)
    near = np.array(numbers(explorer([run])["runs"][0]["neighbours"])).reshape(-1, 5)
    apart = np.linalg.norm(run.latents[:, None] - run.latents[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    assert (near[:, 0] == apart.argmin(axis=1)).mean() > 0.98
    assert all(i not in of for i, of in enumerate(near.tolist()))


def test_of_many_images_those_that_tell_runs_apart_are_pictured(
    data: FakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(explored.POINTS, "few", 200)
    monkeypatch.setitem(explored.PICTURES, "few", 80)
    one, other = data.evaluation("a", 8), data.evaluation("b", 8)
    lost = other.image_mse.copy()
    lost[:10] *= 1000
    given = explorer([one, dataclasses.replace(other, image_mse=lost)])
    (of_data,) = given["sets"]
    assert len(of_data["indices"]) == 100
    pictured = {of_data["indices"][place] for place in numbers(of_data["pictured"])}
    assert len(pictured) == 40
    assert set(range(10)) & set(of_data["indices"]) <= pictured
    assert len(explorer([one], "many")["sets"][0]["indices"]) == 120


def test_coordinates_keep_proportions_and_leave_out_what_is_not_finite(data: FakeData) -> None:
    points = np.array([[0, 0], [4, 1], [np.nan, 1], [2, 2]], np.float32)
    run = cut(data.evaluation(), slice(4))
    run = dataclasses.replace(run, pca_map=points, tsne_map=points * np.nan)
    given = explorer([run])
    none, span = given["none"], given["span"]
    assert numbers(given["runs"][0]["tsne"]) == [none] * 8
    wanted = [0, 0.25, 1, 0.5, none, none, 0.5, 0.75]
    assert numbers(given["runs"][0]["pca"]) == [x if x == none else round(x * span) for x in wanted]
    json.dumps(given, allow_nan=False)


def test_images_without_labels_have_no_classes(data: FakeData) -> None:
    run = dataclasses.replace(data.evaluation(), labels=np.zeros(120, np.int64), classes=("",))
    (of_data,) = explorer([run])["sets"]
    assert of_data["labels"] == ""
    assert of_data["classes"] == []


def test_a_large_test_set_has_the_errors_of_its_maps_alone(
    data: FakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explored, "MOST_ERRORS", 100)
    run = cut(data.evaluation(), slice(30, 60))
    given = explorer([run])
    assert errors(given, given["runs"][0]) == pytest.approx(run.image_mse[30:60], rel=1e-3)
    assert numbers(given["sets"][0]["labels"]) == data.labels[30:60].tolist()


def test_large_colour_images_are_scaled_down() -> None:
    images = np.zeros((5, 3, 96, 48), np.uint8)
    images[:, 0] = 255
    sheet = sprite(images, 5)
    assert sheet.size == (16, 32)
    file = io.BytesIO(base64.b64decode(sheet.address.partition(",")[2]))
    red, green, _ = np.asarray(Image.open(file).convert("RGB")).mean(axis=(0, 1))
    assert red > 240
    assert green < 15
