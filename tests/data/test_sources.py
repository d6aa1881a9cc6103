import dataclasses
import gzip
import hashlib
import io
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from autoencoder.data import sources
from autoencoder.data.sources import FILES, DataNotFoundError, load_fashion_mnist


def idx(array: torch.Tensor) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.numpy().tobytes()


def tiny_files() -> dict[str, bytes]:
    """Six training and three test images of 4 x 5, with labels."""
    generator = torch.Generator().manual_seed(0)
    contents = {}
    for part, count in (("train", 6), ("t10k", 3)):
        images = torch.randint(256, (count, 4, 5), generator=generator, dtype=torch.uint8)
        contents[f"{part}-images-idx3-ubyte"] = idx(images)
        contents[f"{part}-labels-idx1-ubyte"] = idx(torch.arange(count, dtype=torch.uint8))
    return contents


CONTENTS = tiny_files()
GZIPPED = {name: gzip.compress(content, mtime=0) for name, content in CONTENTS.items()}


def sums(files: dict[str, bytes]) -> tuple[str, ...]:
    return tuple(hashlib.sha256(files[name]).hexdigest() for name in FILES)


def write(folder: Path, *, zipped: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if zipped:
            (folder / f"{name}.gz").write_bytes(GZIPPED[name])
        else:
            (folder / name).write_bytes(CONTENTS[name])


def everything_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


STORED = [f"FashionMNIST/raw/{name}.gz" for name in sorted(FILES)]


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny files stand for the real ones; there is no network, no package and no apt-get."""
    tiny = dataclasses.replace(
        sources.FASHION_MNIST, sums=sums(CONTENTS), package_folder=tmp_path / "system"
    )
    monkeypatch.setattr(sources, "FASHION_MNIST", tiny)

    def no_network(url: str, timeout: float) -> None:
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    monkeypatch.setattr(shutil, "which", lambda tool: None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A mirror that has the files; the addresses it was asked for."""
    urls: list[str] = []

    def serve(url: str, timeout: float) -> io.BytesIO:
        urls.append(url)
        return io.BytesIO(GZIPPED[url.rsplit("/", 1)[-1].removesuffix(".gz")])

    monkeypatch.setattr(urllib.request, "urlopen", serve)
    return urls


@pytest.fixture
def debian(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """apt-get and dpkg-deb which deliver the package; the commands that were run."""
    commands: list[list[str]] = []

    def run(command: list[str], cwd: Path, **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        if "download" in command:
            (cwd / "package.deb").touch()
        elif command[0] == "dpkg-deb":
            folder = sources.FASHION_MNIST.package_folder
            assert folder is not None
            write(cwd / command[-1] / folder.relative_to("/"), zipped=True)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(subprocess, "run", run)
    return commands


@pytest.mark.parametrize("zipped", [True, False], ids=["gz", "plain"])
@pytest.mark.parametrize("layout", ["FashionMNIST/raw", "."])
def test_folder_of_any_layout_is_read(root: Path, layout: str, zipped: bool) -> None:
    write(root / layout, zipped=zipped)
    data = load_fashion_mnist(root)
    assert data.train_images.shape == (6, 1, 4, 5)
    assert data.test_images.shape == (3, 1, 4, 5)
    assert data.train_images.dtype == torch.uint8
    assert data.train_images.flatten().tolist() == list(CONTENTS[FILES[0]][16:])
    assert data.test_labels.tolist() == [0, 1, 2]
    assert data.test_labels.dtype == torch.int64
    assert data.classes[9] == "Ankle boot"
    assert data.origin == str(root / layout)
    assert data.checksum == hashlib.sha256(b"".join(CONTENTS[n] for n in FILES)).hexdigest()


def test_plain_content_under_a_gz_name_is_read(root: Path) -> None:
    write(root, zipped=True)
    (root / f"{FILES[0]}.gz").write_bytes(CONTENTS[FILES[0]])
    assert len(load_fashion_mnist(root).train_labels) == 6


def test_sources_are_tried_in_order(
    root: Path, tmp_path: Path, requested: list[str], debian: list[list[str]]
) -> None:
    write(root / "FashionMNIST" / "raw", zipped=False)
    write(root, zipped=False)
    write(tmp_path / "system", zipped=True)
    assert load_fashion_mnist(root).origin == str(root / "FashionMNIST" / "raw")
    (root / "FashionMNIST" / "raw" / FILES[3]).unlink()
    assert load_fashion_mnist(root).origin == str(root)
    (root / FILES[3]).unlink()
    assert load_fashion_mnist(root).origin.endswith(str(tmp_path / "system"))
    assert not requested
    (tmp_path / "system" / f"{FILES[3]}.gz").unlink()
    assert load_fashion_mnist(root).origin == "torchvision's mirrors"
    assert requested
    assert not debian


def test_download_is_kept_for_the_next_run(root: Path, requested: list[str]) -> None:
    load_fashion_mnist(root)
    assert [url.rsplit("/", 1)[-1] for url in requested] == [f"{name}.gz" for name in FILES]
    assert everything_under(root) == STORED
    assert load_fashion_mnist(root).origin == str(root / "FashionMNIST" / "raw")
    assert len(requested) == 4


def test_download_fetches_only_what_is_missing_or_wrong(root: Path, requested: list[str]) -> None:
    folder = root / "FashionMNIST" / "raw"
    write(folder, zipped=True)
    (folder / f"{FILES[1]}.gz").unlink()
    (folder / f"{FILES[2]}.gz").write_bytes(GZIPPED[FILES[2]][:20])
    load_fashion_mnist(root)
    assert [url.rsplit("/", 1)[-1] for url in requested] == [f"{FILES[1]}.gz", f"{FILES[2]}.gz"]
    assert everything_under(root) == STORED


def test_downloads_at_the_same_time_do_not_disturb_each_other(
    root: Path, requested: list[str]
) -> None:
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(load_fashion_mnist, [root] * 8))
    assert requested
    assert len({data.checksum for data in loaded}) == 1
    assert everything_under(root) == STORED
    assert load_fashion_mnist(root).checksum == loaded[0].checksum


def test_second_mirror_serves_when_the_first_does_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(url: str, timeout: float) -> io.BytesIO:
        if url.startswith("first/"):
            raise urllib.error.HTTPError(url, 404, "Not Found", None, None)  # type: ignore[arg-type]
        return io.BytesIO(GZIPPED[url.removeprefix("second/").removesuffix(".gz")])

    monkeypatch.setattr(urllib.request, "urlopen", serve)
    monkeypatch.setattr("torchvision.datasets.FashionMNIST.mirrors", ["first/", "second/"])
    assert load_fashion_mnist(root).origin == "torchvision's mirrors"


@pytest.mark.parametrize(
    "served",
    [GZIPPED[FILES[0]][:-9], gzip.compress(b"another file", mtime=0), b"<html>sign in</html>", b""],
)
def test_wrong_download_is_not_kept(
    root: Path, monkeypatch: pytest.MonkeyPatch, served: bytes
) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: io.BytesIO(served))
    with pytest.raises(DataNotFoundError, match=r"mirrors: .* is "):
        load_fashion_mnist(root)
    assert everything_under(root) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), OSError(28, "No space left")])
