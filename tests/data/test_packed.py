import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from autoencoder.data import packed
from autoencoder.data.packed import PackedError, read
from autoencoder.data.sources import DataNotFoundError

GENERATOR = torch.Generator().manual_seed(0)
TRAIN = torch.randint(256, (7, 2, 3, 4), generator=GENERATOR, dtype=torch.uint8)
TEST = torch.randint(256, (4, 2, 3, 4), generator=GENERATOR, dtype=torch.uint8)
TRAIN_LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0])
TEST_LABELS = torch.tensor([2, 1, 0, 2])


def save(folder: Path, **changes: Tensor | None) -> Path:
    """A folder of arrays as `numpy.save` makes them."""
    folder.mkdir(exist_ok=True)
    arrays = {
        "train_images": TRAIN,
        "train_labels": TRAIN_LABELS,
        "test_images": TEST,
        "test_labels": TEST_LABELS,
    }
    for name, array in (arrays | changes).items():
        if array is not None:
            np.save(folder / f"{name}.npy", array.numpy())
    return folder


def test_arrays_of_numpy_are_read(tmp_path: Path) -> None:
    data = read(save(tmp_path))
    assert torch.equal(data.train_images, TRAIN)
    assert torch.equal(data.test_images, TEST)
    assert torch.equal(data.train_labels, TRAIN_LABELS)
    assert torch.equal(data.test_labels, TEST_LABELS)
    assert data.classes == ("0", "1", "2")
    assert data.origin == f"packed in {tmp_path}"


def test_they_are_mapped_not_loaded(tmp_path: Path) -> None:
    data = read(save(tmp_path))
    array = np.load(tmp_path / "train_images.npy", mmap_mode="r+")
    array[0] = 255 - array[0]
    array.flush()
    assert torch.equal(data.train_images[0], 255 - TRAIN[0])


def test_images_without_labels_are_of_one_class(tmp_path: Path) -> None:
    data = read(save(tmp_path, train_labels=None, test_labels=None))
    assert data.classes == packed.UNLABELLED
    assert data.train_labels.tolist() == [0] * 7
    assert data.test_labels.tolist() == [0] * 4
    assert data.train_labels.dtype == torch.int64
    assert data.train_labels.untyped_storage().nbytes() == 8


def test_names_of_classes_are_read(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "classes.json").write_text('["Kimono", "Fès", "Obi", "never seen"]')
    assert read(tmp_path).classes == ("Kimono", "Fès", "Obi", "never seen")


def test_checksum_tells_other_images_and_not_other_places(tmp_path: Path) -> None:
    one = read(save(tmp_path / "one"))
    assert read(save(tmp_path / "two")).checksum == one.checksum
    for name, changed in (("train_images", TRAIN + 1), ("test_labels", TEST_LABELS.flip(0) * 0)):
        assert read(save(tmp_path / name, **{name: changed})).checksum != one.checksum


def test_with_sums_only_they_are_read(tmp_path: Path) -> None:
    (save(tmp_path) / "SHA256SUMS").write_text("what sha256sum has written\n")
    expected = hashlib.sha256(b"what sha256sum has written\n").hexdigest()
    assert read(tmp_path).checksum == expected


def test_what_is_missing_is_named_with_what_to_type(tmp_path: Path) -> None:
    save(tmp_path, train_images=None)
    with pytest.raises(
        DataNotFoundError, match=r"no train_images\.npy\nWhat helps:\n  data\.root="
    ):
        read(tmp_path)
    with pytest.raises(DataNotFoundError, match=r"no train_images\.npy and no test_images\.npy"):
        read(tmp_path / "nowhere")


def column_by_column(folder: Path) -> None:
    np.save(folder / "train_images.npy", np.asfortranarray(TRAIN.numpy()))


def cut_short(folder: Path) -> None:
    path = folder / "train_images.npy"
    path.write_bytes(path.read_bytes()[:-1])


def of_objects(folder: Path) -> None:
    np.save(folder / "test_labels.npy", np.array([{}] * 4), allow_pickle=True)


def unfinished(folder: Path) -> None:
    (folder / packed.JOURNAL).write_text("{}")


def few_classes(folder: Path) -> None:
    (folder / "classes.json").write_text(json.dumps(["a", "b"]))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (column_by_column, "column by column"),
        (cut_short, r"train_images\.npy is no whole array"),
        (of_objects, r"test_labels\.npy is no whole array"),
        (unfinished, "not packed to its end"),
        (few_classes, "a label 2, but only 2 classes"),
        (lambda f: save(f, train_images=TRAIN.float()), r"uint8 of 4 axes .*, got float32"),
        (lambda f: save(f, train_images=TRAIN[:, 0]), r"uint8 of 4 axes .* \(7, 3, 4\)"),
        (lambda f: save(f, test_images=TEST[:0]), "not empty"),
        (lambda f: save(f, train_labels=TRAIN_LABELS.int()), "int64 of 1 axes"),
        (lambda f: save(f, train_labels=TRAIN_LABELS[:6]), "7 train images, but 6 labels"),
        (lambda f: save(f, test_labels=TEST_LABELS - 1), "a label below 0"),
        (lambda f: save(f, test_images=TEST[:, :1]), r"\(2, 3, 4\) for training, but of \(1, 3"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    damage(save(tmp_path))
    with pytest.raises(PackedError, match=said):
        read(tmp_path)
