"""The training and the test of a run, in one process of those that its trainer expects."""

import logging
import warnings
from pathlib import Path

import lightning as L
from omegaconf import DictConfig

from autoencoder import runs
from autoencoder.callbacks import History
from autoencoder.data import ImageDataModule
from autoencoder.models import Autoencoder
from autoencoder.runs.checkpoints import load_weights

log = logging.getLogger(__name__)


def fit_and_test(
    cfg: DictConfig, data: ImageDataModule, model: Autoencoder, trainer: L.Trainer
) -> dict[str, float]:
    """Fits and tests in this process; returns what it writes into `metrics.json`."""
    run_dir = Path(cfg.run_dir)
    if trainer.is_global_zero:
        log.info("%s", _summary(cfg, data, model))
    last = run_dir / runs.LAST if (run_dir / runs.LAST).exists() else None
    if last:
        load_weights(model, last)  # before the fit, which would say less of a bad file
        log.info("going on from %s", last)
    trainer.fit(model, data, ckpt_path=last, weights_only=True)
    epochs = trainer.current_epoch
    found = [c for c in trainer.callbacks if isinstance(c, History)]  # type: ignore[attr-defined]
    history = found[0] if found else History()  # without one, what it knows is missing
    if (run_dir / runs.BEST).exists():
        load_weights(model, run_dir / runs.BEST)
    trainer.test(model, data, verbose=False)
    test = {name: value.item() for name, value in trainer.callback_metrics.items()}
    chosen = history.best("val/loss") if history.rows else {}
    metrics = {
        "train/loss": chosen.get("train/loss", float("nan")),
        "val/mse": chosen.get("val/mse", float("nan")),
        **{name: value for name, value in test.items() if name.startswith("test/")},
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "latent_size": model.latent_size,
        "latent_bits": model.latent_bits,
        "epochs": epochs,
        "best_epoch": chosen.get("epoch", 0),
        "seed": cfg.seed,
        "train_seconds": round(history.train_seconds, 2),
        "images_per_second": round(history.images_per_second, 1),
    }
    if trainer.is_global_zero:
        runs.write_metrics(run_dir, metrics)
    return metrics


def quiet() -> None:
    """Silences what Lightning says of every run."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*LeafSpec.*",  # between Lightning and torch
        ".*does not have many workers.*",  # a batch is one indexing of a tensor in memory
        "Your `IterableDataset` has `__len__` defined.*",  # litdata shares it out to the workers
        ".*is smaller than the logging interval.*",  # metrics are logged once an epoch
        ".*`srun` command is available.*",  # it starts the runs where it is wanted
        ".*when logging on epoch level in distributed setting.*",  # the metrics have done so
        "Checkpoint directory .* exists and is not empty.*",  # resumed, as the log says
    ):
        warnings.filterwarnings("ignore", message)


def _summary(cfg: DictConfig, data: ImageDataModule, model: Autoencoder) -> str:
    channels, height, width = data.image_shape
    pixels = channels * height * width
    ratio = model.latent_size / pixels
    overcomplete = ratio >= 1 and model.latent_bits >= 8 * pixels
    parameters = sum(parameter.numel() for parameter in model.parameters())
    latent = " x ".join(map(str, model.latent_shape))
    what = f"= {model.latent_size:,} numbers"
    if model.has_codes:
        what = f"as {model.latent_size:,} codes of {model.latent_bits:,.0f} bits in all"
    all_test = len(data.source.test_images)
    drawn = f" (drawn from {all_test:,})" if len(data.test) < all_test else ""
    rows = {
        "data": f"{data.title}: {len(data.train):,} train, {len(data.val):,} val, "
        f"{len(data.test):,} test images{drawn} of {channels} x {height} x {width}",
        "from": f"{data.source.origin} (SHA-256 {data.source.checksum[:12]})",
        "noise": str(data.noise).replace("Identity()", "none"),
        "model": f"{type(model).__name__}: {parameters:,} parameters",
        "latent": f"{latent} {what}, "
        f"{ratio:.3g} of the {pixels:,} pixels"
        + (" (overcomplete: as many numbers as pixels, or more)" if overcomplete else ""),
        "run": cfg.run_dir,
    }
    return "\n".join(f"{name:<8}{text}" for name, text in rows.items())
