"""The figure and the grids of reconstructions: which image stands where."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autoencoder.analysis import plotting
from autoencoder.callbacks import Reconstructions, reconstructions
from autoencoder.data import ArrayImages, Split, to_float
from autoencoder.data.noise import GaussianNoise
from autoencoder.models import Autoencoder
from tests.callbacks.conftest import Fit, garments


def expected(model: Autoencoder, split: Split, label: int, example: int) -> dict[str, torch.Tensor]:
    """What stands in each column for an example of a class."""
    row = [k for k in range(len(split)) if split.labels[k] == label][example]
    images, corrupted = to_float(split.images[row]), split.corrupted[row]
    with torch.inference_mode():
        return {
            "input": images,
            "corrupted": corrupted,
            "reconstruction": model(corrupted[None], split.labels[row : row + 1])[0],
        }


@pytest.mark.parametrize("noise", [GaussianNoise(0.3, clip=True), None], ids=str)
def test_each_image_is_in_its_row_and_column(
    fit: Fit, noise: GaussianNoise | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(plotting, "image_blocks", drawn.extend)
    monkeypatch.setattr(reconstructions, "save_figure", lambda *_: None)
    data = garments(noise=noise)
    model = fit(data, Reconstructions(examples=2, scale=1), max_epochs=1)
    names = ["input", "corrupted", "reconstruction"] if noise else ["input", "reconstruction"]
    (block,) = drawn
    assert [heading.replace("-\n", "") for heading in block.headings] == 2 * names
    assert list(block.rows) == list(data.classes)
    for label, row in enumerate(block.rows.values()):
        for column, image in enumerate(row):
            example, of_example = divmod(column, len(names))
            right = expected(model, data.test, label, example)[names[of_example]]
            torch.testing.assert_close(torch.from_numpy(image), right)


def test_images_without_labels_are_shown_in_ten_rows(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    grids: list[torch.Tensor] = []
    monkeypatch.setattr(plotting, "image_blocks", drawn.extend)
    monkeypatch.setattr(reconstructions, "save_figure", lambda *_: None)
    monkeypatch.setattr(reconstructions, "add_grid", lambda _, name, grid, *__: grids.append(grid))
    np.save(tmp_path / "a.npy", np.random.default_rng(0).random((70, 12, 12)))
    seeds = {"batch_size": 16, "seed": 0, "split_seed": 0, "num_workers": 0}
    data = ArrayImages(tmp_path / "a.npy", val_size=12, test_size=29, **seeds)
    data.setup()
    model = fit(data, Reconstructions(examples=3, scale=1), max_epochs=1)
    (block,) = drawn
    assert list(block.rows) == [f"{k + 1}\N{EN DASH}{min(k + 3, 29)}" for k in range(0, 29, 3)]
    images = np.concatenate(list(block.rows.values()))
    for example in range(29):
        for column, name in enumerate(("input", "reconstruction")):
            right = expected(model, data.test, 0, example)[name]
            torch.testing.assert_close(torch.from_numpy(images[2 * example + column]), right)
    assert grids[0].shape[0] == 3 * 10
    torch.testing.assert_close(grids[0][:10], to_float(data.val.images[:10]))


def test_the_grid_has_a_row_of_each_kind(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    grids: list[tuple[Any, ...]] = []
    monkeypatch.setattr(reconstructions, "add_grid", lambda _, *grid: grids.append(grid))
    monkeypatch.setattr(reconstructions, "save_figure", lambda *_: None)
    data = garments()
    model = fit(data, Reconstructions(examples=1, scale=3), max_epochs=1)
    ((name, images, columns, scale),) = grids
    labels = data.val.labels.unique().tolist()
    assert (name, columns, scale) == ("input, corrupted, reconstruction", len(labels), 3)
    for column, label in enumerate(labels):
        right = expected(model, data.val, label, 0)
        found = images[column :: len(labels)]
        torch.testing.assert_close(found, torch.stack(list(right.values())))
