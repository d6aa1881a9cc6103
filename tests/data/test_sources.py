import dataclasses
import gzip
import hashlib
import io
import socketserver
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from autoencoder.data import debian, sources
from autoencoder.data.idx import FILES, IdxFiles
from autoencoder.data.sources import DataNotFoundError, load_idx
from tests.data.tiny_files import CONTENTS, GZIPPED, STORED, everything_under, write


def served(url: str) -> bytes:
    return GZIPPED[url.rsplit("/", 1)[-1].removesuffix(".gz")]


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A mirror that has the files; the addresses it was asked for."""
    urls: list[str] = []

    def serve(url: str, timeout: float) -> io.BytesIO:
        urls.append(url)
        return io.BytesIO(served(url))

    monkeypatch.setattr(urllib.request, "urlopen", serve)
    return urls


@pytest.mark.parametrize("layout", ["FashionMNIST/raw", "."])
def test_folder_of_any_layout_is_read(dataset: IdxFiles, root: Path, layout: str) -> None:
    write(root / layout, zipped=False)
    data = load_idx(dataset, root, download=False)
    assert data.train_images.shape == (6, 1, 4, 5)
    assert data.test_images.shape == (3, 1, 4, 5)
    assert data.train_images.dtype == torch.uint8
    assert data.train_images.flatten().tolist() == list(CONTENTS[FILES[0]][16:])
    assert data.test_labels.tolist() == [0, 1, 2]
    assert data.test_labels.dtype == torch.int64
    assert data.classes == dataset.classes
    assert data.origin == str(root / layout)
    assert data.checksum == hashlib.sha256(b"".join(CONTENTS[n] for n in FILES)).hexdigest()


def test_sources_are_tried_in_order(
    dataset: IdxFiles,
    root: Path,
    tmp_path: Path,
    requested: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(debian, "fetch", lambda *_: [CONTENTS[name] for name in FILES])
    write(root / "FashionMNIST" / "raw", zipped=False)
    write(root, zipped=False)
    write(tmp_path / "system", zipped=True)

    def origin() -> str:
        return load_idx(dataset, root, download=True).origin

    assert origin() == str(root / "FashionMNIST" / "raw")
    (root / "FashionMNIST" / "raw" / FILES[3]).unlink()
    assert origin() == str(root)
    (root / FILES[3]).unlink()
    assert origin().endswith(str(tmp_path / "system"))
    assert not requested
    (tmp_path / "system" / f"{FILES[3]}.gz").unlink()
    assert origin() == "torchvision's mirrors"
    (root / "FashionMNIST" / "raw" / f"{FILES[3]}.gz").unlink()
    monkeypatch.setattr("torchvision.datasets.FashionMNIST.mirrors", [])
    assert origin() == "Debian package dataset-tiny, fetched"


@pytest.mark.parametrize("exists", [True, False])
def test_nothing_is_downloaded_unasked_into_another_folder_than_the_default(
    dataset: IdxFiles, tmp_path: Path, requested: list[str], exists: bool
) -> None:
    misspelt = tmp_path / "dta"
    if exists:
        misspelt.mkdir()
    with pytest.raises(DataNotFoundError) as caught:
        load_idx(dataset, misspelt, download=False)
    assert f"\n  {misspelt}: no " in str(caught.value)
    assert f"\n  data.download=true, to have them downloaded into {misspelt}\n" in str(caught.value)
    assert not requested
    assert misspelt.exists() == exists
    load_idx(dataset, misspelt, download=True)
    assert everything_under(misspelt) == STORED


@pytest.mark.parametrize("typed", ["data", "./data/"])
def test_what_is_missing_is_downloaded_into_the_default(
    dataset: IdxFiles,
    tmp_path: Path,
    requested: list[str],
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    load_idx(dataset, Path(typed), download=False)
    assert everything_under(tmp_path / "data") == STORED


def test_download_is_kept_for_the_next_run(
    dataset: IdxFiles, root: Path, requested: list[str]
) -> None:
    load_idx(dataset, root, download=True)
    assert [url.rsplit("/", 1)[-1] for url in requested] == [f"{name}.gz" for name in FILES]
    assert everything_under(root) == STORED
    assert load_idx(dataset, root, download=True).origin == str(root / "FashionMNIST" / "raw")
    assert len(requested) == 4


def test_download_fetches_only_what_is_missing_or_wrong(
    dataset: IdxFiles, root: Path, requested: list[str]
) -> None:
    folder = root / "FashionMNIST" / "raw"
    write(folder, zipped=True)
    (folder / f"{FILES[1]}.gz").unlink()
    (folder / f"{FILES[2]}.gz").write_bytes(GZIPPED[FILES[2]][:20])
    load_idx(dataset, root, download=True)
    assert [url.rsplit("/", 1)[-1] for url in requested] == [f"{FILES[1]}.gz", f"{FILES[2]}.gz"]
    assert everything_under(root) == STORED


def test_downloads_at_the_same_time_do_not_disturb_each_other(
    dataset: IdxFiles, root: Path, requested: list[str]
) -> None:
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: load_idx(dataset, root, download=True), range(8)))
    assert requested
    assert len({data.checksum for data in loaded}) == 1
    assert everything_under(root) == STORED
    assert load_idx(dataset, root, download=True).checksum == loaded[0].checksum


def test_second_mirror_gives_what_the_first_lacks(
    dataset: IdxFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def serve(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        if url == f"first/{FILES[2]}.gz":
            raise urllib.error.HTTPError(url, 404, "Not Found", None, None)
        return io.BytesIO(served(url))

    monkeypatch.setattr(urllib.request, "urlopen", serve)
    monkeypatch.setattr("torchvision.datasets.FashionMNIST.mirrors", ["first/", "second/"])
    assert load_idx(dataset, root, download=True).origin == "torchvision's mirrors"
    assert [url.partition("/")[0] for url in asked] == ["first"] * 3 + ["second"] * 2


def test_set_that_torchvision_does_not_know_has_no_mirrors(dataset: IdxFiles, root: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"torchvision's mirrors: none has MyDigits\n"):
        load_idx(dataclasses.replace(dataset, name="MyDigits"), root, download=True)


class Dripping(socketserver.BaseRequestHandler):
    """Sends a byte every 50 ms, of its body or already of what stands before it, for 10 s."""

    head = b""

    def handle(self) -> None:
        try:
            self.request.recv(1000)
            self.request.sendall(self.head)
            for _ in range(200):
                self.request.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            pass  # Whoever asked has gone.


@pytest.fixture
def dripping(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a mirror that drips."""
    monkeypatch.undo()
    monkeypatch.setattr(Dripping, "head", request.param)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.parametrize(
    "dripping",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n", b"HTTP/1.1 200 OK\r\nServer: "],
    ids=["body", "head"],
    indirect=True,
)
def test_slow_mirror_is_given_up(
    dataset: IdxFiles, root: Path, dripping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MIRROR_TIMEOUT", 0.3)
    monkeypatch.setattr("torchvision.datasets.FashionMNIST.mirrors", [dripping, dripping])
    monkeypatch.setattr("shutil.which", lambda tool: None)
    with pytest.raises(DataNotFoundError, match=r"mirrors: .*gz takes more than 0\.3 s; http"):
        load_idx(dataset, root, download=True)
    assert everything_under(root) == []


@pytest.mark.parametrize(
    "content",
    [GZIPPED[FILES[0]][:-9], gzip.compress(b"another file", mtime=0), b"<html>sign in</html>", b""],
)
def test_wrong_download_is_not_kept(
    dataset: IdxFiles, root: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: io.BytesIO(content))
    with pytest.raises(DataNotFoundError, match=r"mirrors: .* is "):
        load_idx(dataset, root, download=True)
    assert everything_under(root) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), OSError(28, "No space left")])
