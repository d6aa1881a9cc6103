"""Data sets of Hugging Face's library, read from folders of its formats."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from autoencoder.data import HuggingFaceImages
from autoencoder.data.sources import DataNotFoundError

datasets = pytest.importorskip("datasets")

PIXELS = np.random.default_rng(0).integers(256, size=(36, 16, 16), dtype=np.uint8)
NAMES = ("truck", "cat")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def images(name: Path | None, **values: Any) -> HuggingFaceImages:
    given: dict[str, Any] = {
        "val_size": 4,
        "test_size": 6,
        "batch_size": 4,
        "seed": 0,
        "split_seed": 0,
    }
    given |= {"num_workers": 0, "image_size": None, "channels": None}
    return HuggingFaceImages(name and str(name), **(given | values))


def rows(part: slice, labelled: bool = True) -> Any:
    pictures = [Image.fromarray(pixels) for pixels in PIXELS[part]]
    features = {"number": datasets.Value("int64"), "picture": datasets.Image()}
    columns = {"number": list(range(len(pictures))), "picture": pictures}
    if labelled:
        features["kind"] = datasets.ClassLabel(names=list(NAMES))
        columns["kind"] = (np.arange(36) % 2)[part].tolist()
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


@pytest.mark.parametrize("test", ["test", "validation"])
def test_what_save_to_disk_has_written(tmp_path: Path, test: str) -> None:
    parts = {"train": rows(slice(30)), test: rows(slice(30, 36))}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "set"))
    source = images(tmp_path / "set").load()
    assert np.array_equal(source.train_images[:, 0], PIXELS[:30])
    assert np.array_equal(source.test_images[:, 0], PIXELS[30:])
    assert source.train_labels.tolist() == [k % 2 for k in range(30)]
    assert source.classes == NAMES


def test_a_folder_of_parquet(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    rows(slice(36), labelled=False).to_parquet(str(tmp_path / "set/train.parquet"))
    data = images(tmp_path / "set", channels=3, image_size=8)
    assert data.image_shape == (3, 8, 8)
    assert data.classes == ("image",)
    assert (len(data.source.train_images), len(data.source.test_images)) == (30, 6)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"data\.name is missing"):
        images(None).load()
    parts = {"train": rows(slice(6)).remove_columns("picture")}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "set"))
    with pytest.raises(DataNotFoundError, match="no column of images, but number, kind"):
        images(tmp_path / "set").load()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataNotFoundError, match=r"no data set .* to be read"):
        images(tmp_path / "empty").load()
