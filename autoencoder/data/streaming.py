"""litdata's data sets and loader, as they are used here; imported where images are streamed."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypedDict

import torch
from botocore.config import Config
from litdata import StreamingDataLoader, StreamingDataset
from litdata.streaming import downloader
from litdata.utilities.env import _DistributedEnv
from torch import Tensor

from autoencoder.data.split import Stored

# An endpoint of `http://` is of one's own network; litdata has no setting for it.
downloader._OBSTORE_CLIENT_OPTIONS["allow_http"] = True
# How often boto3 asks a server, with up to 20 s between: some minutes. litdata's is a thousand.
_ATTEMPTS = 15


class Item(TypedDict):
    """An image as litdata gives it back."""

    image: Tensor
    """uint8, `(C, H, W)`."""
    label: int


class EpochLoader(StreamingDataLoader):  # type: ignore[misc]  # litdata may not be there
    """litdata's loader, whose order depends on the epoch of the training.

    litdata's own counts the epochs that it has seen itself: a training that is resumed would see
    the order of its first epoch again.

    Attributes:
        epoch: Gives the number of the epoch.
    """

    epoch: Callable[[], int]

    def __iter__(self) -> Iterator[Stored]:
        """Batches of this process."""
        self.current_epoch = self.epoch()  # which litdata counts up first
        yield from super().__iter__()


def dataset(place: str, start: int, stop: int, cache: str | None, **options: Any) -> Any:
    """Some of the images of a part, as a `StreamingDataset`.

    Args:
        place: The part's folder or address.
        start: The first image, in the order in which they lie.
        stop: The one after the last.
        cache: Folder for what comes from a server; None: litdata's.
        **options: Of `StreamingDataset`.
    """
    # Each item is read by itself: they are shuffled over a whole chunk, and litdata would decode
    # 256 neighbours for each.
    options |= {"batch_decode": 0, "item_shuffle_window": 0}
    if place.startswith("s3://"):
        patience = Config(retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"})
        options["storage_options"] = {"config": patience}
    found = StreamingDataset(place, cache, **options)
    files, regions, begin = [], [], 0
    for file, (_, size) in zip(found.subsampled_files, found.region_of_interest, strict=True):
        low, high = max(start - begin, 0), min(stop - begin, size)
        if low < high:
            files.append(file)
            regions.append((low, high))
        begin += size
    found.subsampled_files, found.region_of_interest = files, regions
    return found


def in_memory(place: str, start: int, stop: int, cache: str | None) -> tuple[Tensor, Tensor]:
    """Images `(n, C, H, W)` and labels `(n,)` of a part, in the order in which they lie."""
    found = dataset(place, start, stop, cache)
    # All of them are for each process.
    found.distributed_env = _DistributedEnv(1, 0, 1)
    found.set_drop_last(False)
    # Whole batches at a time: single images take up to four times their bytes.
    items = (item for item in found)  # the data set itself would begin again for each batch
    batches = [collate(batch) for batch in iter(lambda: list(islice(items, 1000)), [])]
    return torch.cat([batch.images for batch in batches]), torch.cat([b.labels for b in batches])


def collate(items: Sequence[Item]) -> Stored:
    """A batch of items."""
    images = torch.stack([item["image"] for item in items])
    return Stored(images, None, torch.tensor([item["label"] for item in items]))
