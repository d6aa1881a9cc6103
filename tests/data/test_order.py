import pytest
import torch
from torch.utils.data import DistributedSampler

from autoencoder.data import Split, order
from autoencoder.data.order import Shuffled


def split(n_images: int) -> Split:
    return Split(torch.zeros(n_images, 1, 1, 1, dtype=torch.uint8), None, torch.arange(n_images))


@pytest.mark.parametrize("n_images", [1, 2, 10, 11])
@pytest.mark.parametrize("n_processes", [1, 2, 3])
def test_order_is_that_of_torch(
    n_images: int, n_processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order, "_BLOCK", 4)
    for rank in range(n_processes):
        ours = Shuffled(split(n_images), n_processes, rank, seed=3)
        theirs: DistributedSampler[int] = DistributedSampler(
            split(n_images), n_processes, rank, shuffle=True, seed=3
        )
        for epoch in (0, 1):
            ours.set_epoch(epoch)
            theirs.set_epoch(epoch)
            assert list(ours) == list(theirs)
            assert len(list(ours)) == len(ours) == len(theirs)
