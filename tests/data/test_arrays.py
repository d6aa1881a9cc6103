from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from autoencoder.data.arrays import ArrayError, ArrayImages
from autoencoder.data.sources import DataNotFoundError

PIXELS = np.random.default_rng(0).integers(256, size=(40, 8, 8), dtype=np.uint8)
NAMES = np.array(["cat", "dog"])[np.arange(40) % 2]


def read(path: Path | None, **values: Any) -> ArrayImages:
    given = {"val_size": 0.2, "test_size": 0.25, "batch_size": 4, "seed": 0, "split_seed": 0}
    data = ArrayImages(path, **(given | {"num_workers": 0} | values))
    data.setup()
    return data


def rows(data: ArrayImages) -> list[bytes]:
    splits = (data.train, data.val, data.test)
    return sorted(image.numpy().tobytes() for split in splits for image in split.images)


ALL = sorted(image.tobytes() for image in PIXELS)


@pytest.mark.parametrize(
    "array",
    [PIXELS, PIXELS[:, None], PIXELS[..., None], PIXELS / 255, (PIXELS / 255).astype(np.float32)],
    ids=["(N, H, W)", "(N, C, H, W)", "(N, H, W, C)", "float64", "float32"],
)
def test_npy_in_every_form(tmp_path: Path, array: np.ndarray[Any, Any]) -> None:
    np.save(tmp_path / "a.npy", array)
    data = read(tmp_path / "a.npy")
    assert rows(data) == ALL
    assert (len(data.train), len(data.val), len(data.test)) == (24, 6, 10)
    assert data.image_shape == (1, 8, 8)
    assert data.classes == ("image",)


def test_colours_keep_their_places(tmp_path: Path) -> None:
    colours = np.stack([PIXELS, 255 - PIXELS, PIXELS // 2], 3)
    np.save(tmp_path / "a.npy", colours)
    image = read(tmp_path / "a.npy").train.images[0]
    assert image.shape == (3, 8, 8)
    assert torch.equal(image[1], 255 - image[0])


def test_labels_are_named_and_held_out_in_proportion(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=PIXELS, labels=NAMES)
    data = read(tmp_path / "a.npz")
    assert data.classes == ("cat", "dog")
    for split in (data.val, data.test):
        assert split.labels.bincount().unique().numel() == 1
    for split in (data.train, data.val, data.test):
        for image, label in zip(split.images.numpy(), split.labels.tolist(), strict=True):
            (row,) = np.flatnonzero((image[0] == PIXELS).all((1, 2)))
            assert NAMES[row] == data.classes[label]


@pytest.mark.parametrize(
    "names",
    [("train_images", "train_labels", "test_images", "test_labels"),
     ("x_train", "y_train", "x_test", "y_test")],
)  # fmt: skip
def test_a_split_of_ones_own_is_kept(tmp_path: Path, names: tuple[str, ...]) -> None:
    numbers = np.arange(40)[:, None] % 5
    arrays = dict(zip(names, (PIXELS[:30], numbers[:30], PIXELS[30:], numbers[30:]), strict=True))
    np.savez(tmp_path / "a.npz", **arrays)
    data = read(tmp_path / "a.npz")
    assert np.array_equal(data.test.images[:, 0].numpy(), PIXELS[30:])
    assert data.test.labels.tolist() == numbers[30:, 0].tolist()
    assert (len(data.train), len(data.val)) == (24, 6)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_table(tmp_path: Path, channels: int) -> None:
    pytest.importorskip("pyarrow")
    pixels = np.repeat(PIXELS[:, None], channels, 1).reshape(40, -1)
    table = pd.DataFrame(pixels, columns=[f"pixel{i}" for i in range(pixels.shape[1])])
    table["labels"] = NAMES
    table.to_parquet(tmp_path / "a.parquet")
    data = read(tmp_path / "a.parquet")
    assert data.image_shape == (channels, 8, 8)
    assert data.classes == ("cat", "dog")
    assert len(rows(data)) == 40


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (PIXELS.astype(np.int32), "images are uint8, or floats"),
        (PIXELS.astype(np.float32), r"floats from 0 to 255, not in \[0, 1\]"),
        (np.full((4, 8, 8), np.nan), "not in"),
        (PIXELS[0], r"of shape \(8, 8\)"),
        (np.zeros((5, 7, 8, 9), np.uint8), r"of shape \(5, 7, 8, 9\)"),
        (PIXELS[:2], "three or more"),
    ],
)
def test_what_is_no_images(tmp_path: Path, array: np.ndarray[Any, Any], said: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ArrayError, match=said):
        read(tmp_path / "a.npy")


def test_other_files(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"hello")
    with pytest.raises(ArrayError, match=r"no whole \.npy, \.npz or \.parquet"):
        read(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", pictures=PIXELS)
    with pytest.raises(ArrayError, match="has pictures; it should have images, labels; or train"):
        read(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", images=PIXELS, labels=NAMES[:5])
    with pytest.raises(ArrayError, match="40 images, but labels of shape"):
        read(tmp_path / "c.npz")
    with pytest.raises(DataNotFoundError, match="is no file"):
        read(tmp_path / "d.npz")
    with pytest.raises(DataNotFoundError, match=r"data\.root=FILE is missing"):
        read(None)
