"""What callbacks show, and where: all trackers of a run, and the figures of its directory."""

import re
from collections.abc import Iterator
from functools import singledispatch
from pathlib import Path
from typing import NamedTuple

import lightning as L
import numpy as np
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torchvision.utils import make_grid

from autoencoder.analysis.arrays import Array
from autoencoder.data import ImageDataModule
from autoencoder.models import Autoencoder
from autoencoder.runs.files import written_aside

_DPI = 120
# Figures that TensorBoard isn't given: it has its own curves, grids of epochs, and projector.
_ALIVE_IN_TENSORBOARD = (
    "test/loss_curve", "test/reconstructions", "test/latent_pca", "test/latent_tsne",
)  # fmt: skip


def experiment(
    trainer: L.Trainer, pl_module: L.LightningModule
) -> tuple[ImageDataModule, Autoencoder]:
    """The data and the model of a trainer, which are this package's own."""
    data: object = trainer.datamodule  # type: ignore[attr-defined]  # set by its fit
    assert isinstance(data, ImageDataModule)
    assert isinstance(pl_module, Autoencoder)
    return data, pl_module


class Picture(NamedTuple):
    """What a tracker is given to show.

    Attributes:
        name: The same for what is shown again in each epoch.
        pixels: `(H, W, C)`, uint8.
        epoch: Epochs that are completed.
        step: Steps of the optimiser that are done.
        path: The file that it is in, if it is one of the run directory.
    """

    name: str
    pixels: Array
    epoch: int
    step: int
    path: Path | None = None


@singledispatch
def show(logger: Logger, picture: Picture) -> None:
    """Has a tracker show a picture: the one place that knows how each of them is given one.

    One that isn't registered shows none; `@show.register` adds another.

    Args:
        logger: Of Lightning; its class decides.
        picture: What to show.
    """


@show.register
def _(logger: TensorBoardLogger, picture: Picture) -> None:
    if picture.name in _ALIVE_IN_TENSORBOARD:
        return
    logger.experiment.add_image(picture.name, picture.pixels, picture.epoch, dataformats="HWC")


@show.register
def _(logger: WandbLogger, picture: Picture) -> None:
    logger.log_image(picture.name, [Image.fromarray(picture.pixels)], picture.step)


@show.register
def _(logger: MLFlowLogger, picture: Picture) -> None:
    if picture.path is not None:
        logger.experiment.log_artifact(logger.run_id, str(picture.path), "figures")
        return
    key = re.sub(r"[^\w./ -]", "", picture.name)  # it takes no other signs
    logger.experiment.log_image(logger.run_id, picture.pixels, key=key, step=picture.epoch)


def tensorboards(trainer: L.Trainer) -> Iterator[SummaryWriter]:
    """The writers of the trainer's TensorBoard loggers."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            yield logger.experiment


def add_grid(trainer: L.Trainer, name: str, images: Tensor, columns: int, scale: int) -> None:
    """Shows a grid of images in all trackers, at the epochs that are completed.

    Args:
        trainer: In a validation during its fit.
        name: Of the grid.
        images: `(N, C, H, W)`, clipped to [0, 1].
        columns: Images in a row.
        scale: Screen pixels of an image's pixel.
    """
    grid = make_grid(images.clamp(0, 1), nrow=columns, padding=1, pad_value=1)
    grid = grid.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    pixels = (grid * 255).byte().permute(1, 2, 0).cpu().numpy()
    for logger in trainer.loggers:
        show(logger, Picture(name, pixels, trainer.current_epoch + 1, trainer.global_step))


def save_figure(trainer: L.Trainer, name: str, figure: Figure) -> Path:
    """Saves `figures/NAME.png` in the run directory and shows it in all trackers.

    Returns:
        Its path.
    """
    path = Path(trainer.default_root_dir) / f"figures/{name}.png"
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=_DPI)
    if trainer.loggers:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        picture = Picture(f"test/{name}", pixels, trainer.current_epoch, trainer.global_step, path)
        for logger in trainer.loggers:
            show(logger, picture)
    return path
