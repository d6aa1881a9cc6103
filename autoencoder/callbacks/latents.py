"""Latents: an embedding for TensorBoard's projector, and maps in two dimensions."""

import logging
import math

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_only

from autoencoder.analysis import plotting
from autoencoder.analysis.arrays import Array
from autoencoder.analysis.maps import pca_map, tsne_map
from autoencoder.analysis.pca import PrincipalComponents
from autoencoder.callbacks.showing import experiment, save_figure, tensorboards
from autoencoder.data import in_batches, to_float
from autoencoder.data.packed import UNLABELLED

log = logging.getLogger(__name__)

# TensorBoard's projector can't show sprites of more pixels a side.
_LARGEST_SPRITE = 8192
# Dimensions that its PCA takes: longer points are projected at random first.
_PROJECTED = 200


class LatentMaps(L.Callback):
    """Maps the latents of clean test images after the test.

    Writes `figures/latent_pca.png`, `figures/latent_tsne.png`, and for TensorBoard's projector the
    latents with labels and thumbnails, those of more than 200 numbers on their first 200 principal
    components.

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
        if trainer.fast_dev_run:  # type: ignore[attr-defined]  # a property that it makes itself
            return  # all else is looked at in it in a second
        data, model = experiment(trainer, pl_module)
        images, labels = data.test.images, data.test.labels
        largest = (_LARGEST_SPRITE // max(images.shape[2:])) ** 2
        generator = torch.Generator().manual_seed(self.seed)
        rows = torch.randperm(len(images), generator=generator)[: min(self.max_points, largest)]
        images, labels = images[rows], labels[rows]
        latents = in_batches(model.encode, images, labels, device=model.device).flatten(1).numpy()
        log.info("mapping %s latents with PCA and t-SNE", f"{len(latents):,}")
        try:
            pca = PrincipalComponents.fit(latents)
            _, points = tsne_map(latents, seed=self.seed, max_points=len(latents), pca=pca)
        except ValueError as error:  # too few, or not finite: no reason to lose the run
            log.warning("no maps of the latents: %s", error)
            return
        maps = {"PCA": pca_map(latents, pca=pca), "t-SNE": points}
        labelled = data.classes != UNLABELLED
        names = [data.classes[label] for label in labels] if labelled else None
        tag, codes = _projected(latents, pca)
        for writer in tensorboards(trainer):
            writer.add_embedding(codes, names, to_float(images), tag=tag)
        for method, coordinates in maps.items():
            name, title = f"latent_{method.lower().replace('-', '')}", f"{method} of the latents"
            figure = plotting.latent_map(coordinates, labels.numpy(), data.classes, title)
            save_figure(trainer, name, figure)


def _projected(latents: Array, pca: PrincipalComponents) -> tuple[str, Array]:
    """What the projector is given, and its name: it is sent as text, and held by a browser.

    Long latents on as many principal components as it takes itself before it maps anything, and
    all with four digits after the first of the largest spread.
    """
    tag, codes = "latent", latents
    if latents.shape[1] > _PROJECTED:
        codes = pca.project(latents, _PROJECTED)
        tag = f"latent-pca{codes.shape[1]}"
    spread = float(codes.std(0).max()) or 1.0
    return tag, codes.astype(np.float64).round(4 - math.floor(math.log10(spread)))
