"""Images in chunks from a server that speaks S3, on this machine."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from autoencoder.data import chunked
from autoencoder.data.chunked import StreamError, facts
from autoencoder.data.sources import DataNotFoundError
from autoencoder.experiment.pack import pack
from autoencoder.experiment.train import train
from tests.experiment.test_pack import OF_TIME, packed
from tests.experiment.test_stream import interrupt, streamed, weights

pytest.importorskip("litdata")
pytest.importorskip("moto.server")


@contextmanager
def server(port: int = 0) -> Iterator[str]:
    """The address of one that knows nothing yet."""
    if not port:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    program = Path(sys.executable).with_name("moto_server")
    process = subprocess.Popen(
        [program, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def upload(folder: Path) -> None:
    """As `aws s3 cp --recursive FOLDER s3://bucket/some/where` does."""
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    for path in folder.rglob("*"):
        if path.is_file():
            client.upload_file(str(path), "bucket", f"some/where/{path.relative_to(folder)}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn garments in chunks of 100."""
    from autoencoder.data import chunking

    folder = tmp_path_factory.mktemp("packed") / "chunks"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunking, "_CHUNK", 100 * (784 + chunking._BESIDE))
        pack(packed(folder, "format=stream"))
    return folder


@pytest.fixture(scope="module")
def bucket(folder: Path) -> Iterator[str]:
    """The same on a server, as its users name it by the environment."""
    with server() as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", address)
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        upload(folder)
        yield "s3://bucket/some/where"


def test_numbers_are_those_of_the_folder(folder: Path, bucket: str, tmp_path: Path) -> None:
    more = (f"data.cache={tmp_path / 'cache'}", "trainer.max_epochs=1")
    found = train(streamed(bucket, tmp_path / "bucket", *more))
    expected = train(streamed(folder, tmp_path / "folder", *more))
    for name in OF_TIME:
        del expected[name], found[name]
    assert found == expected
    assert len(list((tmp_path / "cache").rglob("*.bin"))) == 4
    for name, value in weights(tmp_path / "bucket").items():
        assert torch.equal(value, weights(tmp_path / "folder")[name])


def test_what_is_not_there_is_said_with_what_to_type(bucket: str) -> None:
    with pytest.raises(DataNotFoundError, match="no images packed for streaming"):
        facts("s3://bucket/elsewhere")
    with pytest.raises(StreamError, match=r"NoSuchBucket(.|\n)*is there a bucket 'pail'"):
        facts("s3://pail/some/where")


def test_without_server_or_keys_it_ends_at_once(
    bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(chunked, "_ATTEMPTS", 1)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        with pytest.raises(StreamError, match=r"Could not connect(.|\n)*AWS_ENDPOINT_URL"):
            facts(bucket)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StreamError, match=r"credentials(.|\n)*AWS_ACCESS_KEY_ID"):
        facts(bucket)


@pytest.mark.slow
def test_killed_it_goes_on_to_the_same_numbers(bucket: str, tmp_path: Path) -> None:
    more = ("trainer.max_epochs=3", "noise=gaussian", "data.num_workers=2")
    cache = f"data.cache={tmp_path / 'cache'}"
    expected = train(streamed(bucket, tmp_path / "unbroken", cache, *more))
    shutil.rmtree(tmp_path / "cache")
    with pytest.MonkeyPatch.context() as patch:
        interrupt(patch)
        with pytest.raises(RuntimeError, match="killed"):
            train(streamed(bucket, tmp_path / "broken", cache, *more))
    found = train(streamed(bucket, tmp_path / "broken", cache, *more))
    for name in OF_TIME:
        del expected[name], found[name]
    assert found == expected
