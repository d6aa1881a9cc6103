"""A split: the images of one stage, in memory or mapped, of which a batch is one indexing."""

from collections.abc import Callable
from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.utils.data import Dataset

# Images that are copied to a device at a time: mapped ones may be more than memory holds.
_BLOCK = 2**14


class Batch(NamedTuple):
    """What a model is given: the target, the encoder's input, and the labels."""

    images: Tensor
    """Clean images (B, C, H, W), float32 in [0, 1]."""
    corrupted: Tensor
    """The same images as the noise leaves them, float32."""
    labels: Tensor
    """Classes (B,), int64."""


class Stored(NamedTuple):
    """Rows of a split, in the order of a `Batch`, on their way to one."""

    images: Tensor
    corrupted: Tensor | None
    labels: Tensor


class Split(Dataset[Stored]):
    """Images of one stage.

    A DataLoader hands a batch's indices to `__getitems__` at once; with an identity `collate_fn`
    there is no Python loop over images.

    Args:
        images: Clean images (N, C, H, W), uint8.
        corrupted: The same as the noise leaves them, float32 in [0, 1]; None where they are
            corrupted anew each time, as training images are.
        labels: Classes (N,), int64.
        rows: Which of the images and labels are of this stage, (n,), where not all are: they are
            not copied. Those of `corrupted` are of this stage alone.
    """

    def __init__(
        self,
        images: Tensor,
        corrupted: Tensor | None,
        labels: Tensor,
        rows: Tensor | None = None,
    ) -> None:
        self.corrupted = corrupted
        self._images, self._labels, self._rows = images, labels, rows

    def __len__(self) -> int:
        return len(self._images if self._rows is None else self._rows)

    @property
    def images(self) -> Tensor:
        """The clean images of this stage; a copy, where they are among others."""
        return self._images if self._rows is None else self._images.index_select(0, self._rows)

    @property
    def labels(self) -> Tensor:
        """Their classes; a copy, where they are among others."""
        return self._labels if self._rows is None else self._labels.index_select(0, self._rows)

    def __getitems__(self, indices: list[int]) -> Stored:
        return self._at(torch.tensor(indices).to(self._images.device, non_blocking=True))

    def _at(self, places: Tensor) -> Stored:
        rows = places if self._rows is None else self._rows.index_select(0, places)
        # `tensor[rows]` goes pixel by pixel; this copies whole images.
        corrupted = None if self.corrupted is None else self.corrupted.index_select(0, places)
        return Stored(
            self._images.index_select(0, rows), corrupted, self._labels.index_select(0, rows)
        )

    @property
    def stored_bytes(self) -> int:
        """Of all that a device holds of this stage after `to`."""
        stored = self.__getitems__([0])
        return len(self) * sum(part.nbytes for part in stored if part is not None)

    def to(self, device: torch.device) -> Self:
        """A copy of this stage alone on a device, of which a batch is one indexing there."""
        blocks = [
            Stored(*(None if part is None else part.to(device) for part in self._at(places)))  # type: ignore[arg-type]
            for places in torch.arange(len(self)).split(_BLOCK)
        ]
        images, corrupted, labels = zip(*blocks, strict=True)
        return type(self)(
            torch.cat(images),
            None if self.corrupted is None else torch.cat(corrupted),
            torch.cat(labels),
        )

    def in_memory(self, count: int | None = None) -> "Split":
        """The first images, or all of them, as a split of their own; they are copied."""
        rows = torch.arange(len(self)) if self._rows is None else self._rows
        rows = rows[:count]
        corrupted = None if self.corrupted is None else self.corrupted[:count]
        return Split(
            self._images.index_select(0, rows), corrupted, self._labels.index_select(0, rows)
        )


def to_float(images: Tensor) -> Tensor:
    """Pixels as float32 in [0, 1] from uint8 in 0..255."""
    return images.to(torch.float32).div_(255)


def to_bytes(images: Tensor) -> Tensor:
    """Pixels as uint8 in 0..255 from floats in [0, 1]; what is outside is clipped, NaN is black."""
    return images.nan_to_num().clamp(0, 1).mul(255).round().byte()


@torch.inference_mode()
def in_batches(
    network: Callable[..., Tensor],
    *inputs: Tensor,
    device: torch.device | str,
    batch_size: int = 500,
) -> Tensor:
    """What a network makes of inputs of equal length, batch by batch; in main memory.

    Args:
        network: Called with a batch of each input, on the device, where uint8 images have become
            float32 in [0, 1].
        *inputs: Tensors (N, ...).
        device: Of the network.
        batch_size: Rows that go through it at once.
    """

    def moved(batch: Tensor) -> Tensor:
        batch = batch.to(device)
        return to_float(batch) if batch.dtype == torch.uint8 else batch

    batches = zip(*(tensor.split(batch_size) for tensor in inputs), strict=True)
    # Networks may give channels_last tensors, which can't be viewed in other shapes.
    return torch.cat([network(*map(moved, batch)).cpu() for batch in batches]).contiguous()
