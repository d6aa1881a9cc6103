from pathlib import Path

import pytest
import torch

from autoencoder.data import MappedImages, SyntheticGarments
from autoencoder.data.noise import GaussianNoise
from autoencoder.data.packed import PackedError
from tests.data.test_packed import save

NUMBERS = {"batch_size": 16, "val_size": 20, "seed": 1, "split_seed": 2, "num_workers": 0}


def test_batches_are_those_of_the_data_set_in_memory(tmp_path: Path) -> None:
    noise = GaussianNoise(0.3, clip=True)
    drawn = SyntheticGarments(
        train_size=100, test_size=30, image_size=9, channels=2, noise=noise, **NUMBERS
    )
    save(tmp_path, **{name: getattr(drawn.source, name) for name in drawn.source._fields[:4]})
    mapped = MappedImages(str(tmp_path), noise=noise, **NUMBERS)
    assert mapped.image_shape == (2, 9, 9)
    assert len(mapped.classes) == 10
    for stage in ("train", "val", "test"):
        drawn.setup()
        mapped.setup()
        loaders = (getattr(data, f"{stage}_dataloader")() for data in (drawn, mapped))
        for one, other in zip(*loaders, strict=True):
            assert torch.equal(one.images, other.images)
            assert torch.equal(one.labels, other.labels)
            assert stage == "train" or torch.equal(one.corrupted, other.corrupted)


def test_a_split_holds_no_image_in_memory(tmp_path: Path) -> None:
    data = MappedImages(save(tmp_path), **NUMBERS | {"val_size": 2})
    data.setup()
    start, size = data.source.train_images.data_ptr(), data.source.train_images.nbytes
    assert start <= data.train._images.data_ptr() < start + size


def test_folder_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data\.root must be a folder, got 3"):
        MappedImages(3, **NUMBERS)
    (save(tmp_path) / ".packing.json").touch()
    with pytest.raises(PackedError):
        MappedImages(tmp_path, **NUMBERS).prepare_data()
