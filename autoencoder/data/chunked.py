"""Images in chunks, as litdata streams them: a folder, or one that was copied to `s3://BUCKET/...`.

    train/chunk-0-*.bin  items of litdata: `{"image": uint8 tensor (C, H, W), "label": int}`
    train/index.json     litdata's list of the chunks; `test/` is the same
    images.json          how many there are, their shape, classes, checksum, seed of the order
    README.md            the data card, for people
    SHA256SUMS           of the chunks, for `sha256sum -c`

Training images lie in the random order of their split, of which the first are for validation, and
test images in one of which the first are those that a cap leaves. So what is wanted in memory are
the first chunks, and a chunk is a random choice of all images. `images.json` is written last.
"""

import json
import logging
from pathlib import Path
from typing import NamedTuple

import torch

from autoencoder import AutoencoderError
from autoencoder.data.packed import JOURNAL
from autoencoder.data.sources import DataNotFoundError, ImageData

FACTS = "images.json"
# Seconds until a server that doesn't answer is given up, and how often it is asked.
_PATIENCE, _ATTEMPTS = 10, 3


class StreamError(AutoencoderError):
    """Images that can't be streamed."""


class Facts(NamedTuple):
    """What there is to be streamed.

    Attributes:
        image_shape: `(C, H, W)`.
        train: Training images, those for validation included.
        test: Test images.
        classes: The name of each label.
        split_seed: Seed of the orders in which they lie.
        checksum: SHA-256 of SHA256SUMS.
    """

    image_shape: tuple[int, int, int]
    train: int
    test: int
    classes: tuple[str, ...]
    split_seed: int
    checksum: str


def check_installed() -> None:
    """Asks for litdata, which is an extra.

    Raises:
        StreamError: If it is not installed.
    """
    try:
        import litdata  # noqa: F401
    except ImportError as error:
        raise StreamError(
            f"streaming needs litdata ({error}): pip install '.[stream]' in a checkout, "
            "pip install 'autoencoder-experiments[stream]' elsewhere"
        ) from error


def facts(place: str) -> Facts:
    """What lies at a place.

    Args:
        place: A folder, or `s3://BUCKET/...`.

    Raises:
        DataNotFoundError: If nothing for streaming is there.
        StreamError: If it is not whole, or its server can't be asked.
    """
    text = _from_bucket(place) if place.startswith("s3://") else _from_folder(place)
    if text is None:
        raise DataNotFoundError(
            f"{place} holds no images packed for streaming: no {FACTS}\n"
            "What helps:\n"
            "  data.root=FOLDER or data.root=s3://BUCKET/..., the place that they are in\n"
            "  python pack.py data=fashion_mnist out=FOLDER format=stream, which writes them\n"
            "  data=memmap, for those packed without format=stream"
        )
    try:
        values = json.loads(text)
        channels, height, width = values["image_shape"]
        return Facts(
            **values
            | {"image_shape": (channels, height, width), "classes": tuple(values["classes"])}
        )
    except (ValueError, TypeError, LookupError) as error:
        raise StreamError(f"{place}/{FACTS} is not as pack.py writes it: {error!r}") from error


def described(place: str, found: Facts) -> ImageData:
    """The images without their pixels: tensors of torch's device `meta`, which have a shape alone.

    Args:
        place: Where they are.
        found: The facts of them.
    """

    def of(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        shape = (count, *found.image_shape)
        return (
            torch.empty(shape, dtype=torch.uint8, device="meta"),
            torch.empty(count, dtype=torch.int64, device="meta"),
        )

    return ImageData(
        *of(found.train), *of(found.test), found.classes, f"streamed from {place}", found.checksum
    )


def order_of_test(n_images: int, split_seed: int) -> torch.Tensor:
    """The order in which test images lie, of which a cap leaves the first."""
    return torch.randperm(n_images, generator=torch.Generator().manual_seed(split_seed))


def _from_folder(place: str) -> str | None:
    folder = Path(place)
    if (folder / JOURNAL).exists():
        raise StreamError(
            f"{place} is not packed to its end; the same python pack.py ... goes on with it"
        )
    path = folder / FACTS
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _from_bucket(place: str) -> str | None:
    """Asked with boto3, which is litdata's own, so that what is wrong is known before it starts.

    litdata asks a thousand times.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    logging.getLogger("botocore").setLevel(logging.WARNING)  # it says where it has found keys
    bucket, _, folder = place.removeprefix("s3://").partition("/")
    key = f"{folder}/{FACTS}".lstrip("/")
    patience = Config(
        connect_timeout=_PATIENCE, read_timeout=_PATIENCE, retries={"total_max_attempts": _ATTEMPTS}
    )
    try:
        answer = boto3.Session().client("s3", config=patience).get_object(Bucket=bucket, Key=key)
        text: str = answer["Body"].read().decode()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise StreamError(f"{place}: {error}; {_advice(bucket)}") from error
    except (BotoCoreError, ValueError) as error:
        raise StreamError(f"{place}: {error}; {_advice(bucket)}") from error
    return text


def _advice(bucket: str) -> str:
    return (
        f"is there a bucket {bucket!r}, and are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, "
        "elsewhere than at Amazon, AWS_ENDPOINT_URL set?"
    )
