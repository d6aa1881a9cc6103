import json
import subprocess
from pathlib import Path

import pytest
import torch
from torch import Tensor

from autoencoder.data import chunked, chunking
from autoencoder.data.chunked import StreamError, facts, order_of_test
from autoencoder.data.packed import PackedError
from autoencoder.data.sources import DataNotFoundError
from autoencoder.data.streamed import StreamedImages

pytest.importorskip("litdata")
streaming = pytest.importorskip("autoencoder.data.streaming")

GENERATOR = torch.Generator().manual_seed(0)
TRAIN = torch.randint(256, (23, 2, 3, 4), generator=GENERATOR, dtype=torch.uint8)
TEST = torch.randint(256, (9, 2, 3, 4), generator=GENERATOR, dtype=torch.uint8)
TRAIN_LABELS, TEST_LABELS = torch.arange(23) % 3, torch.arange(9) % 2
CLASSES = ("Kimono", "Fès", "Obi")
NUMBERS = {"batch_size": 4, "val_size": 5, "seed": 1, "split_seed": 2, "num_workers": 0}
# Of which each is a cache entry of its own and a request of its own.
IN_A_CHUNK = 6

Parts = dict[str, tuple[Tensor, Tensor, Tensor]]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking, "_CHUNK", IN_A_CHUNK * (24 + chunking._BESIDE))


def parts() -> Parts:
    order = torch.randperm(23, generator=torch.Generator().manual_seed(2))
    return {
        "train": (TRAIN, TRAIN_LABELS, order),
        "test": (TEST, TEST_LABELS, order_of_test(9, 2)),
    }


def write(folder: Path, given: Parts | None = None, identity: str = "x") -> Path:
    about = {"licence": "CC0"}
    chunking.write(folder, given or parts(), CLASSES, about, 2, identity)
    return folder


