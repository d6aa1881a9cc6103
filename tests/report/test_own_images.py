"""One's own images, from files to the report: grey and colours, any size, labelled or not."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig
from PIL import Image
from sklearn.datasets import load_digits

from autoencoder.commandline.configs import CONF_DIR
from autoencoder.data.published import FashionMNIST
from autoencoder.data.sources import load_idx
from autoencoder.experiment.train import train
from autoencoder.report import write_report
from tests.experiment.test_train import numbers
from tests.report.runs_on_disk import SETTINGS

PHOTOGRAPHS = "astronaut", "chelsea", "coffee"
NEED_LABELS = "knn", "linear_probe", "silhouette", "frechet", "precision", "recall"


def composed(*overrides: str) -> DictConfig:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose("train", ["data=image_folder", "trainer=cpu", "name=x", *overrides])


def write_digits(folder: Path) -> None:
    """scikit-learn's digits of 8 x 8, a folder a class."""
    digits = load_digits()
    for number in range(200):
        path = folder / f"digit {digits.target[number]}/{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((digits.images[number] * (255 / 16)).astype(np.uint8)).save(path)


def write_photographs(folder: Path, labelled: bool) -> None:
    """Cuttings of scikit-image's photographs."""
    generator = np.random.default_rng(0)
    for name in PHOTOGRAPHS:
        image = getattr(skimage.data, name)()
        for number in range(30):
            y, x = (generator.integers(size - 96) for size in image.shape[:2])
            path = folder / (f"{name}/{number:02}.jpg" if labelled else f"{name}-{number:02}.jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[y : y + 96, x : x + 72]).save(path)


def reported(folder: Path, *overrides: str) -> tuple[dict[str, str], str]:
    """The row and the text of the report of a short run."""
    cfg = composed(
        f"run_dir={folder / 'run'}", f"data.root={folder / 'photos'}", "data.batch_size=16",
        "trainer.max_epochs=1", "callbacks.latent_maps.max_points=40", *overrides,
    )  # fmt: skip
    metrics = train(cfg)
    assert json.loads((folder / "run/metrics.json").read_text()) == metrics
    assert not list((folder / "run").rglob("*images.npy"))  # they are kept beside the images
    write_report(folder / "run", SETTINGS)
    with (folder / "run/report/results.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert math.isclose(float(row["mse"]), metrics["test/mse"], rel_tol=1e-5)
    return row, (folder / "run/report/report.md").read_text()


def test_digits_end_to_end(tmp_path: Path) -> None:
    write_digits(tmp_path / "photos")
    row, text = reported(
        tmp_path, "data.image_size=8", "data.channels=1", "noise=gaussian", "model=dense"
    )
    assert all(row[name] for name in (*NEED_LABELS, "pca_ratio", "linear_psnr"))
    assert "digit " in text
    assert "have no labels" not in text


@pytest.mark.slow
def test_photographs_end_to_end(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", labelled=True)
    overrides = ("data.image_size=32", "model=conditional_vae", "model.num_classes=3")
    row, text = reported(tmp_path, *overrides, "model/likelihood=bernoulli")
    assert row["named_as_asked"]
    assert row["frechet"]
    for name in PHOTOGRAPHS:
        assert name in text


def test_photographs_without_labels_end_to_end(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", labelled=False)
    row, text = reported(tmp_path, "data.image_size=16", "data.test_size=0.2", "noise=masking")
    assert not any(row[name] for name in NEED_LABELS)
    assert row["trustworthiness"]
    assert "have no labels" in text
    assert "Error by class" not in text
    assert "The first test images" in text
    (measured,) = (tmp_path / "run/cache").glob("*[0-9a-f].npz")
    with np.load(measured) as arrays:
        assert arrays["shown.indices"].tolist() == list(range(10))
    assert not (tmp_path / "run/report/figures/class_errors.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("size", [9, 256])
def test_sizes_at_the_ends(tmp_path: Path, size: int) -> None:
    write_photographs(tmp_path / "photos", labelled=True)
    row, text = reported(tmp_path, f"data.image_size={size}", "model=vae")
    assert row["elbo"]
    assert row["pca_ratio"]
    assert ("leading 512 components" in text) == (size > 64)


@pytest.mark.real
@pytest.mark.slow
def test_fashion_mnist_as_png_files_gives_the_same_numbers(tmp_path: Path) -> None:
    root = composed("data=fashion_mnist").data.root
    data = load_idx(FashionMNIST.files, Path(root), download=False)
    parts = {
        "train": (data.train_images, data.train_labels),
        "test": (data.test_images, data.test_labels),
    }
    for part, (images, labels) in parts.items():
        for label in range(10):
            (tmp_path / f"png/{part}/{label}").mkdir(parents=True)
        for row, (image, label) in enumerate(zip(images.numpy(), labels.tolist(), strict=True)):
            Image.fromarray(image[0]).save(tmp_path / f"png/{part}/{label}/{row:05}.png")
    common = (
        "noise=gaussian", "trainer.max_epochs=1", "trainer.limit_train_batches=60",
        "data.val_size=5000", "~callbacks.latent_maps",
    )  # fmt: skip
    files = train(composed("data=fashion_mnist", f"run_dir={tmp_path / 'files'}", *common))
    folder = train(
        composed(
            f"run_dir={tmp_path / 'folder'}", f"data.root={tmp_path / 'png'}", *common,
            "data.image_size=28", "data.channels=1", "data.stratify=false",
        )
    )  # fmt: skip
    assert numbers(folder) == numbers(files)
