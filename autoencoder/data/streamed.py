"""More images than the disk: chunks of them, streamed from a folder or from S3 through litdata."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from autoencoder.data import chunked
from autoencoder.data.module import ImageDataModule
from autoencoder.data.sources import ImageData
from autoencoder.data.split import Split, Stored

Read = Callable[[int], tuple[Tensor, Tensor]]


class StreamedSplit(Split):
    """Training images of which none is in memory.

    Args:
        count: How many there are.
        read: Gives the first images, as many as are asked for, and their labels.
    """

    def __init__(self, count: int, read: Read) -> None:
        nothing = torch.empty(count, device="meta")
        super().__init__(nothing, None, nothing)
        self._read = read

    @property
    def images(self) -> Tensor:
        """All images, read for this."""
        return self.in_memory().images

    @property
    def labels(self) -> Tensor:
        """All labels, read for this, with their images."""
        return self.in_memory().labels

    def in_memory(self, count: int | None = None) -> Split:
        """The first images, or all of them, as a split of their own."""
        n_images = len(self) if count is None else min(count, len(self))
        images, labels = self._read(n_images)
        return Split(images, None, labels)


class StreamedImages(ImageDataModule):
    """Images in chunks, of which those that are at hand are kept in a cache.

    Training images come chunk by chunk, both the chunks and what is in each in an order of the
    seed, the epoch, the number of processes and of loader workers. Validation and test images are
    those of the same images in memory. Of several processes each sees as many training images, and
    fewer than a batch a process is left out of an epoch.

    Args:
        root: Their folder, or `s3://BUCKET/...`, as `autoencoder.data.chunked` describes it.
        cache: Folder for what comes from a server; None: litdata's, `~/.lightning/chunks`.
        **kwargs: As for `ImageDataModule`.

    Raises:
        ValueError: If an argument is not of its type, or the images were packed in the order of
            another split.
        DataNotFoundError: If the images are not there.
        StreamError: If litdata is missing, they are not whole, or their server can't be asked.
    """

    def __init__(self, root: str | Path, cache: str | None = None, **kwargs: object) -> None:
        super().__init__(device_resident=False, **kwargs)  # type: ignore[arg-type]  # as named
        if not isinstance(root, str | Path) or ("://" in str(root) and not _is_s3(str(root))):
            raise ValueError(f"data.root must be a folder or s3://BUCKET/..., got {root!r}")
        if self.trained_on is not None:
            raise ValueError("data.classes takes images that are not streamed: data=memmap")
        if isinstance(root, str) and _is_s3(root):
            self.root = root.rstrip("/")
        else:
            self.root = str(Path(root).expanduser().absolute())
        self.cache = cache and str(Path(cache).expanduser().absolute())

    def load(self) -> ImageData:
        """Reads what there is; no image."""
        chunked.check_installed()
        found = chunked.facts(self.root)
        if found.split_seed != self.split_seed:
            raise ValueError(
                f"data.split_seed={self.split_seed}, but {self.root} was packed with "
                f"data.split_seed={found.split_seed}, and lies in the order of that split"
            )
        return chunked.described(self.root, found)

    def setup(self, stage: str | None = None) -> None:
        """Reads and corrupts the images of validation and test."""
        if hasattr(self, "train"):
            return
        n_images = self.check_val_size()
        self.train = StreamedSplit(n_images - self.val_size, self._first_of_training)
        self.val = self._corrupted(*self._read("train", 0, self.val_size), 1)
        n_test = len(self.source.test_images)
        chosen = chunked.order_of_test(n_test, self.split_seed)[: self.max_test]
        images, labels = self._read("test", 0, len(chosen))
        # As elsewhere, they come in the order of the data set.
        places = chosen.argsort()
        self.test = self._corrupted(images[places], labels[places], 2)

    def train_dataloader(self) -> DataLoader[Stored]:
        """Shuffled batches of this process."""
        from autoencoder.data import streaming

        images = streaming.dataset(
            f"{self.root}/train",
            self.val_size,
            self.val_size + len(self.train),
            self.cache,
            shuffle=True,
            seed=self.seed,
        )
        loader = streaming.EpochLoader(
            images,
            batch_size=self.share_of_batch(),
            num_workers=self.num_workers,
            collate_fn=streaming.collate,
            generator=torch.Generator().manual_seed(self.seed),  # as for every loader
        )
        loader.epoch = partial(_epoch, self)
        return loader

    def _first_of_training(self, count: int) -> tuple[Tensor, Tensor]:
        return self._read("train", self.val_size, self.val_size + count)

    def _read(self, part: str, start: int, stop: int) -> tuple[Tensor, Tensor]:
        from autoencoder.data import streaming

        return streaming.in_memory(f"{self.root}/{part}", start, stop, self.cache)


def _is_s3(root: str) -> bool:
    return root.startswith("s3://") and root != "s3://"


def _epoch(data: StreamedImages) -> int:
    return data.trainer.current_epoch if data.trainer else 0