def test_interrupted_writing_leaves_nothing(
    dataset: IdxFiles,
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
        load_idx(dataset, root, download=True)
    assert requested
    assert everything_under(root) == []


def test_interrupted_download_keeps_only_whole_files(
    dataset: IdxFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise KeyboardInterrupt

    def serve(url: str, timeout: float) -> io.BytesIO:
        return Interrupted() if FILES[1] in url else io.BytesIO(served(url))

    monkeypatch.setattr(urllib.request, "urlopen", serve)
    with pytest.raises(KeyboardInterrupt):
        load_idx(dataset, root, download=True)
    assert everything_under(root) == [f"FashionMNIST/raw/{FILES[0]}.gz"]


def test_damaged_folders_are_reported_and_passed_over(
    dataset: IdxFiles, root: Path, tmp_path: Path
) -> None:
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
        load_idx(dataset, root, download=False)
    lines = str(caught.value).splitlines()
    assert lines[1].endswith(f"{FILES[0]}.gz is cut short")
    assert f"{FILES[0]}.gz is " in lines[2]
    assert f"{FILES[1]} is not Fashion-MNIST's: wrong SHA-256" in lines[3]
    write(tmp_path / "system", zipped=False)
    assert len(load_idx(dataset, root, download=False).train_labels) == 6
    assert cut.read_bytes() == GZIPPED[FILES[0]][:-20], "what a user put there is theirs"


def test_error_says_what_was_tried_and_what_to_type(
    dataset: IdxFiles, root: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataNotFoundError) as caught:
        load_idx(dataset, root, download=True)
    lines = str(caught.value).splitlines()
    assert lines[0] == "The files of Fashion-MNIST were not found. Tried:"
    assert lines[1:4] == [
        f"  {root / 'FashionMNIST' / 'raw'}: no such folder",
        f"  {root}: no such folder",
        f"  Debian package dataset-tiny, in {tmp_path / 'system'}: no such folder",
    ]
    assert lines[4].startswith("  torchvision's mirrors: http")
    assert "no network in tests" in lines[4]
    assert lines[5].endswith("fetched: no apt-get and no dpkg-deb here")
    for typed, line in zip(
        ["data.root=FOLDER", "apt-get install dataset-tiny", "data=synthetic"],
        lines[7:],
        strict=True,
    ):
        assert line.startswith(f"  {typed}")
    assert not root.exists(), "a download that failed leaves no folder"


def test_error_says_that_root_cannot_be_written(
    dataset: IdxFiles, root: Path, requested: list[str]
) -> None:
    root.write_text("a file, not a folder")
    with pytest.raises(DataNotFoundError, match=r"mirrors: .*FashionMNIST/raw cannot be written"):
        load_idx(dataset, root, download=True)
    assert not requested
