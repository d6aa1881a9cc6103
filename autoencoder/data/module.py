"""LightningDataModules: the splits of a data set, corrupted as the run's noise says."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import lightning as L
import torch
from lightning.pytorch.overrides.distributed import UnrepeatedDistributedSampler
from torch import Tensor, nn
from torch.utils.data import DataLoader, DistributedSampler

from autoencoder.data.order import Shuffled
from autoencoder.data.resident import Residence, placed
from autoencoder.data.sources import ImageData
from autoencoder.data.split import Batch, Split, Stored, to_float

# Without gradients, there is room for batches so many times larger.
_EVALUATION = 4


class ImageDataModule(L.LightningDataModule):
    """Train, validation and test images; subclasses say in `load` where they come from.

    The training images of the data set are split into train and validation by a permutation that
    depends on `split_seed` alone. Training images are corrupted anew each time on the device;
    validation and test images once, from `split_seed`, so that every epoch, model, batch size
    and number of processes sees the same corrupted images.

    Args:
        batch_size: Images of an optimiser step, over all devices together.
        val_size: Images held out of the training images for validation.
        seed: Seed of the order of the training images.
        split_seed: Seed of the split and of the noise on validation and test images.
        num_workers: Processes that index batches; 0 is fastest for images in memory.
        noise: Module from (B, C, H, W) to (B, C, H, W) that corrupts the encoder's input.
        max_test: Test images that are looked at, at the most, drawn from `split_seed`; None: all.
        max_examined: Training images that are looked at, at the most, in what is measured on
            them after the training; None: all.
        device_resident: Whether images are kept on the device that is trained on, uint8; `auto`:
            where that is a CUDA device, and a quarter of its free memory holds them. The batches
            are the same.
        classes: Labels of the training and validation images, all of which are drawn from the
            same split; those of other classes are left out. Test images are of all classes. None:
            all.

    Raises:
        ValueError: If a number is not a whole one or too small, or the validation images would be
            all there are, or there are no images of a class, or images are to be on the device
            though other processes index the batches.
    """

    def __init__(
        self,
        batch_size: int,
        val_size: int,
        seed: int,
        split_seed: int,
        num_workers: int,
        noise: nn.Module | None = None,
        max_test: int | None = None,
        max_examined: int | None = None,
        classes: Sequence[int] | None = None,
        device_resident: Residence = "auto",
    ) -> None:
        super().__init__()
        check_whole("batch_size", batch_size, 1)
        check_whole("val_size", val_size, 1)
        check_whole("seed", seed, 0)
        check_whole("split_seed", split_seed, 0)
        check_whole("num_workers", num_workers, 0)
        for key, value in (("max_test", max_test), ("max_examined", max_examined)):
            if value is not None:
                check_whole(key, value, 1)
        if device_resident is True and num_workers:
            raise ValueError("data.device_resident=true takes data.num_workers=0")
        self.batch_size = batch_size
        self.val_size = val_size
        self.seed = seed
        self.split_seed = split_seed
        self.num_workers = num_workers
        self.noise = noise or nn.Identity()
        self.max_test = max_test
        self.max_examined = max_examined
        self.device_resident = device_resident
        if classes is not None and (not classes or len(set(classes)) < len(classes)):
            raise ValueError(f"data.classes must be different labels, as in [0], got {classes}")
        self.trained_on = None if classes is None else tuple(sorted(classes))

    def load(self) -> ImageData:
        """The data set's own training and test images."""
        raise NotImplementedError

    @cached_property
    def source(self) -> ImageData:
        """The images as they were loaded, once."""
        return self.load()

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label."""
        return self.source.classes

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(C, H, W)` of an image."""
        channels, height, width = self.source.train_images.shape[1:]
        return channels, height, width

    def prepare_data(self) -> None:
        """Fetches the files where they are missing, in one process before all others."""
        _ = self.source

    def setup(self, stage: str | None = None) -> None:
        """Splits the images and corrupts those of validation and test."""
        if hasattr(self, "train"):
            return
        source = self.source
        self.check_val_size()
        order = self.held_out(source.train_labels)
        train, val = order[self.val_size :], order[: self.val_size]
        if self.trained_on is not None:
            train, val = (self._of_classes(rows) for rows in (train, val))
        self.train = Split(source.train_images, None, source.train_labels, train)
        self.val = self._corrupted(source.train_images[val], source.train_labels[val], 1)
        images, labels = source.test_images, source.test_labels
        if self.max_test is not None and self.max_test < len(images):
            generator = torch.Generator().manual_seed(self.split_seed)
            rows = torch.randperm(len(images), generator=generator)[: self.max_test].sort().values
            images, labels = images[rows], labels[rows]
        self.test = self._corrupted(images, labels, 2)

    def check_val_size(self) -> int:
        """Refuses to hold out all images; returns how many there are before."""
        n_images = len(self.source.train_images)
        if self.val_size >= n_images:
            raise ValueError(
                f"data.val_size={self.val_size} leaves no training image of {n_images:,}"
            )
        return n_images

    def _of_classes(self, rows: Tensor) -> Tensor:
        """Those of the rows whose class is trained on."""
        assert self.trained_on is not None
        labels, wanted = self.source.train_labels[rows], torch.tensor(self.trained_on)
        if missing := set(self.trained_on) - set(labels.unique().tolist()):
            raise ValueError(
                f"data.classes={list(self.trained_on)}: there are no images of {sorted(missing)}; "
                f"the classes are 0 to {len(self.classes) - 1}"
            )
        return rows[torch.isin(labels, wanted)]

    @cached_property
    def examined(self) -> Split:
        """Training images in memory, for what is measured on them: `max_examined` at the most.

        As the split has a random order, the first of them are a random choice.
        """
        return self.train.in_memory(self.max_examined)

    def held_out(self, labels: Tensor) -> Tensor:
        """The training images in an order of which the first `val_size` are for validation."""
        return torch.randperm(len(labels), generator=torch.Generator().manual_seed(self.split_seed))

    def _corrupted(self, images: Tensor, labels: Tensor, stream: int) -> Split:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(2 * self.split_seed + stream)
            return Split(images, self.noise(to_float(images)), labels)

    def train_dataloader(self) -> DataLoader[Stored]:
        """Shuffled batches; the order depends on the seed and the epoch alone."""
        sampler = Shuffled(self.train, self._world_size, self._rank, seed=self.seed)
        return self._loader(self.train, sampler)

    def val_dataloader(self) -> DataLoader[Stored]:
        """Validation batches in a fixed order."""
        # Repeats up to world_size - 1 images: DDP hangs on uneven numbers of steps during a fit.
        sampler: DistributedSampler[Any] = DistributedSampler(
            self.val, self._world_size, self._rank, shuffle=False
        )
        return self._loader(self.val, sampler, _EVALUATION)

    def test_dataloader(self) -> DataLoader[Stored]:
        """Test batches, each image exactly once over all processes."""
        sampler = UnrepeatedDistributedSampler(
            self.test, self._world_size, self._rank, shuffle=False
        )
        return self._loader(self.test, sampler, _EVALUATION)

    def on_after_batch_transfer(self, batch: Stored, dataloader_idx: int) -> Batch:
        """Turns uint8 into float and corrupts what is not corrupted yet, on the device."""
        images = to_float(batch.images)
        corrupted = self.noise(images) if batch.corrupted is None else batch.corrupted
        return Batch(images, corrupted, batch.labels)

    def _loader(
        self,
        images: Split,
        sampler: DistributedSampler[Any],
        times: int = 1,
    ) -> DataLoader[Stored]:
        """Batches of this process, of its share of `times` the batch size."""
        return DataLoader(
            placed(images, self._device, self.device_resident, self.num_workers),
            times * self.share_of_batch(),
            sampler=sampler,
            num_workers=self.num_workers,
            collate_fn=_identity,
            # Else each new iterator draws from the global generator, and a resumed run makes its
            # first at another moment than one that was never stopped.
            generator=torch.Generator().manual_seed(self.seed),
            persistent_workers=self.num_workers > 0,
        )

    def share_of_batch(self) -> int:
        """Images of this process in an optimiser step."""
        batch_size, rest = divmod(self.batch_size, self._world_size)
        if rest:
            raise ValueError(
                f"data.batch_size={self.batch_size} can't be shared out equally to "
                f"{self._world_size} processes"
            )
        return batch_size

    @property
    def title(self) -> str:
        """What the data set is called: by the name that its class was given, else as its class."""
        return self.name or type(self).__name__

    @property
    def _device(self) -> torch.device:
        return self.trainer.strategy.root_device if self.trainer else torch.device("cpu")

    @property
    def _world_size(self) -> int:
        return self.trainer.world_size if self.trainer else 1

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer else 0


def check_whole(key: str, value: object, least: int) -> None:
    """Refuses what is not a whole number of at least so much, in 32 bits.

    Raises:
        ValueError: Which names the key.
    """
    if type(value) is not int or not least <= value < 2**32:
        raise ValueError(f"data.{key} must be a whole number >= {least} and < 2**32, got {value!r}")


def _identity(batch: Any) -> Any:
    return batch