def test_interrupted_writing_leaves_nothing(
    root: Path,
    requested: list[str],
    monkeypatch: pytest.MonkeyPatch,
    interruption: BaseException,
) -> None:
    def write_half(path: Path, raw: bytes) -> None:
        with path.open("wb") as file:
            file.write(raw[: len(raw) // 2])
        raise interruption

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises((KeyboardInterrupt, DataNotFoundError)):
        load_fashion_mnist(root)
    assert requested
    assert everything_under(root) == []


def test_interrupted_download_keeps_only_whole_files(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise KeyboardInterrupt

    def serve(url: str, timeout: float) -> io.BytesIO:
        name = url.rsplit("/", 1)[-1].removesuffix(".gz")
        return Interrupted() if name == FILES[1] else io.BytesIO(GZIPPED[name])

    monkeypatch.setattr(urllib.request, "urlopen", serve)
    with pytest.raises(KeyboardInterrupt):
        load_fashion_mnist(root)
    assert everything_under(root) == [f"FashionMNIST/raw/{FILES[0]}.gz"]


def test_package_is_fetched_and_kept(root: Path, debian: list[list[str]]) -> None:
    data = load_fashion_mnist(root)
    assert data.origin == "Debian package dataset-fashion-mnist, fetched"
    assert [command[0] for command in debian] == ["apt-get", "apt-get", "dpkg-deb"]
    assert everything_under(root) == STORED
    assert load_fashion_mnist(root).origin == str(root / "FashionMNIST" / "raw")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (subprocess.CalledProcessError(100, "", "", "E: Unable to\nlocate"), "Unable to locate"),
        (subprocess.TimeoutExpired("", 180), "apt-get took more than 180 s"),
    ],
)
def test_package_that_cannot_be_fetched_is_reported(
    root: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception, reason: str
) -> None:
    def run(command: list[str], **_: Any) -> None:
        raise failure

    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(DataNotFoundError, match=f"fetched: .*{reason}"):
        load_fashion_mnist(root)


def test_damaged_folders_are_reported_and_passed_over(root: Path, tmp_path: Path) -> None:
    write(root / "FashionMNIST" / "raw", zipped=True)
    cut = root / "FashionMNIST" / "raw" / f"{FILES[0]}.gz"
    cut.write_bytes(GZIPPED[FILES[0]][:-20])
    write(root, zipped=True)
    damaged = bytearray(GZIPPED[FILES[0]])
    damaged[30] ^= 0xFF
    (root / f"{FILES[0]}.gz").write_bytes(damaged)
    write(tmp_path / "system", zipped=False)
    (tmp_path / "system" / FILES[1]).write_bytes(CONTENTS[FILES[3]])
    with pytest.raises(DataNotFoundError) as caught:
        load_fashion_mnist(root)
    lines = str(caught.value).splitlines()
    assert lines[1].endswith(f"{FILES[0]}.gz is cut short")
    assert f"{FILES[0]}.gz is " in lines[2]
    assert f"{FILES[1]} is not Fashion-MNIST's: wrong SHA-256" in lines[3]
    write(tmp_path / "system", zipped=False)
    assert len(load_fashion_mnist(root).train_labels) == 6
    assert cut.read_bytes() == GZIPPED[FILES[0]][:-20], "what a user put there is theirs"


def test_intact_gz_is_read_beside_a_half_unpacked_file(root: Path) -> None:
    write(root, zipped=True)
    (root / FILES[0]).write_bytes(CONTENTS[FILES[0]][:50])
    assert len(load_fashion_mnist(root).train_labels) == 6


def test_error_says_what_was_tried_and_what_to_type(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError) as caught:
        load_fashion_mnist(root)
    lines = str(caught.value).splitlines()
    assert lines[0] == "The files of Fashion-MNIST were not found. Tried:"
    assert lines[1:4] == [
        f"  {root / 'FashionMNIST' / 'raw'}: no such folder",
        f"  {root}: no such folder",
        f"  Debian package dataset-fashion-mnist, in {tmp_path / 'system'}: no such folder",
    ]
    assert lines[4].startswith("  torchvision's mirrors: http")
    assert "no network in tests" in lines[4]
    assert lines[5].endswith("fetched: no apt-get and no dpkg-deb here")
    for typed, line in zip(
        ["data.root=FOLDER", "apt-get install dataset-fashion-mnist", "data=synthetic"],
        lines[7:],
        strict=True,
    ):
        assert line.startswith(f"  {typed}")
    assert not root.exists(), "a mistyped root must not become a folder"


def test_error_says_that_root_cannot_be_written(root: Path, requested: list[str]) -> None:
    root.write_text("a file, not a folder")
    with pytest.raises(DataNotFoundError, match=r"mirrors: .*FashionMNIST/raw cannot be written"):
        load_fashion_mnist(root)
    assert not requested


def test_kmnist_is_checked_by_its_compressed_files(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = dataclasses.replace(sources.KMNIST, sums=sums(GZIPPED))
    monkeypatch.setattr(sources, "KMNIST", tiny)
    write(root, zipped=False)
    with pytest.raises(DataNotFoundError, match=r"wrong SHA-256 of the \.gz") as caught:
        sources.load_kmnist(root)
    assert "apt-get" not in str(caught.value)
    write(root / "KMNIST" / "raw", zipped=True)
    assert sources.load_kmnist(root).classes[:2] == ("o", "ki")


def test_mnist_does_not_take_the_files_of_another_set(root: Path) -> None:
    write(root, zipped=True)
    with pytest.raises(DataNotFoundError, match="is not MNIST's"):
        sources.load_mnist(root)


@pytest.mark.real
def test_real_files(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = os.environ.get("AUTOENCODER_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("AUTOENCODER_DATA names no folder with the Fashion-MNIST files")
    monkeypatch.undo()
    dataset = dataclasses.replace(sources.FASHION_MNIST, package=None, package_folder=None)
    monkeypatch.setattr(sources, "_download", lambda *_: pytest.fail("no folder had the files"))
    data = sources.load_idx(dataset, Path(folder))
    assert data.train_images.shape == (60_000, 1, 28, 28)
    assert data.test_images.shape == (10_000, 1, 28, 28)
    assert data.train_labels.bincount().tolist() == [6_000] * 10
    assert data.test_labels.bincount().tolist() == [1_000] * 10
    assert data.train_images.double().mean().item() / 255 == pytest.approx(0.2860, abs=1e-4)
