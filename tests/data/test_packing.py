import shutil
import subprocess
from collections import namedtuple
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from autoencoder.data import packing
from autoencoder.data.packed import JOURNAL, PackedError, read
from autoencoder.data.packing import Part, write
from tests.data.test_packed import TEST, TEST_LABELS, TRAIN, TRAIN_LABELS

CLASSES = ("Kimono", "Fès", "Obi")


def part(images: Tensor, labels: Tensor | None, size: int = 2, stop: int | None = None) -> Part:
    """A part in batches; where it stops, it does as a process that is killed."""

    def batches(start: int) -> Iterator[tuple[Tensor, Tensor | None]]:
        for first in range(start, len(images), size):
            if first == stop:
                raise KeyboardInterrupt
            rows = slice(first, first + size)
            yield images[rows], None if labels is None else labels[rows]

    return Part(tuple(images.shape), labels is not None, batches)


def parts(stop: int | None = None, size: int = 2) -> dict[str, Part]:
    return {"train": part(TRAIN, TRAIN_LABELS, size, stop), "test": part(TEST, TEST_LABELS)}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry in the journal after each batch."""
    monkeypatch.setattr(packing, "_BETWEEN_ENTRIES", 1)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "new", parts(), CLASSES, {}, "x")
    data = read(tmp_path / "new")
    assert torch.equal(data.train_images, TRAIN)
    assert torch.equal(data.train_labels, TRAIN_LABELS)
    assert torch.equal(data.test_images, TEST)
    assert torch.equal(data.test_labels, TEST_LABELS)
    assert data.classes == CLASSES


def test_without_labels_there_are_no_files_of_them(tmp_path: Path) -> None:
    write(tmp_path, {"train": part(TRAIN, None), "test": part(TEST, None)}, (), {}, "x")
    arrays = {"train_images.npy", "test_images.npy"}
    assert set(contents(tmp_path)) == {*arrays, "SHA256SUMS", "README.md"}
    assert torch.equal(read(tmp_path).train_images, TRAIN)


def test_sums_are_those_of_sha256sum(tmp_path: Path) -> None:
    write(tmp_path, parts(), CLASSES, {}, "x")
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    said = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert said.stdout.count(": OK\n") == 5


def test_card_says_what_there_is(tmp_path: Path) -> None:
    about = {"source": "the attic", "licence": "CC0"}
    write(tmp_path, parts(), CLASSES, about, "x")
    card = (tmp_path / "README.md").read_text()
    assert "- source: the attic\n- licence: CC0\n- shape: 2 x 3 x 4 " in card
    pixels = TRAIN.double() / 255
    mean = ", ".join(f"{x:.4f}" for x in pixels.mean((0, 2, 3)))
    std = ", ".join(f"{x:.4f}" for x in pixels.std((0, 2, 3), correction=0))
    assert f"| train | 7 | {mean} | {std} |\n| test | 4 |" in card
    assert "| 0 | Kimono | 3 | 1 |\n| 1 | Fès | 2 | 1 |\n| 2 | Obi | 2 | 2 |\n" in card


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("stop", [0, 2, 6])
def test_interrupted_it_goes_on_and_ends_in_the_same_files(tmp_path: Path, stop: int) -> None:
    write(tmp_path / "unbroken", parts(), CLASSES, {}, "x")
    folder = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        write(folder, parts(stop), CLASSES, {}, "x")
    with pytest.raises(PackedError, match="not packed to its end"):
        read(folder)
    asked: list[int] = []
    done: list[int] = []
    whole = parts()

    def batches(start: int) -> Iterable[tuple[Tensor, Tensor | None]]:
        asked.append(start)
        return whole["train"].batches(start)

    again = whole | {"train": whole["train"]._replace(batches=batches)}
    write(folder, again, CLASSES, {}, "x", done.append)
    assert asked == [stop]
    assert sum(done) == len(TRAIN) + len(TEST)
    assert contents(folder) == contents(tmp_path / "unbroken")


def test_what_is_not_in_the_journal_is_written_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, parts(stop=4), CLASSES, {}, "x")
    assert (tmp_path / "train_images.npy.partial").stat().st_size > 4 * 24
    write(tmp_path, parts(size=3), CLASSES, {}, "x")
    assert torch.equal(read(tmp_path).train_images, TRAIN)
    assert torch.equal(read(tmp_path).train_labels, TRAIN_LABELS)


@pytest.mark.parametrize("name", ["test_labels.npy", "train_images.npy"])
def test_ended_while_renaming_it_goes_on(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def killed(path: Path, target: Path) -> Path:
        replaced = replace(path, target)
        if path.name == f"{name}.partial":
            raise KeyboardInterrupt
        return replaced

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path, parts(), CLASSES, {}, "x")
    write(tmp_path, parts(), CLASSES, {}, "x")
    data = read(tmp_path)
    assert torch.equal(data.train_images, TRAIN)
    assert torch.equal(data.test_labels, TEST_LABELS)
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".partial"]


@pytest.mark.usefixtures("often")
def test_other_images_begin_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, parts(stop=4), CLASSES, {}, "x")
    other = {"train": part(255 - TRAIN, TRAIN_LABELS), "test": part(TEST, TEST_LABELS)}
    write(tmp_path, other, CLASSES, {}, "y")
    assert torch.equal(read(tmp_path).train_images, 255 - TRAIN)


def test_finished_images_are_not_touched(tmp_path: Path) -> None:
    write(tmp_path, parts(), CLASSES, {}, "x")
    before = contents(tmp_path)
    with pytest.raises(PackedError, match="holds images already"):
        write(tmp_path, parts(), CLASSES, {}, "x")
    assert contents(tmp_path) == before


def test_two_do_not_write_at_once(tmp_path: Path) -> None:
    inner: list[str] = []

    def batches(start: int) -> Iterator[tuple[Tensor, Tensor]]:
        with pytest.raises(PackedError, match="another process writes there"):
            write(tmp_path, parts(), CLASSES, {}, "x")
        inner.append("tried")
        yield TRAIN, TRAIN_LABELS

    write(tmp_path, parts() | {"train": Part((7, 2, 3, 4), True, batches)}, CLASSES, {}, "x")
    assert inner == ["tried"]


@pytest.mark.parametrize(
    ("shape", "labels", "said"),
    [
        ((8, 2, 3, 4), TRAIN_LABELS, "8 images were to come, not 7"),
        ((6, 2, 3, 4), TRAIN_LABELS, "6 images were to come, not 7"),
        ((7, 2, 4, 3), TRAIN_LABELS, "where an array of uint8"),
        ((7, 2, 3, 4), None, "without labels"),
        ((7, 2, 3, 4), TRAIN_LABELS.int(), "a batch of int32"),
    ],
)
def test_batches_that_are_not_what_the_part_says_are_refused(
    tmp_path: Path, shape: tuple[int, int, int, int], labels: Tensor | None, said: str
) -> None:
    wrong = part(TRAIN, labels)._replace(shape=shape, labelled=True)
    with pytest.raises(PackedError, match=said):
        write(tmp_path, parts() | {"train": wrong}, CLASSES, {}, "x")
    assert not (tmp_path / "train_images.npy").exists()


def test_a_disk_that_is_too_small_is_seen_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(11 * 24 - 1))
    with pytest.raises(PackedError, match="to write, and"):
        write(tmp_path, parts(), CLASSES, {}, "x")
    assert not (tmp_path / JOURNAL).exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(11 * 24))
    write(tmp_path, parts(), CLASSES, {}, "x")
