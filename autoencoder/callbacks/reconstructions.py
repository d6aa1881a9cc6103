"""Reconstructions: a grid for each epoch, and a figure of every class at the end."""

from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor
from torchvision.utils import make_grid

from autoencoder.analysis import plotting
from autoencoder.data import ImageDataModule
from autoencoder.data.module import InMemoryImages, to_float
from autoencoder.models import Autoencoder
from autoencoder.runs.files import written_aside


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
        data, model = _checked(trainer, pl_module)
        grid = torch.cat(_reconstruct(model, data.val, examples=1))
        picture = make_grid(grid.clamp(0, 1), nrow=len(grid) // 3, padding=1, pad_value=1)
        picture = picture.repeat_interleave(self.scale, 1).repeat_interleave(self.scale, 2)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image(
                    "input, corrupted, reconstruction", picture, trainer.current_epoch + 1
                )

    @rank_zero_only
    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draws the figure."""
        data, model = _checked(trainer, pl_module)
        labels = data.test.tensors[1].unique().tolist()
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
        with written_aside(Path(trainer.default_root_dir) / "figures/reconstructions.png") as path:
            figure.savefig(path, dpi=120)


def _reconstruct(
    model: Autoencoder, split: InMemoryImages, examples: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Images, corrupted images and reconstructions of the first examples of each class."""
    images, labels, corrupted = split.tensors
    found = [(labels == label).nonzero()[:, 0] for label in labels.unique()]
    fewest = min(examples, *(len(rows) for rows in found))
    rows = torch.cat([rows[:fewest] for rows in found])
    with torch.inference_mode():
        inputs = corrupted[rows].to(model.device)
        reconstructions = model(inputs, labels[rows].to(model.device)).cpu()
    return to_float(images[rows]), corrupted[rows], reconstructions


def _checked(
    trainer: L.Trainer, pl_module: L.LightningModule
) -> tuple[ImageDataModule, Autoencoder]:
    data: object = trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(data, ImageDataModule)
    assert isinstance(pl_module, Autoencoder)
    return data, pl_module
