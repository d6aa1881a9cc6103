"""Runs on disk that look trained, without the time that training takes."""

import json
from pathlib import Path

import torch
import yaml  # type: ignore[import-untyped]  # its types are a package of their own
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from autoencoder import runs
from autoencoder.commandline.configs import CONF_DIR
from autoencoder.experiment.build import build_data, build_model
from autoencoder.report.measure.settings import Settings
from tests.conftest import TINY

SMALL = (
    *TINY,
    "data.train_size=232",
    "data.val_size=32",
    "data.test_size=60",
    "data.image_size=12",
)
SETTINGS = Settings(
    data_root=None,
    device="cpu",
    threads=1,
    batch_size=32,
    seed=0,
    noise_stds=(0, 0.3),
    max_points=40,
    knn_points=50,
    samples_per_class=3,
)
# 144 pixels: a latent of 36 numbers, and one of 144.
COMPACT, WIDE = "model.channels=[4,4]", "model.channels=[8,16]"


def write_run(folder: Path, *overrides: str, seed: int = 0, mse: float | None = None) -> Path:
    """A finished run of an untrained network; `mse` is what its metrics claim."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose("train", [*SMALL, f"seed={seed}", f"run_dir={folder}", *overrides])
    torch.manual_seed(seed)
    data = build_data(cfg)
    model = build_model(cfg, data)
    runs.start(cfg)
    (folder / runs.OVERRIDES).write_text(yaml.safe_dump([*overrides, f"seed={seed}"]))
    (folder / "checkpoints").mkdir()
    torch.save({"state_dict": model.state_dict()}, folder / runs.BEST)
    (folder / runs.HISTORY).write_text("epoch,train/loss,val/loss\n1,0.2,0.3\n2,0.1,0.2\n")
    images, corrupted, labels = (data.test.images, data.test.corrupted, data.test.labels)
    with torch.inference_mode():
        error = (model(corrupted, labels) - images / 255).square().mean().item()
    metrics = {
        "test/mse": error if mse is None else mse,
        "test/psnr": 10.0,
        "test/clean_mse": error,
        "parameters": 1000,
        "latent_size": model.latent_size,
        "epochs": 2,
        "seed": seed,
        "train_seconds": 3.5,
        "images_per_second": 1000.0,
    }
    (folder / runs.METRICS).write_text(json.dumps(metrics))
    return folder


def write_sweep(folder: Path) -> Path:
    """A sweep of 2 x 2 runs."""
    for model, channels in (("compact", COMPACT), ("wide", WIDE)):
        for noise in ("none", "gaussian"):
            write_run(folder / f"{model}_{noise}", channels, f"noise={noise}")
    return folder