def chunks(folder: Path) -> dict[str, bytes]:
    names = [*folder.glob("*/*.bin"), folder / "SHA256SUMS", folder / "images.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in names}


def test_what_is_written_is_read_in_its_order(tmp_path: Path) -> None:
    write(tmp_path)
    assert len(list(tmp_path.glob("train/*.bin"))) == 4
    assert len(list(tmp_path.glob("test/*.bin"))) == 2
    for name, (images, labels, order) in parts().items():
        found, found_labels = streaming.in_memory(f"{tmp_path}/{name}", 0, len(order), None)
        assert torch.equal(found, images[order])
        assert torch.equal(found_labels, labels[order])
    some, _ = streaming.in_memory(f"{tmp_path}/train", 4, 15, None)
    assert torch.equal(some, TRAIN[parts()["train"][2][4:15]])


def test_facts_are_of_what_is_there(tmp_path: Path) -> None:
    found = facts(str(write(tmp_path)))
    assert found[:5] == ((2, 3, 4), 23, 9, CLASSES, 2)
    other = parts() | {"test": (TEST + 1, *parts()["test"][1:])}
    assert facts(str(write(tmp_path / "other", other))).checksum != found.checksum


def test_sums_are_those_of_sha256sum_and_the_card_counts(tmp_path: Path) -> None:
    write(tmp_path)
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    said = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert said.stdout.count(": OK\n") == 6
    card = (tmp_path / "README.md").read_text()
    assert "- licence: CC0\n" in card
    assert "| 0 | Kimono | 8 | 5 |" in card


def killed_at(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Has the writer end while a file is moved to its place."""
    replace = Path.replace

    def stopped(path: Path, target: Path) -> Path:
        if Path(target).name == name:
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", stopped)


@pytest.mark.parametrize("name", ["chunk-0-2.bin", "2.index.json", "images.json"])
def test_interrupted_it_goes_on_and_ends_in_the_same_chunks(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken = write(tmp_path / "unbroken")
    folder = tmp_path / "broken"
    with monkeypatch.context() as patch:
        killed_at(patch, name)
        with pytest.raises(KeyboardInterrupt):
            write(folder)
    with pytest.raises(StreamError, match="not packed to its end"):
        facts(str(folder))
    first = folder / "train/chunk-0-0.bin"
    before = first.stat().st_mtime_ns
    done: list[int] = []
    chunking.write(folder, parts(), CLASSES, {"licence": "CC0"}, 2, "x", done.append)
    assert first.stat().st_mtime_ns == before
    assert sum(done) == 23 + 9
    assert chunks(folder) == chunks(unbroken)
    found, _ = streaming.in_memory(f"{folder}/train", 0, 23, None)
    assert torch.equal(found, TRAIN[parts()["train"][2]])


def test_other_images_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        killed_at(patch, "images.json")
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path)
    other = parts() | {"train": (255 - TRAIN, *parts()["train"][1:])}
    write(tmp_path, other, "y")
    found, _ = streaming.in_memory(f"{tmp_path}/train", 0, 23, None)
    assert torch.equal(found, 255 - TRAIN[parts()["train"][2]])


def test_what_is_there_is_not_touched(tmp_path: Path) -> None:
    before = chunks(write(tmp_path / "finished"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").touch()
    for name in ("finished", "mine"):
        with pytest.raises(PackedError, match="holds files already"):
            write(tmp_path / name)
    assert chunks(tmp_path / "finished") == before
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_what_is_no_such_folder_is_said_with_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(
        DataNotFoundError, match=r"no images\.json\nWhat helps:(.|\n)*format=stream"
    ):
        facts(str(tmp_path))
    (tmp_path / "images.json").write_text(json.dumps({"train": 3}))
    with pytest.raises(StreamError, match="not as pack"):
        facts(str(tmp_path))


def test_without_litdata_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "litdata", None)
    with pytest.raises(StreamError, match=r"pip install '\.\[stream\]'"):
        StreamedImages(str(tmp_path), **NUMBERS).prepare_data()
    with pytest.raises(StreamError, match=r"pip install '\.\[stream\]'"):
        write(tmp_path / "new")


def streamed(folder: Path, **changes: object) -> StreamedImages:
    data = StreamedImages(folder, **NUMBERS | changes)
    data.setup()
    return data


def test_each_training_image_comes_once_and_in_another_order(tmp_path: Path) -> None:
    data = streamed(write(tmp_path))
    train = TRAIN[parts()["train"][2][5:]]
    loader, orders = data.train_dataloader(), []
    for epoch in (0, 1, 0):
        loader.epoch = lambda epoch=epoch: epoch
        seen = torch.cat([batch.images for batch in loader])
        matches = (seen[:, None] == train[None]).flatten(2).all(2)
        assert matches.sum() == len(train) == 18
        orders.append(matches.int().argmax(1).tolist())
        assert sorted(orders[-1]) == list(range(18))
    assert orders[0] != orders[1]
    assert orders[0] == orders[2]
    assert len(loader) == 5
    other = streamed(tmp_path, seed=3).train_dataloader()
    assert not torch.equal(next(iter(other)).images, next(iter(data.train_dataloader())).images)


def test_workers_and_processes_share_them_out(tmp_path: Path) -> None:
    data = streamed(write(tmp_path), num_workers=2)
    loader = data.train_dataloader()
    seen = torch.cat([batch.images for batch in loader])
    train = TRAIN[parts()["train"][2][5:]]
    assert sorted(map(str, seen.tolist())) == sorted(map(str, train.tolist()))

    rows = []
    for rank in (0, 1):
        loader = streamed(tmp_path).train_dataloader()
        loader.dataset.distributed_env = streaming._DistributedEnv(2, rank, 1)
        loader.dataset.set_drop_last(True)
        rows.append([str(image.tolist()) for batch in loader for image in batch.images])
    assert len(rows[0]) == len(rows[1]) == 8
    assert len({*rows[0], *rows[1]}) == 16


def test_labels_go_with_their_images(tmp_path: Path) -> None:
    data = streamed(write(tmp_path))
    pairs = zip(TRAIN, TRAIN_LABELS, strict=True)
    of_image = {str(image.tolist()): int(label) for image, label in pairs}
    for batch in data.train_dataloader():
        for image, label in zip(batch.images, batch.labels.tolist(), strict=True):
            assert of_image[str(image.tolist())] == label


def test_a_split_of_another_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"packed with data\.split_seed=2"):
        streamed(write(tmp_path), split_seed=0)
    with pytest.raises(ValueError, match="leaves no training image of 23"):
        streamed(tmp_path, val_size=23)
    with pytest.raises(ValueError, match=r"data\.root must be a folder or s3://BUCKET"):
        StreamedImages("gs://bucket/x", **NUMBERS)


def test_a_description_has_shapes_and_no_pixels(tmp_path: Path) -> None:
    found = chunked.described("there", facts(str(write(tmp_path))))
    assert found.train_images.is_meta
    assert found.train_images.shape == (23, 2, 3, 4)
    assert len(found.test_images) == len(found.test_labels) == 9
    assert found.classes == CLASSES
