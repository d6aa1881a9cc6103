import re
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from autoencoder.data import Batch, ImageDataModule, SyntheticGarments
from autoencoder.data.noise import GaussianNoise


def garments(**changes: object) -> ImageDataModule:
    arguments = {
        "train_size": 120,
        "test_size": 30,
        "image_size": 12,
        "channels": 1,
        "batch_size": 16,
        "val_size": 20,
        "seed": 0,
        "split_seed": 0,
        "num_workers": 0,
        "noise": GaussianNoise(0.3, clip=True),
    }
    data = SyntheticGarments(**(arguments | changes))
    data.setup()
    return data


def trainer_of(world_size: int, rank: int) -> SimpleNamespace:
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    return SimpleNamespace(world_size=world_size, global_rank=rank, strategy=strategy)


def batches(data: ImageDataModule, stage: str) -> list[Batch]:
    loader = getattr(data, f"{stage}_dataloader")()
    return [data.on_after_batch_transfer(batch, 0) for batch in loader]


def joined(data: ImageDataModule, stage: str) -> Batch:
    return Batch(*(torch.cat(parts) for parts in zip(*batches(data, stage), strict=True)))


def as_rows(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


def test_splits_share_no_image_and_lose_none() -> None:
    data = garments()
    train, val = joined(data, "train").images, joined(data, "val").images
    assert (len(train), len(val), len(joined(data, "test").images)) == (100, 20, 30)
    everything = as_rows(data.source.train_images / 255)
    assert as_rows(train) | as_rows(val) == everything
    assert not as_rows(train) & as_rows(val)


@pytest.mark.parametrize("stage", ["train", "val", "test"])
def test_each_image_has_its_own_label(stage: str) -> None:
    source = garments().source
    of_test = stage == "test"
    images, labels = (
        (source.test_images, source.test_labels)
        if of_test
        else (source.train_images, source.train_labels)
    )
    right = {
        image.numpy().tobytes(): int(label)
        for image, label in zip(images / 255, labels, strict=True)
    }
    batch = joined(garments(noise=GaussianNoise(0.01, clip=True)), stage)
    for image, corrupted, label in zip(*batch, strict=True):
        assert right[image.numpy().tobytes()] == label
        assert (image - corrupted).abs().max() < 0.1


def test_a_batch_is_float_in_0_1_with_its_clean_target() -> None:
    first = batches(garments(), "train")[0]
    assert first.images.shape == first.corrupted.shape == (16, 1, 12, 12)
    assert first.images.dtype == torch.float32
    assert 0 <= first.images.min() <= first.images.max() <= 1
    assert first.labels.dtype == torch.int64
    assert not torch.equal(first.images, first.corrupted)


def test_training_noise_is_fresh_and_evaluation_noise_fixed() -> None:
    data = garments()
    train = {as_images.numpy().tobytes() for as_images in joined(data, "train").corrupted}
    again = {as_images.numpy().tobytes() for as_images in joined(data, "train").corrupted}
    assert not train & again
    for stage in ("val", "test"):
        assert torch.equal(joined(data, stage).corrupted, joined(data, stage).corrupted)


def test_evaluation_sees_the_same_whatever_the_batch_size_and_seed() -> None:
    a, b = garments(), garments(batch_size=7, seed=5)
    for stage in ("val", "test"):
        for one, other in zip(joined(a, stage), joined(b, stage), strict=True):
            assert torch.equal(one, other)
    assert not torch.equal(joined(a, "train").labels, joined(b, "train").labels)


def test_order_follows_seed_and_epoch() -> None:
    loader, again = garments().train_dataloader(), garments().train_dataloader()
    first = torch.cat([batch.labels for batch in loader])
    assert torch.equal(first, torch.cat([batch.labels for batch in again]))
    loader.sampler.set_epoch(1)  # type: ignore[attr-defined]  # of our own
    assert not torch.equal(first, torch.cat([batch.labels for batch in loader]))


@pytest.mark.parametrize("world_size", [2, 3, 4])
def test_processes_share_out_every_image_once(world_size: int) -> None:
    seen = []
    for rank in range(world_size):
        data = garments(batch_size=12, test_size=31)
        data.trainer = trainer_of(world_size, rank)
        assert len(batches(data, "train")[0].images) == 12 // world_size
        seen += [image.numpy().tobytes() for image in joined(data, "test").images]
    assert len(seen) == 31
    assert set(seen) == as_rows(garments(test_size=31).source.test_images / 255)


def test_batch_size_must_divide() -> None:
    data = garments(batch_size=15)
    data.trainer = trainer_of(2, 0)
    with pytest.raises(ValueError, match="batch_size=15 can't be shared out"):
        data.train_dataloader()


LEAST = {
    "batch_size": 1,
    "val_size": 1,
    "train_size": 1,
    "test_size": 1,
    "image_size": 8,
    "channels": 1,
    "seed": 0,
    "split_seed": 0,
    "num_workers": 0,
}


@pytest.mark.parametrize("value", [None, "abc", 28.5, True, [1], -1, 2**40])
@pytest.mark.parametrize("key", LEAST)
def test_what_is_not_a_whole_number_is_named(key: str, value: object) -> None:
    said = f"data.{key} must be a whole number >= {LEAST[key]} and < 2**32, got {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        garments(**{key: value})


@pytest.mark.parametrize("key", LEAST)
def test_the_least_is_enough_and_one_less_is_not(key: str) -> None:
    with pytest.raises(ValueError, match=key):
        garments(**{key: LEAST[key] - 1})
    if key not in ("train_size", "num_workers"):
        garments(**{key: LEAST[key]})


@pytest.mark.parametrize("val_size", [120, 121])
def test_some_image_must_be_left_to_train_with(val_size: int) -> None:
    with pytest.raises(ValueError, match=f"val_size={val_size} leaves no training image of 120"):
        garments(val_size=val_size)


def test_test_images_are_drawn_from_the_split_seed() -> None:
    everything, few = garments(test_size=40), garments(test_size=40, max_test=15)
    assert len(few.test) == 15
    chosen = as_rows(few.test.images)
    assert chosen < as_rows(everything.test.images)
    assert chosen == as_rows(garments(test_size=40, max_test=15, seed=3).test.images)
    # Not the first: images of a class may lie together.
    assert chosen != as_rows(everything.test.images[:15])
    for image, label in zip(few.test.images, few.test.labels, strict=True):
        same = (everything.test.images == image).flatten(1).all(1)
        assert label in everything.test.labels[same]
    assert torch.equal(garments(test_size=40, max_test=40).test.images, everything.test.images)


def test_training_images_that_are_looked_at_are_some_of_the_split() -> None:
    data = garments(max_examined=30)
    assert len(data.examined) == 30
    assert as_rows(data.examined.images) < as_rows(data.train.images)
    assert torch.equal(data.examined.labels, data.train.labels[:30])
    whole = garments()
    assert torch.equal(whole.examined.images, whole.train.images)
    assert torch.equal(whole.examined.labels, whole.train.labels)


def test_training_images_are_not_copied() -> None:
    data = garments()
    stored = data.source.train_images
    before = joined(data, "train").images
    stored.copy_(255 - stored)
    after = joined(data, "train").images
    assert torch.allclose(after, 1 - before)


@pytest.mark.parametrize("key", ["max_test", "max_examined"])
def test_a_limit_is_at_least_one(key: str) -> None:
    with pytest.raises(ValueError, match=f"data.{key} must be a whole number >= 1"):
        garments(**{key: 0})
    garments(**{key: 1})


def test_training_on_a_class_leaves_the_others_out_of_training_alone() -> None:
    sizes = {"train_size": 300, "val_size": 100}
    whole, one = garments(**sizes), garments(**sizes, classes=[3])
    for split in ("train", "val"):
        of_whole, of_one = getattr(whole, split), getattr(one, split)
        rows = of_whole.labels == 3
        assert 0 < rows.sum() < len(rows)
        assert torch.equal(of_one.images, of_whole.images[rows])
        assert set(of_one.labels.tolist()) == {3}
    assert torch.equal(one.test.images, whole.test.images)
    assert len(one.classes) == 10
    nine = garments(**sizes, classes=[0, 1, 2, 4, 5, 6, 7, 8, 9])
    assert len(nine.train) + len(one.train) == len(whole.train)


@pytest.mark.parametrize(
    ("classes", "said"), [([], "different"), ([1, 1], "different"), ([1, 10], r"\[10\]")]
)
def test_classes_that_are_none_are_refused(classes: list[int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        garments(classes=classes)
