"""Reconstructions: a grid for each epoch, and a figure of every class at the end."""

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from autoencoder.analysis import plotting
from autoencoder.callbacks.showing import add_grid, experiment, save_figure
from autoencoder.data import Split, in_batches, to_float
from autoencoder.models import Autoencoder


class Reconstructions(L.Callback):
    """Shows what becomes of the first images of each class.

    After each validation: rows of inputs, corrupted inputs and reconstructions, in TensorBoard.
    After the test: `figures/reconstructions.png`, a row a class.

    Args:
        examples: Test images of each class in the figure.
        scale: Screen pixels of an image's pixel in TensorBoard.
    """

    def __init__(self, examples: int, scale: int) -> None:
        self.examples = examples
        self.scale = scale

    @rank_zero_only
    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Adds the grid of this epoch."""
        data, model = experiment(trainer, pl_module)
        rows = _reconstruct(model, data.val, examples=1)
        name = "input, corrupted, reconstruction"
        add_grid(trainer, name, torch.cat(rows), len(rows[0]), self.scale)

    @rank_zero_only
    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draws the figure."""
        data, model = experiment(trainer, pl_module)
        labels = data.test.labels.unique().tolist()
        images, corrupted, reconstructions = _reconstruct(model, data.test, self.examples)
        columns = {"input": images, "corrupted": corrupted, "reconstruction": reconstructions}
        if images.equal(corrupted):
            del columns["corrupted"]
        # Of each class, its examples, each through all columns.
        rows = torch.stack(list(columns.values()), 1).unflatten(0, (len(labels), -1)).flatten(1, 2)
        names = [data.classes[label] for label in labels]
        headings = [name.replace("reconstruction", "recon-\nstruction") for name in columns]
        headings *= rows.shape[1] // len(columns)
        block = plotting.ImageBlock("", headings, dict(zip(names, rows.numpy(), strict=True)))
        figure = plotting.image_blocks([block])
        save_figure(trainer, "reconstructions", figure)


def _reconstruct(model: Autoencoder, split: Split, examples: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images, corrupted images and reconstructions of the first examples of each class."""
    assert split.corrupted is not None  # those of validation and test are
    labels = split.labels
    found = [(labels == label).nonzero()[:, 0] for label in labels.unique()]
    fewest = min(examples, *(len(rows) for rows in found))
    rows = torch.cat([rows[:fewest] for rows in found])
    corrupted = split.corrupted[rows]
    reconstructions = in_batches(model, corrupted, labels[rows], device=model.device)
    return to_float(split.images[rows]), corrupted, reconstructions
