"""Maps of latents: a point has the class of its image, wherever it is shown."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from autoencoder.analysis import plotting
from autoencoder.analysis.pca import PrincipalComponents
from autoencoder.callbacks import LatentMaps, latents
from autoencoder.data import to_float
from tests.callbacks.conftest import Fit, garments


def nearest(points: Tensor, others: Tensor) -> Tensor:
    distances = torch.cdist(points.double(), others.double())
    assert distances.min(1).values.max() < 1e-3
    return distances.argmin(1)


@pytest.mark.parametrize("max_points", [15, 1000])
def test_a_point_has_the_class_of_its_image(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_points: int
) -> None:
    drawn: dict[str, Any] = {}
    # Maps by which a latent can be known again.
    to_pca, to_tsne = np.random.default_rng(0).normal(size=(2, 72, 2)).astype(np.float32)
    monkeypatch.setattr(latents, "tsne_map", lambda of, **_: (np.arange(len(of)), of @ to_tsne))
    monkeypatch.setattr(latents, "pca_map", lambda of, pca: of @ to_pca)
    monkeypatch.setattr(latents, "save_figure", lambda _, *saved: drawn.update([saved]))
    monkeypatch.setattr(plotting, "latent_map", lambda *arguments: arguments)
    data = garments()
    logger = TensorBoardLogger(tmp_path, name="", version="")
    model = fit(data, LatentMaps(max_points, seed=0), max_epochs=1, logger=logger)
    with torch.inference_mode():
        codes = model.encode(to_float(data.test.images)).flatten(1)
    maps = {"latent_tsne": codes @ torch.from_numpy(to_tsne)}
    maps["latent_pca"] = codes @ torch.from_numpy(to_pca)
    assert set(drawn) == set(maps)
    for name, right in maps.items():
        points, labels, classes, title = drawn[name]
        rows = nearest(torch.as_tensor(points), right)
        assert len(rows.unique()) == min(max_points, 40)
        assert labels.tolist() == data.test.labels[rows].tolist()
        assert classes == data.classes
        assert name.removeprefix("latent_") in title.lower().replace("-", "")

    folder = next(tmp_path.rglob("tensors.tsv")).parent
    rows = nearest(torch.from_numpy(np.loadtxt(folder / "tensors.tsv")), codes)
    names = (folder / "metadata.tsv").read_text().splitlines()
    assert names == [data.classes[label] for label in data.test.labels[rows]]


def test_another_seed_maps_other_images(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[Any] = []
    monkeypatch.setattr(latents, "save_figure", lambda *_: None)
    monkeypatch.setattr(plotting, "latent_map", lambda points, *_: chosen.append(points))
    monkeypatch.setattr(latents, "tsne_map", lambda of, **_: (None, of))
    for seed in (0, 0, 1):
        fit(garments(), LatentMaps(10, seed=seed), max_epochs=1)
    first, again, other = chosen[1::2]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_nothing_is_mapped_in_a_fast_dev_run(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "tsne_map", lambda *_, **__: pytest.fail("it takes seconds"))
    fit(garments(), LatentMaps(10, seed=0), fast_dev_run=True)


def test_too_few_points_are_no_failure(
    fit: Fit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fit(garments(), LatentMaps(3, seed=0), max_epochs=1)
    assert "no maps of the latents: t-SNE needs 4 points" in caplog.text
    assert not list(tmp_path.rglob("*.png"))


def test_the_projector_gets_long_latents_on_principal_components(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latents, "_PROJECTED", 5)
    logger = TensorBoardLogger(tmp_path, name="", version="")
    data = garments()
    model = fit(data, LatentMaps(1000, seed=0), max_epochs=1, logger=logger)
    with torch.inference_mode():
        codes = model.encode(to_float(data.test.images)).flatten(1).double().numpy()
    path = next(tmp_path.rglob("tensors.tsv"))
    assert path.parent.name == "latent-pca5"
    shown = np.loadtxt(path)
    mean = codes - codes.mean(0)
    _, _, directions = np.linalg.svd(mean, full_matrices=False)
    right = np.abs(mean @ directions[:5].T)
    spread = right.std(0).max()
    rows = nearest(torch.from_numpy(np.abs(shown) / spread), torch.from_numpy(right / spread))
    assert len(rows.unique()) == len(shown) == 40
    # Text of few digits: 43 MB of a run were here.
    assert path.stat().st_size < 40 * 5 * 11


def test_what_the_projector_gets_has_four_digits_after_the_largest_spread() -> None:
    pca = PrincipalComponents.fit(np.eye(3))
    for scale in (1e-6, 1.0, 1e5):
        points = np.array([[0.0, 1.23456789], [0.0, 4.0]]) * scale
        _, shown = latents._projected(points, pca)
        assert shown[0, 1] / scale == pytest.approx(1.2346, abs=1e-9)
    _, constant = latents._projected(np.full((2, 2), 0.5), pca)
    assert (constant == 0.5).all()
