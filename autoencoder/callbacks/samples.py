"""Samples: what a model makes of latents that no image was encoded to."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import lightning as L
import numpy as np
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image
from torchvision.utils import make_grid

from autoencoder.analysis import gallery_blocks as blocks
from autoencoder.analysis import plotting
from autoencoder.analysis.gallery import STYLES, Gallery, class_grid, gallery, prior_samples
from autoencoder.analysis.plotting import ImageBlock
from autoencoder.data import ImageDataModule
from autoencoder.models import Autoencoder, VariationalAutoencoder
from autoencoder.runs.files import written_aside

_COLUMNS = 16


class Samples(L.Callback):
    """Shows what a model generates.

    After each validation of a variational model: images of the same latents from the prior in
    every epoch, in TensorBoard; for a conditional one a class a row, and in each column the same
    latent. After the test, as `figures/NAME.png` and in TensorBoard: `interpolation` between test
    images; and for variational models `samples`, `traversal` of the dimensions that vary most,
    `neighbours` of samples among the training images, `class_grid` of a conditional one and the
    `manifold` of two latent dimensions.

    Args:
        count: Samples in an epoch's grid, where there are no classes.
        scale: Screen pixels of an image's pixel in TensorBoard.
    """

    def __init__(self, count: int, scale: int) -> None:
        self.count = count
        self.scale = scale

    @rank_zero_only
    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Adds the grid of this epoch."""
        if not isinstance(pl_module, VariationalAutoencoder):
            return
        columns = STYLES if pl_module.num_classes else _COLUMNS
        if pl_module.num_classes:
            images = class_grid(pl_module, STYLES).flatten(0, 1)
        else:
            images = prior_samples(pl_module, self.count)
        picture = make_grid(images.clamp(0, 1), nrow=columns, padding=1, pad_value=1)
        picture = picture.repeat_interleave(self.scale, 1).repeat_interleave(self.scale, 2)
        _show(trainer, "samples from the prior", picture.mul(255).byte().numpy(), "CHW")

    @rank_zero_only
    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draws the figures."""
        data: object = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, ImageDataModule)
        assert isinstance(pl_module, Autoencoder)
        folder = Path(trainer.default_root_dir) / "figures"
        for name, cell, parts in _figures(gallery(pl_module, data), data.classes):
            with written_aside(folder / f"{name}.png") as path:
                plotting.image_blocks(parts, cell).savefig(path, dpi=120)
                picture = np.asarray(Image.open(path).convert("RGB"))
            _show(trainer, f"test/{name}", picture, "HWC")


def _figures(
    of: Gallery, classes: Sequence[str]
) -> Iterator[tuple[str, float, Sequence[ImageBlock]]]:
    """Name, inches of an image, and what is in each figure that the model has."""
    if len(of.ends):
        title = "Between two test images"
        if of.is_conditional:
            title += " (the label changes after 1/2)"
        yield "interpolation", 0.6, blocks.interpolations(of, title, classes, len(of.ends))
    if not of.has_prior:
        return
    title = "Decoded from latents that are drawn from the prior"
    yield "samples", 0.55, [blocks.samples(of, title, 4), blocks.test_images(of)]
    title = "A latent of which one dimension is set to a value, in standard deviations of the prior"
    rows = blocks.traversals(of, "", len(of.traversals))
    yield "traversal", 0.7, [blocks.traversed(of, title), rows]
    title = "The samples nearest to a training image, and their MSE to it"
    yield "neighbours", 0.6, [blocks.neighbours(of, title)]
    if of.is_conditional:
        title = "A column is one latent from the prior, a row the label it is decoded with"
        yield "class_grid", 0.6, [blocks.class_grid(of, title, classes)]
    if len(of.manifold):
        given = f", decoded as {classes[0]}" if of.is_conditional else ""
        title = f"The two latent dimensions, at even quantiles of the prior{given}"
        yield "manifold", 0.5, [blocks.manifold(of, title)]


def _show(trainer: L.Trainer, name: str, picture: np.ndarray, axes: str) -> None:
    """Adds a picture of uint8 to TensorBoard."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            epoch = trainer.current_epoch + (not trainer.testing)
            logger.experiment.add_image(name, picture, epoch, dataformats=axes)
