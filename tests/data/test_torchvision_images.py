"""Data sets that torchvision reads: as they are, resized, in grey; and what is said without."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image, ImageOps

from autoencoder.data import TorchvisionImages
from autoencoder.data.arrays import ArrayError
from autoencoder.data.sources import DataNotFoundError
from autoencoder.data.torchvision_images import SETS

PIXELS = np.random.default_rng(0).integers(256, size=(36, 3, 32, 32), dtype=np.uint8)
# Not in the alphabet's order.
NAMES = ["truck", "cat"]


def images(name: str | None, root: Path, **values: Any) -> TorchvisionImages:
    given: dict[str, Any] = {
        "val_size": 4,
        "test_size": 0.25,
        "batch_size": 4,
        "seed": 0,
        "split_seed": 0,
    }
    given |= {"num_workers": 0, "download": False, "image_size": None, "channels": None}
    return TorchvisionImages(name, root, **(given | values))


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files as those of CIFAR-10, of 30 images for training and 6 for the test."""
    monkeypatch.setattr(torchvision.datasets.cifar, "check_integrity", lambda *_: True)
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    batches = {f"data_batch_{k + 1}": slice(6 * k, 6 * k + 6) for k in range(5)}
    for name, rows in (batches | {"test_batch": slice(30, 36)}).items():
        labels = (np.arange(36) % 2)[rows].tolist()
        batch = {"data": PIXELS[rows].reshape(6, -1), "labels": labels}
        (folder / name).write_bytes(pickle.dumps(batch))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": NAMES}))
    return tmp_path


def write_eurosat(root: Path, sizes: tuple[int, ...] = (64,)) -> None:
    """A set that isn't split, with a folder a class."""
    for row in range(36):
        path = root / f"eurosat/2750/{NAMES[row % 2]}/{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = sizes[row % len(sizes)]
        Image.fromarray(PIXELS[row].transpose(1, 2, 0)).resize((size, size)).save(path)


def test_images_labels_and_the_split_are_those_of_the_set(cifar: Path) -> None:
    data = images("CIFAR10", cifar)
    assert data.title == "CIFAR10"  # not that of the class that reads them all
    source = data.source
    assert np.array_equal(source.train_images, PIXELS[:30])
    assert np.array_equal(source.test_images, PIXELS[30:])
    assert source.train_labels.tolist() == [k % 2 for k in range(30)]
    assert data.classes == ("truck", "cat")
    data.setup()
    assert (len(data.train), len(data.val), len(data.test)) == (26, 4, 6)


def test_size_and_channels_are_as_asked(cifar: Path) -> None:
    data = images("CIFAR10", cifar, image_size=16, channels=1)
    assert data.image_shape == (1, 16, 16)
    grey = Image.fromarray(PIXELS[30].transpose(1, 2, 0)).convert("L")
    right = ImageOps.fit(grey, (16, 16), Image.Resampling.BICUBIC)
    assert np.array_equal(data.source.test_images[0, 0], right)


def test_a_set_that_is_not_split_has_its_test_held_out_by_class(tmp_path: Path) -> None:
    write_eurosat(tmp_path)
    data = images("EuroSAT", tmp_path, test_size=6)
    data.setup()
    assert (len(data.train), len(data.val), len(data.test)) == (26, 4, 6)
    assert data.test.labels.bincount().tolist() == [3, 3]
    assert data.classes == ("cat", "truck")


def test_several_sizes_take_an_image_size(tmp_path: Path) -> None:
    write_eurosat(tmp_path, sizes=(64, 48))
    with pytest.raises(ArrayError, match=r"data\.image_size=64 makes them equal"):
        images("EuroSAT", tmp_path).load()
    assert images("EuroSAT", tmp_path, image_size=32).image_shape == (3, 32, 32)


@pytest.mark.parametrize("name", SETS)
def test_every_set_has_the_splits_that_it_is_asked_for(name: str, tmp_path: Path) -> None:
    # Arguments that it hasn't are no "not found".
    with pytest.raises(DataNotFoundError, match=rf"no {name} in .*download=true downloads") as said:
        images(name, tmp_path).load()
    assert isinstance(said.value.__cause__, RuntimeError | FileNotFoundError), said.value


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "CIFAR"}, "data.name=CIFAR is none of CIFAR10"),
        ({"image_size": 4}, "data.image_size must be a whole number >= 8"),
        ({"channels": 2}, "data.channels must be 1"),
        ({"test_size": 0}, "data.test_size must be a share"),
    ],
)
def test_bad_values_are_named(tmp_path: Path, values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace(".", r"\.").replace("(", r"\(")):
        images(**({"name": "CIFAR10", "root": tmp_path} | values))


def test_a_missing_name_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"data\.name is missing"):
        images(None, tmp_path).load()
