"""What callbacks show, and where: TensorBoard, and the figures of the run directory."""

from collections.abc import Iterator
from pathlib import Path

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torchvision.utils import make_grid

from autoencoder.data import ImageDataModule
from autoencoder.models import Autoencoder
from autoencoder.runs.files import written_aside

_DPI = 120


def experiment(
    trainer: L.Trainer, pl_module: L.LightningModule
) -> tuple[ImageDataModule, Autoencoder]:
    """The data and the model of a trainer, which are this package's own."""
    data: object = trainer.datamodule  # type: ignore[attr-defined]  # set by its fit
    assert isinstance(data, ImageDataModule)
    assert isinstance(pl_module, Autoencoder)
    return data, pl_module


def tensorboards(trainer: L.Trainer) -> Iterator[SummaryWriter]:
    """The writers of the trainer's TensorBoard loggers."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            yield logger.experiment


def add_grid(trainer: L.Trainer, name: str, images: Tensor, columns: int, scale: int) -> None:
    """Adds a grid of images to TensorBoard, at the epochs that are completed.

    Args:
        trainer: In a validation during its fit.
        name: Of the grid.
        images: `(N, C, H, W)`, clipped to [0, 1].
        columns: Images in a row.
        scale: Screen pixels of an image's pixel.
    """
    grid = make_grid(images.clamp(0, 1), nrow=columns, padding=1, pad_value=1)
    grid = grid.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    for writer in tensorboards(trainer):
        writer.add_image(name, grid, trainer.current_epoch + 1)


def save_figure(trainer: L.Trainer, name: str, figure: Figure) -> Path:
    """Saves `figures/NAME.png` in the run directory; returns its path."""
    path = Path(trainer.default_root_dir) / f"figures/{name}.png"
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=_DPI)
    return path
