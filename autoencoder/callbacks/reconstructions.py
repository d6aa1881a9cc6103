"""Reconstructions: a grid for each epoch, and a figure of every class at the end."""

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from autoencoder.analysis import plotting
from autoencoder.callbacks.showing import add_grid, experiment, save_figure
from autoencoder.data import Split, in_batches, to_float
from autoencoder.data.packed import UNLABELLED
from autoencoder.models import Autoencoder

# Images that are shown at least where there are that many.
_FEW = 10


class Reconstructions(L.Callback):
    """Shows what becomes of the first images of each class.

    After each validation: rows of inputs, corrupted inputs and reconstructions, in the trackers.
    After the test: `figures/reconstructions.png`, a row a class, or ten rows of images without one.

    Args:
        examples: Test images of each row of the figure.
        scale: Screen pixels of an image's pixel in a tracker.
    """

    def __init__(self, examples: int, scale: int) -> None:
        self.examples = examples
        self.scale = scale

    @rank_zero_only
    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Adds the grid of this epoch."""
        data, model = experiment(trainer, pl_module)
        # Of few classes, or none, several of each.
        rows = _reconstruct(model, data.val, max(1, _FEW // len(data.val.labels.unique())))
        name = "input, corrupted, reconstruction"
        add_grid(trainer, name, torch.cat(rows), len(rows[0]), self.scale)

    @rank_zero_only
    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draws the figure."""
        data, model = experiment(trainer, pl_module)
        labelled = data.classes != UNLABELLED
        count = self.examples if labelled else self.examples * _FEW
        images, corrupted, reconstructions = _reconstruct(model, data.test, count)
        columns = {"input": images, "corrupted": corrupted, "reconstruction": reconstructions}
        if images.equal(corrupted):
            del columns["corrupted"]
        if labelled:
            labels = data.test.labels.unique().tolist()
            names = [data.classes[label] for label in labels]
            per_row = len(images) // len(labels)
        else:
            per_row = min(self.examples, len(images))
            firsts = range(0, len(images), per_row)
            names = [
                f"{first + 1}\N{EN DASH}{min(first + per_row, len(images))}" for first in firsts
            ]
        # In each row its examples, each through all columns.
        rows = torch.stack(list(columns.values()), 1).flatten(0, 1).split(per_row * len(columns))
        headings = [name.replace("reconstruction", "recon-\nstruction") for name in columns]
        named = dict(zip(names, (row.numpy() for row in rows), strict=True))
        figure = plotting.image_blocks([plotting.ImageBlock("", headings * per_row, named)])
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
