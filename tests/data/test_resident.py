"""Images that stay on the device."""

import pytest
import torch

from autoencoder.data import ImageDataModule, resident
from autoencoder.data.split import Split
from tests.data.test_module import batches, garments

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("stage", ["train", "val", "test"])
def test_batches_are_the_same_wherever_the_images_are(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoencoder.data.split._BLOCK", 7)  # more than one is copied

    def seen(data: ImageDataModule) -> list[tuple[torch.Tensor, ...]]:
        torch.manual_seed(0)
        return [tuple(batch) for batch in batches(data, stage)]

    usual, there = garments(device_resident="auto"), garments(device_resident=True)
    torch.testing.assert_close(seen(there), seen(usual), rtol=0, atol=0)
    loader = getattr(there, f"{stage}_dataloader")()
    # A copy of this stage alone, from which main memory's images are not needed.
    assert loader.dataset is not getattr(there, stage)
    there.source.train_images.zero_()
    there.source.test_images.zero_()
    assert next(iter(loader)).images.any()


def test_on_the_cpu_nothing_is_copied_unasked() -> None:
    data = garments()
    assert data.train_dataloader().dataset is data.train
    off = garments(device_resident=False)
    assert resident.placed(off.train, CUDA, False, 0) is off.train


@pytest.mark.parametrize(("free", "copied"), [(4.0, True), (3.99, False)])
def test_a_gpu_gets_what_a_quarter_of_its_free_memory_holds(
    monkeypatch: pytest.MonkeyPatch, free: float, copied: bool
) -> None:
    split = garments().val
    # Of uint8 images, float32 ones with noise, and an int64 label of each.
    assert split.stored_bytes == 20 * (144 + 4 * 144 + 8)
    told = int(free * split.stored_bytes), 0
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: told)
    moved: list[torch.device] = []

    def to(split: Split, device: torch.device) -> Split:
        moved.append(device)
        return split

    monkeypatch.setattr(Split, "to", to)
    resident.placed(split, CUDA, "auto", 0)
    assert moved == [CUDA] * copied
    resident.placed(split, CUDA, "auto", 1)
    assert moved == [CUDA] * copied


def test_processes_that_index_batches_have_no_device() -> None:
    with pytest.raises(ValueError, match=r"^data\.device_resident=true takes"):
        garments(device_resident=True, num_workers=1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_batch_of_a_gpu_is_indexed_there() -> None:
    data = garments()
    there = data.train.to(CUDA)
    usual, found = data.train.__getitems__([3, 1]), there.__getitems__([3, 1])
    assert found.images.is_cuda
    assert torch.equal(found.images.cpu(), usual.images)
    assert torch.equal(found.labels.cpu(), usual.labels)
