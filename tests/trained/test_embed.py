import csv
import io
import json
import logging
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

from autoencoder import InputError, Run
from autoencoder.data.pictures import ImageFileError
from autoencoder.trained import images as images_of
from tests.trained.conftest import command


@pytest.fixture
def rows(run: Run) -> np.ndarray:
    """Images of the run's shape."""
    return np.random.default_rng(0).integers(0, 256, (23, 12, 12), np.uint8)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four images a block, so that a few images are several blocks."""
    monkeypatch.setattr(images_of, "_BLOCK_IMAGES", 4)


@pytest.fixture
def photos(rows: np.ndarray, tmp_path: Path) -> Path:
    """Seven image files in two folders."""
    for number, pixels in enumerate(rows[:7]):
        folder = tmp_path / "photos" / ("Bag" if number < 3 else "Shirt")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"


def test_parquet_of_the_test_split(plain: Path, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "latents.parquet"
    command("embed", f"run={plain}", f"out={out}", "thumbnails=true")
    table = pandas.read_parquet(out)
    test = run.data.test
    expected = run.encode(test.images.numpy()).reshape(60, -1)
    np.testing.assert_allclose(np.stack(table["embedding"]), expected, atol=1e-6)
    assert list(table["index"]) == list(range(60))
    assert list(table["label"]) == [run.classes[label] for label in test.labels]
    picture = Image.open(io.BytesIO(table["thumbnail"][5]["bytes"]))
    np.testing.assert_array_equal(np.asarray(picture), test.images[5, 0].numpy())
    assert not list(tmp_path.glob(".*"))


@pytest.mark.usefixtures("small_blocks")
def test_the_same_latents_in_every_form(
    plain: Path, run: Run, rows: np.ndarray, tmp_path: Path
) -> None:
    np.save(tmp_path / "images.npy", rows)
    np.savez(tmp_path / "images.npz", images=rows[:, None] / np.float64(255), labels=[3] * 23)
    expected = run.encode(rows).reshape(23, -1)
    of_npy, of_npz = (f"images={tmp_path}/images{suffix}" for suffix in (".npy", ".npz"))
    command("embed", f"run={plain}", of_npy, f"out={tmp_path}/a.npy")
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), expected, atol=1e-6)
    assert (tmp_path / "a.csv").read_text().splitlines()[:2] == ["index,label", "0,"]
    command("embed", f"run={plain}", of_npz, f"out={tmp_path}/b.csv")
    lines = list(csv.DictReader((tmp_path / "b.csv").open()))
    assert [line["index"] for line in lines] == [str(n) for n in range(23)]
    assert {line["label"] for line in lines} == {run.classes[3]}
    found = [[float(line[f"z{n}"]) for n in range(36)] for line in lines]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.usefixtures("small_blocks")
def test_a_folder_and_labels_by_its_folders(
    plain: Path, conditional: Path, seeing: Run, rows: np.ndarray, photos: Path, tmp_path: Path
) -> None:
    command("embed", f"run={plain}", f"images={photos}", f"out={tmp_path}/a.parquet")
    table = pandas.read_parquet(tmp_path / "a.parquet")
    assert list(table["path"][:4]) == [
        f"{photos}/{name}" for name in ("Bag/0.png", "Bag/1.png", "Bag/2.png", "Shirt/3.png")
    ]
    assert list(table["label"]) == ["Bag"] * 3 + ["Shirt"] * 4
    # The model that sees labels takes those.
    command("embed", f"run={conditional}", f"images={photos}", f"out={tmp_path}/b.npy")
    expected = seeing.encode(rows[:7], ["Bag"] * 3 + ["Shirt"] * 4)
    np.testing.assert_allclose(np.load(tmp_path / "b.npy"), expected, atol=1e-6)
    command(
        "embed", f"run={conditional}", f"images={photos}", f"out={tmp_path}/c.npy", "label=Coat"
    )
    expected = seeing.encode(rows[:7], "Coat")
    np.testing.assert_allclose(np.load(tmp_path / "c.npy"), expected, atol=1e-6)


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(content)), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stream)


@pytest.mark.usefixtures("small_blocks")
def test_standard_input_and_output(
    plain: Path, run: Run, rows: np.ndarray, photos: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    buffer = io.BytesIO()
    np.save(buffer, rows[:7])
    paths = "\n".join(map(str, sorted(photos.rglob("*.png")))) + "\n\n"
    for content, column in ((buffer.getvalue(), "index"), (paths.encode(), "path")):
        standard_input(monkeypatch, content)
        command("embed", f"run={plain}", "images=-", "out=-")
        lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        assert len(lines) == 7
        assert list(lines[0])[:3] == [column, "label", "z0"]
        found = [float(line["z0"]) for line in lines]
        np.testing.assert_allclose(found, run.encode(rows[:7]).reshape(7, -1)[:, 0], atol=1e-6)


def test_the_projector(plain: Path, tmp_path: Path) -> None:
    out = tmp_path / "projector"
    command("embed", f"run={plain}", f"out={out}")
    config = (out / "projector_config.pbtxt").read_text()
    assert "sprite" in config
    assert len(next(out.rglob("tensors.tsv")).read_text().splitlines()) == 60
    with pytest.raises(InputError, match="overwrite=true"):
        command("embed", f"run={plain}", f"out={out}")
    command("embed", f"run={plain}", f"out={out}", "overwrite=true")
    with pytest.raises(InputError, match="holds something"):
        command("embed", f"run={plain}", f"out={tmp_path}", "overwrite=true")


@pytest.mark.usefixtures("small_blocks")
def test_what_was_stopped_goes_on(
    plain: Path, run: Run, rows: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    np.save(tmp_path / "images.npy", rows)
    words = f"run={plain}", f"images={tmp_path}/images.npy", f"out={tmp_path}/a.npy"
    seen: list[int] = []

    def encode(self: Run, images: np.ndarray, labels: object = None) -> np.ndarray:
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(len(images))
        return of_run(self, images, labels)

    of_run = Run.encode
    monkeypatch.setattr(Run, "encode", encode)
    with pytest.raises(KeyboardInterrupt):
        command("embed", *words)
    assert not (tmp_path / "a.npy").exists()
    # A part that a full disk has cut off is made again, and what follows it.
    parts = sorted((tmp_path / ".a.npy.part").glob("*.npz"))
    assert len(parts) == 3
    parts[2].write_bytes(parts[2].read_bytes()[:100])
    seen.clear()

    def counted(self: Run, images: np.ndarray, labels: object = None) -> np.ndarray:
        seen.append(len(images))
        return of_run(self, images, labels)

    monkeypatch.setattr(Run, "encode", counted)
    with caplog.at_level(logging.INFO):
        command("embed", *words)
    assert seen == [4, 4, 4, 3]
    assert "8 images were done before" in caplog.text
    np.testing.assert_allclose(
        np.load(tmp_path / "a.npy"), of_run(run, rows).reshape(23, -1), atol=1e-6
    )
    assert not (tmp_path / ".a.npy.part").exists()


@pytest.mark.usefixtures("small_blocks")
def test_parts_of_something_else_are_not_taken(
    plain: Path, run: Run, rows: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_run, calls = Run.encode, [0]

    def encode(self: Run, images: np.ndarray, labels: object = None) -> np.ndarray:
        calls[0] += 1
        if calls[0] == 3:
            raise KeyboardInterrupt
        return of_run(self, images, labels)

    np.save(tmp_path / "images.npy", rows)
    words = f"run={plain}", f"images={tmp_path}/images.npy", f"out={tmp_path}/a.npy"
    monkeypatch.setattr(Run, "encode", encode)
    with pytest.raises(KeyboardInterrupt):
        command("embed", *words)
    np.save(tmp_path / "images.npy", rows[::-1].copy())
    told = tmp_path / ".a.npy.part/key.json"
    before = json.loads(told.read_text())
    command("embed", *words)
    assert len(before) == 4
    expected = of_run(run, rows[::-1].copy()).reshape(23, -1)
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), expected, atol=1e-6)


def test_files_that_are_broken(plain: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "Bag/1.png").write_bytes(b"no image")
    words = f"run={plain}", f"images={photos}", f"out={tmp_path}/a.parquet"
    with pytest.raises(ImageFileError, match=r"1\.png"):
        command("embed", *words)
    assert not (tmp_path / "a.parquet").exists()
    command("embed", *words, "skip_broken=true")
    names = [Path(path).name for path in pandas.read_parquet(tmp_path / "a.parquet")["path"]]
    assert names == ["0.png", "2.png", "3.png", "4.png", "5.png", "6.png"]


def test_what_it_can_not_take(plain: Path, rows: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "small.npy", rows[:, :10])
    np.save(tmp_path / "objects.npy", np.full((3, 12, 12), None), allow_pickle=True)
    np.save(tmp_path / "turned.npy", np.asfortranarray(rows))
    np.savez(tmp_path / "others.npz", labels=np.zeros(3))
    (tmp_path / "text.npy").write_text("text")
    (tmp_path / "text.npz").write_text("text")
    np.save(tmp_path / "cut.npy", rows)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:-1])
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    messages = {
        "small.npy": r"got \(23, 10, 12\)", "objects.npy": "object", "turned.npy": "Fortran",
        "others.npz": "can't be read", "text.npy": "no array", "text.npz": "can't be read",
        "cut.npy": "ends before", "empty.npz": "can't be read", "none.npy": "no such file",
        "none": "no such file",
    }  # fmt: skip
    for name, message in messages.items():
        words = f"run={plain}", f"images={tmp_path}/{name}", f"out={tmp_path}/out.npy"
        with pytest.raises(InputError, match=message):
            command("embed", *words)
    for words, message in (
        ((f"run={plain}",), "out=PATH is missing"),
        ((f"run={plain}", "out=x.txt"), "FILE.parquet"),
        (("out=x.npy",), "run=PATH is missing"),
        ((f"run={plain}", "out=x.npy", "batch_size=0"), "batch_size"),
    ):
        with pytest.raises(InputError, match=message):
            command("embed", *words)
