import os
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from autoencoder.commandline.configs import CONF_DIR
from autoencoder.data import KMNIST, MNIST, FashionMNIST
from autoencoder.data.published import IdxImages
from autoencoder.data.sources import DOWNLOADS, DataNotFoundError
from tests.data.tiny_files import write

SETS: list[type[IdxImages]] = [FashionMNIST, MNIST, KMNIST]
REST = {"batch_size": 8, "val_size": 8, "seed": 0, "split_seed": 0, "num_workers": 0}


@pytest.mark.parametrize("kind", SETS)
def test_shape_and_classes_are_known_without_files(kind: type[IdxImages], root: Path) -> None:
    data = kind(root, **REST)
    assert data.image_shape == (1, 28, 28)
    assert len(set(data.classes)) == 10
    assert "source" not in vars(data)


@pytest.mark.parametrize("kind", SETS)
def test_files_of_another_set_are_refused(kind: type[IdxImages], root: Path) -> None:
    write(root, zipped=True)
    with pytest.raises(DataNotFoundError, match=f"is not {kind.files.title}'s"):
        kind(root, **REST).load()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"root": None}, "data.root must be a folder, got None"),
        ({"root": 5}, "data.root must be a folder, got 5"),
        ({"download": "x"}, "data.download must be true or false, got 'x'"),
        ({"download": None}, "data.download must be true or false, got None"),
    ],
)
def test_bad_values_are_named(root: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FashionMNIST(**{"root": root, **REST, **changes})


def test_default_root_is_the_folder_for_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOENCODER_DATA", raising=False)
    cfg = OmegaConf.load(CONF_DIR / "data" / "fashion_mnist.yaml")
    assert Path(cfg.root) == DOWNLOADS
    assert cfg.download is False


@pytest.mark.real
def test_real_files() -> None:
    folder = os.environ.get("AUTOENCODER_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("AUTOENCODER_DATA names no folder with the Fashion-MNIST files")
    data = FashionMNIST(folder, **REST)
    source = data.load()
    assert source.train_images.shape == (60_000, *data.image_shape)
    assert source.test_images.shape == (10_000, *data.image_shape)
    assert source.train_labels.bincount().tolist() == [6_000] * len(data.classes)
    assert source.test_labels.bincount().tolist() == [1_000] * 10
    assert source.train_images.double().mean().item() / 255 == pytest.approx(0.2860, abs=1e-4)
