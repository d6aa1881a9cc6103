"""Latents: an embedding for TensorBoard's projector, and maps in two dimensions."""

import logging
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from matplotlib.figure import Figure

from autoencoder.analysis import plotting
from autoencoder.analysis.maps import pca_map, tsne_map
from autoencoder.data import ImageDataModule
from autoencoder.data.module import to_float
from autoencoder.models import Autoencoder
from autoencoder.runs.files import written_aside

log = logging.getLogger(__name__)

# TensorBoard's projector can't show sprites of more pixels a side.
_LARGEST_SPRITE = 8192


class LatentMaps(L.Callback):
    """Maps the latents of clean test images after the test.

    Writes `figures/latent_pca.png`, `figures/latent_tsne.png`, and the latents themselves with
    labels and thumbnails for TensorBoard's projector.

    Args:
        max_points: Test images at the most, drawn from the seed; t-SNE's time grows with them.
        seed: Seed of the choice of images and of t-SNE.
    """

    def __init__(self, max_points: int, seed: int) -> None:
        self.max_points = max_points
        self.seed = seed

    @rank_zero_only
    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Encodes, maps and draws."""
        data: object = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, ImageDataModule)
        assert isinstance(pl_module, Autoencoder)
        images, labels, _ = data.test.tensors
        largest = (_LARGEST_SPRITE // max(images.shape[2:])) ** 2
        generator = torch.Generator().manual_seed(self.seed)
        rows = torch.randperm(len(images), generator=generator)[: min(self.max_points, largest)]
        images, labels = to_float(images[rows]), labels[rows]
        with torch.inference_mode():
            latents = torch.cat(
                [
                    pl_module.encode(batch.to(pl_module.device), classes.to(pl_module.device))
                    .flatten(1)
                    .cpu()
                    for batch, classes in zip(images.split(500), labels.split(500), strict=True)
                ]
            )
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                names = [data.classes[label] for label in labels]
                logger.experiment.add_embedding(latents, names, images, tag="latent")
        log.info("mapping %s latents with PCA and t-SNE", f"{len(latents):,}")
        folder = Path(trainer.default_root_dir) / "figures"
        _, points = tsne_map(latents.numpy(), seed=self.seed, max_points=len(latents))
        for name, title, coordinates in (
            ("latent_pca", "PCA of the latents", pca_map(latents.numpy())),
            ("latent_tsne", "t-SNE of the latents", points),
        ):
            figure = plotting.latent_map(coordinates, labels.numpy(), data.classes, title)
            _save(figure, folder / f"{name}.png")


def _save(figure: Figure, path: Path) -> None:
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=120)
