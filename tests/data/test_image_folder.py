import fcntl
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from autoencoder.data import ImageFolder, kept, scan
from autoencoder.data.image_folder import ImageFolderError
from autoencoder.data.sources import DataNotFoundError
from tests.data.picture_files import BROKEN, SEVERAL_FRAMES, saved

SIZE = 8


def picture(number: int) -> bytes:
    """A PNG whose grey is its number."""
    return saved(np.full((SIZE, SIZE), number, np.uint8), "PNG")


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Sixty images in three classes, numbered from 0."""
    for number in range(60):
        put(tmp_path / f"photos/class {number % 3}/more/{number:02}.png", picture(number))
    return tmp_path / "photos"


def folder(root: Path | None, **values: Any) -> ImageFolder:
    given = {"image_size": SIZE, "channels": 1, "val_size": 0.2, "test_size": 0.1}
    given |= {"batch_size": 4, "seed": 0, "split_seed": 0, "num_workers": 0}
    data = ImageFolder(root, **(given | values))
    data.prepare_data()
    data.setup()
    return data


def numbers(images: torch.Tensor) -> list[int]:
    return [int(n) for n in images[:, 0, 0, 0]]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    names: list[str] = []
    original = scan.read_bytes

    def read_bytes(path: Path) -> bytes:
        names.append(path.name)
        return original(path)

    monkeypatch.setattr(scan, "read_bytes", read_bytes)
    return names


class TestSplits:
    def test_class_folders_are_drawn_by_class(self, root: Path) -> None:
        data = folder(root)
        assert data.classes == ("class 0", "class 1", "class 2")
        assert (len(data.train), len(data.val), len(data.test)) == (43, 11, 6)
        splits = [data.train, data.val, data.test]
        found = [number for split in splits for number in numbers(split.images)]
        assert sorted(found) == list(range(60))
        for split in splits:
            assert [n % 3 for n in numbers(split.images)] == split.labels.tolist()
            counts = split.labels.bincount(minlength=3)
            assert counts.max() - counts.min() <= 1

    def test_another_seed_draws_another_split(self, root: Path) -> None:
        one, other = folder(root), folder(root, split_seed=1)
        assert sorted(numbers(one.test.images)) != sorted(numbers(other.test.images))
        assert one.source.checksum != other.source.checksum

    def test_a_flat_folder_has_no_labels(self, tmp_path: Path) -> None:
        for number in range(20):
            put(tmp_path / f"{number:02}.png", picture(number))
        data = folder(tmp_path)
        assert data.classes == ("image",)
        assert not data.train.labels.any()
        assert "no labels" in data.source.origin

    def test_folders_that_are_no_classes(self, root: Path) -> None:
        assert folder(root, labels="none").classes == ("image",)

    def test_own_folders_are_the_splits(self, tmp_path: Path) -> None:
        for number in range(12):
            part = "train" if number < 6 else "val" if number < 9 else "test"
            put(tmp_path / f"{part}/{'ab'[number % 2]}/{number:02}.png", picture(number))
        data = folder(tmp_path)
        assert sorted(numbers(data.train.images)) == [0, 1, 2, 3, 4, 5]
        assert sorted(numbers(data.val.images)) == [6, 7, 8]
        assert numbers(data.test.images) == [9, 10, 11]
        assert data.test.labels.tolist() == [1, 0, 1]
        assert data.classes == ("a", "b")

    def test_what_is_missing_of_own_folders_is_drawn(self, tmp_path: Path) -> None:
        for number in range(20):
            part = "train" if number < 16 else "val"
            put(tmp_path / f"{part}/{number:02}.png", picture(number))
        data = folder(tmp_path, test_size=4)
        assert sorted(numbers(data.val.images)) == [16, 17, 18, 19]
        assert len(data.test) == 4
        assert sorted(numbers(data.train.images) + numbers(data.test.images)) == list(range(16))

    def test_images_have_the_order_of_their_names_whatever_their_class(self, root: Path) -> None:
        shutil.copytree(root, root.parent / "own/train")
        for number in (60, 61):
            put(root.parent / f"own/test/class 0/{number}.png", picture(number))
        assert numbers(folder(root.parent / "own").source.train_images) == list(range(60))

    def test_noise_is_the_same_each_time(self, root: Path) -> None:
        data = folder(root, noise=nn.Dropout(0.5))
        assert data.test.corrupted.equal(folder(root, noise=nn.Dropout(0.5)).test.corrupted)


class TestKept:
    def test_nothing_is_read_twice(self, root: Path, read: list[str]) -> None:
        first = folder(root)
        assert len(read) == 60
        again = folder(root)
        assert len(read) == 60
        assert again.train.images.equal(first.train.images)
        assert again.source.checksum == first.source.checksum

    def test_only_what_changed_is_read_again(self, root: Path, read: list[str]) -> None:
        folder(root)
        read.clear()
        put(root / "class 0/more/00.png", picture(200))
        put(root / "class 1/new.png", picture(201))
        (root / "class 2/more/02.png").unlink()
        data = folder(root)
        assert sorted(read) == ["00.png", "new.png"]
        found = [n for split in (data.train, data.val, data.test) for n in numbers(split.images)]
        assert sorted(found) == [n for n in range(60) if n not in (0, 2)] + [200, 201]

    def test_another_split_reads_nothing(self, root: Path, read: list[str]) -> None:
        folder(root)
        read.clear()
        data = folder(root, split_seed=7)
        assert not read
        found = [n for split in (data.train, data.val, data.test) for n in numbers(split.images)]
        assert sorted(found) == list(range(60))

    def test_another_size_is_read_for_itself(self, root: Path) -> None:
        folder(root)
        assert folder(root, image_size=16).image_shape == (1, 16, 16)
        assert folder(root, channels=3).image_shape == (3, SIZE, SIZE)
        assert folder(root).image_shape == (1, SIZE, SIZE)

    def test_the_manifest_says_what_each_file_is(self, root: Path) -> None:
        data = folder(root)
        (manifest,) = (root / ".autoencoder").glob("*/manifest.csv")
        entries = scan.read_manifest(manifest.parent)
        assert len(entries) == 60
        parts = {"train": data.source.train_images, "test": data.source.test_images}
        for entry in entries:
            path = root / entry.path
            assert entry.size == path.stat().st_size
            assert parts[entry.part][entry.row, 0, 0, 0] == int(path.stem)
            assert entry.label == path.parts[-3]

    def test_a_damaged_manifest_is_made_anew(self, root: Path, read: list[str]) -> None:
        folder(root)
        (manifest,) = (root / ".autoencoder").glob("*/manifest.csv")
        manifest.write_text("path,size\n1,2,3\n")
        assert len(folder(root).train) == 43
        assert len(read) == 120

    def test_where_the_folder_cannot_be_written(
        self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        (root / ".autoencoder").touch()  # no folder can be made there
        assert len(folder(root).train) == 43
        assert list((tmp_path / "cache/autoencoder").glob("*/*/manifest.csv"))

    def test_a_place_of_ones_own(self, root: Path, tmp_path: Path) -> None:
        folder(root, cache=tmp_path / "there")
        assert not (root / ".autoencoder").exists()
        assert list((tmp_path / "there").glob("*/manifest.csv"))

    def test_a_process_that_was_killed_leaves_no_trace(self, root: Path) -> None:
        put(root / ".autoencoder/.unfinished/packed/train_images.npy.partial", b"half")
        folder(root)
        assert not (root / ".autoencoder/.unfinished").exists()


class TestProblems:
    def test_are_counted_and_named_and_stop_the_run(self, root: Path) -> None:
        for number, case in enumerate(BROKEN[:3]):
            put(root / f"class 0/broken{number}{Path(case.name).suffix}", case.content)
        put(root / "class 1/moving.gif", SEVERAL_FRAMES[0].content)
        put(root / "class 2/zz.png", picture(5))
        with pytest.raises(ImageFolderError) as caught:
            folder(root)
        first, *lines, helps = str(caught.value).splitlines()
        assert first.startswith(f"5 of 65 files in {root} have a problem: ")
        for kind in ("2 broken", "1 empty", "1 of several frames or pages", "1 copies of others"):
            assert kind in first
        assert "  class 0/broken0.jpg is empty" in lines
        assert "  class 2/zz.png is a copy of class 2/more/05.png" in lines
        assert "data.skip_broken=true" in helps

    def test_are_skipped_where_that_is_asked_for(
        self, root: Path, caplog: pytest.LogCaptureFixture, read: list[str]
    ) -> None:
        put(root / "class 0/a.jpg", b"")
        put(root / "class 0/moving.gif", SEVERAL_FRAMES[0].content)
        put(root / "class 2/zz.png", picture(5))
        with pytest.raises(ImageFolderError):
            folder(root)
        read.clear()
        data = folder(root, skip_broken=True)
        assert not read  # the files that were whole are kept, and what the others were
        assert len(data.train) + len(data.val) + len(data.test) == 61
        assert "3 of 63 files" in caplog.text
        assert data.source.origin == f"{root}: 61 of 63 image files, 3 classes"

    def test_many_are_named_in_part(self, root: Path) -> None:
        for number in range(15):
            put(root / f"class 0/x{number}.png", b"")
        with pytest.raises(ImageFolderError, match=r"and 5 more; all are in manifest\.csv"):
            folder(root)

    def test_of_copies_the_first_stays_even_when_it_goes(self, root: Path) -> None:
        put(root / "class 2/zz.png", picture(5))
        folder(root, skip_broken=True)
        (root / "class 2/more/05.png").unlink()
        data = folder(root)
        found = [n for split in (data.train, data.val, data.test) for n in numbers(split.images)]
        assert sorted(found) == list(range(60))

    def test_test_images_that_are_trained_on_are_said(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number in range(8):
            put(tmp_path / f"train/{number}.png", picture(number))
        put(tmp_path / "test/other.png", picture(3))
        put(tmp_path / "test/own.png", picture(100))
        with caplog.at_level(logging.WARNING):
            data = folder(tmp_path)
        assert len(data.test) == 2
        assert "1 test images are training or validation images as well:" in caplog.text
        assert "  test/other.png is train/3.png" in caplog.text

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_rights_given_later_are_seen(self, root: Path) -> None:
        (root / "class 0/more/00.png").chmod(0)
        with pytest.raises(ImageFolderError, match="cannot be read"):
            folder(root)
        (root / "class 0/more/00.png").chmod(0o644)
        assert len(folder(root).train) == 43


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"channels": 4}, r"data\.channels must be 1 \(grey\) or 3"),
        ({"image_size": 4}, r"data\.image_size must be"),
        ({"val_size": 0}, r"data\.val_size must be a share"),
        ({"test_size": 1.5}, r"data\.test_size must be a share"),
    ],
)
def test_values_out_of_range(root: Path, values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        folder(root, **values)


def test_no_root() -> None:
    with pytest.raises(DataNotFoundError, match=r"data\.root=FOLDER is missing"):
        folder(None)


def test_images_beside_class_folders(root: Path) -> None:
    put(root / "loose.png", picture(99))
    with pytest.raises(ImageFolderError, match=r"1 of 61 images are in no class folder, such as l"):
        folder(root)


def test_images_beside_own_folders(root: Path) -> None:
    shutil.copytree(root, root / "train")
    with pytest.raises(ImageFolderError, match=r"60 images are outside of train/, such as class"):
        folder(root)


def test_classes_where_there_are_none(tmp_path: Path) -> None:
    put(tmp_path / "a.png", picture(1))
    with pytest.raises(ImageFolderError, match=r"type data\.labels=none"):
        folder(tmp_path, labels="folders")


def test_too_few(tmp_path: Path) -> None:
    put(tmp_path / "a.png", picture(1))
    put(tmp_path / "b.png", picture(2))
    with pytest.raises(ImageFolderError, match="2 usable images"):
        folder(tmp_path)


def test_more_held_out_than_there_are(root: Path) -> None:
    with pytest.raises(ValueError, match=r"data\.val_size=500 leaves no training image of 54"):
        folder(root, val_size=500)


def test_another_process_waits(root: Path) -> None:
    descriptor = os.open(root, os.O_RDONLY)
    with kept._alone(root), pytest.raises(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)
