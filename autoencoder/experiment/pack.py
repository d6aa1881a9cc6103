"""The packing of a data set that a config describes, into files that need not fit in memory."""

import logging
from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from autoencoder.console import standard_console
from autoencoder.data import chunking
from autoencoder.data.chunked import order_of_test
from autoencoder.data.packed import UNLABELLED
from autoencoder.data.packing import Part, write
from autoencoder.experiment.build import ConfigError, build_data

# What reads it: data=memmap, or data=stream.
FORMATS = ("memmap", "stream")

log = logging.getLogger(__name__)

# Bytes of images that are written at once.
_AT_ONCE = 2**22


def pack(cfg: DictConfig) -> None:
    """Writes `cfg.out`, or goes on with it where it was interrupted.

    Raises:
        ConfigError: If `out` is missing, or the data can't be built as described.
        PackedError: If the folder can't be written, or holds images already.
    """
    if not isinstance(cfg.out, str):
        raise ConfigError(f"out={cfg.out}: out=FOLDER says where the packed images are to be")
    if cfg.format not in FORMATS:
        raise ConfigError(f"format={cfg.format}: it is one of {', '.join(FORMATS)}")
    data = build_data(cfg, load=False)
    source = data.source
    if source.train_images.is_meta:
        raise ConfigError("data=stream is packed already, and can't be packed again")
    labelled = source.classes != UNLABELLED
    parts = {
        "train": _part(source.train_images, source.train_labels, labelled),
        "test": _part(source.test_images, source.test_labels, labelled),
    }
    about = {
        "source": f"{data.title}, {source.origin}",
        "SHA-256 of the source": source.checksum,
        "licence": str(cfg.licence),
        "split": "training and test images as the source has them, in its order; validation "
        "images are drawn from the training images by whoever reads them (`data.val_size`)",
    }
    columns = TextColumn("packing"), BarColumn(30), MofNCompleteColumn(), TimeRemainingColumn()
    console = standard_console()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=sum(part.shape[0] for part in parts.values()))

        def advance(count: int) -> None:
            bar.advance(task, count)

        folder, identity = Path(cfg.out), source.checksum
        if cfg.format == "stream":
            order = data.held_out(source.train_labels)
            of_test = order_of_test(len(source.test_images), data.split_seed)
            in_order = {
                "train": (source.train_images, source.train_labels, order),
                "test": (source.test_images, source.test_labels, of_test),
            }
            seed = data.split_seed
            chunking.write(folder, in_order, source.classes, about, seed, identity, advance)
        else:
            classes = source.classes if labelled else ()
            write(folder, parts, classes, about, identity, advance)
    counts = " and ".join(f"{part.shape[0]:,} {name}" for name, part in parts.items())
    log.info("%s images of %s packed in %s", counts, data.title, cfg.out)


def _part(images: Tensor, labels: Tensor, labelled: bool) -> Part:
    n_images, channels, height, width = images.shape
    size = max(1, _AT_ONCE // (channels * height * width))

    def batches(start: int) -> Iterator[tuple[Tensor, Tensor]]:
        for first in range(start, n_images, size):
            rows = slice(first, first + size)
            yield images[rows], labels[rows]

    return Part((n_images, channels, height, width), labelled, batches)
