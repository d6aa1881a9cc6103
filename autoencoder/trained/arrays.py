"""What people hand over: images, latents and labels as arrays or tensors, checked and converted."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autoencoder import AutoencoderError
from autoencoder.data import to_float

# What comes in is what goes out.
Array = TypeVar("Array", NDArray[Any], Tensor)
# Of one image, or of each.
Labels = str | int | Sequence[str] | Sequence[int] | NDArray[Any] | Tensor

# Noise that is not clipped leaves [0, 1]; pixels of 0 to 255 go further.
_LARGEST_PIXEL = 16


class InputError(AutoencoderError, ValueError):
    """Images, latents or labels that a model can't take; the text says what it takes."""


def as_batch(batch: NDArray[Any] | Tensor, shape: tuple[int, ...], what: str) -> Tensor:
    """Rows as float32 `(B, *shape)`; uint8 pixels in [0, 1].

    Raises:
        InputError: If they are of another type, or hold NaN, infinity or pixels of 0 to 255.
    """
    rows = torch.tensor(batch) if isinstance(batch, np.ndarray) else batch.detach()
    if rows.dtype == torch.uint8:
        return to_float(rows).view(-1, *shape)
    floats = rows.to(torch.float32).reshape(-1, *shape)
    if not floats.isfinite().all():
        raise InputError(f"{what} hold NaN or infinity")
    if what == "images" and floats.numel() and floats.abs().max() > _LARGEST_PIXEL:
        raise InputError(
            f"images of {rows.dtype} are in [0, 1], and these go up to {floats.max():g}: "
            "divide them by 255, or make them uint8"
        )
    return floats


def check_images(images: object, shape: tuple[int, int, int]) -> None:
    """Refuses what is no `(N, C, H, W)`, nor `(N, H, W)` of one channel, of uint8 or floats.

    Raises:
        InputError: Which says what is wanted.
    """
    channels, height, width = shape
    wanted: list[tuple[int, ...]] = [shape]
    if channels == 1:
        wanted.append((height, width))
    form = " or ".join(f"(N, {', '.join(map(str, one))})" for one in wanted)
    _check(images, wanted, f"images are {form}", pixels=True)


def check_latents(latents: object, shape: tuple[int, ...]) -> None:
    """Refuses what is no `(N, *shape)` of floats, nor `(N, D)` with as many numbers.

    Raises:
        InputError: Which says what is wanted.
    """
    wanted = [shape, (int(np.prod(shape)),)]
    form = " or ".join(dict.fromkeys(f"(N, {', '.join(map(str, one))})" for one in wanted))
    _check(latents, wanted, f"latents are {form}", pixels=False)


def _check(rows: object, wanted: list[tuple[int, ...]], form: str, *, pixels: bool) -> None:
    if not isinstance(rows, np.ndarray | Tensor):
        raise InputError(f"{form}: a NumPy array or a tensor, not {type(rows).__name__}")
    if tuple(rows.shape[1:]) not in wanted or rows.ndim < 2:
        raise InputError(f"{form}, got {tuple(rows.shape)}; a single one is given as x[None]")
    kind = str(rows.dtype).removeprefix("torch.")
    if not (kind.startswith(("float", "bfloat")) or (pixels and kind == "uint8")):
        types = "uint8 of 0 to 255 or floats in [0, 1]" if pixels else "floats"
        raise InputError(f"{form} of {types}, got {kind}")


def as_labels(labels: Labels | None, count: int, classes: Sequence[str]) -> Tensor:
    """Indices `(N,)`, int64, of labels that are names or indices; one stands for all.

    Raises:
        InputError: If there are others than `count`, or they are no classes of the data.
    """
    known = f"one of {', '.join(classes)}, or its number from 0"
    if labels is None:
        raise InputError(f"this model sees the label of each image: label= or labels=, {known}")
    given: list[Any]
    if isinstance(labels, str | int):
        given = [labels] * count
    else:
        given = labels.tolist() if isinstance(labels, np.ndarray | Tensor) else list(labels)
    if len(given) != count:
        raise InputError(f"{len(given)} labels for {count}")
    numbers = [classes.index(one) if one in classes else one for one in given]
    for one in numbers:
        if not isinstance(one, int) or not 0 <= one < len(classes):
            raise InputError(f"{one!r} is no class of this model's data; a label is {known}")
    return torch.tensor(numbers, dtype=torch.int64)
