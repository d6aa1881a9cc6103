"""Checkpoints: written whole or not at all, and read as plain tensors whose checksums fit.

A checkpoint holds what a training goes on from, optimiser included. A file of weights, in the
format safetensors, holds the network alone, and what its images are.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from autoencoder.runs.directory import RunError, first_lines
from autoencoder.runs.files import written_aside


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place, then renames it.

    Lightning writes to the system's temporary folder and moves: where that is another file
    system, a kill during the move leaves half a checkpoint, and a full one stops the training.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None
    ) -> None:
        """Saves a checkpoint of plain values and tensors."""
        save(checkpoint, Path(path))


def save(values: Any, path: Path) -> None:
    """Saves plain values and tensors.

    Raises:
        OSError: If they can't be written.
    """
    # Not to the file itself: of a full disk, torch says something else.
    buffer = io.BytesIO()
    torch.save(values, buffer)
    with written_aside(path) as aside:
        aside.write_bytes(buffer.getbuffer())


def read(path: Path, device: str = "cpu") -> Any:
    """Plain values and tensors, as they were saved.

    Raises:
        RunError: If the file is missing or damaged.
    """
    try:
        # torch doesn't look at the checksums: with a bit turned, it may load other weights.
        with zipfile.ZipFile(path) as file:
            damaged = file.testzip()
        values = None if damaged else torch.load(path, map_location=device, weights_only=True)
    # A damaged file fails in ways of its own, depending on the byte.
    except Exception as error:
        raise RunError(f"{path} does not fit what was saved: {first_lines(error)}") from error
    if damaged:
        raise RunError(f"{path} does not fit its checksum: it is damaged")
    return values


class ImageFacts(NamedTuple):
    """What a network knows of its images, without which it can't be built.

    Attributes:
        image_shape: `(C, H, W)`.
        classes: The name of each label.
    """

    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]


def load_weights(model: nn.Module, path: Path) -> None:
    """Gives a model the weights of a checkpoint, or of a file of weights.

    Raises:
        RunError: If the file can't be read, is damaged, or belongs to another model.
    """
    try:
        weights = _read_weights(path) if _is_weights(path) else read(path)["state_dict"]
        model.load_state_dict(weights)
    except (RuntimeError, LookupError, TypeError, AttributeError) as error:
        raise RunError(f"{path} does not fit the model: {first_lines(error)}") from error


def save_weights(model: nn.Module, path: Path, facts: ImageFacts) -> None:
    """Saves the weights of a model in the format safetensors, which any language can read.

    The header holds the facts and the SHA-256 of the weights.

    Raises:
        OSError: If they can't be written.
    """
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    described = {"facts": json.dumps(facts._asdict()), "sha256": _sha256(weights)}
    with written_aside(path) as aside:
        aside.write_bytes(safetensors.torch.save(weights, described))


def image_facts(path: Path) -> ImageFacts | None:
    """What a file of weights says of the images; None for a checkpoint, which says nothing.

    Raises:
        RunError: If it can't be read.
    """
    if not _is_weights(path):
        return None
    try:
        with safe_open(path, framework="pt") as file:
            values = json.loads(file.metadata()["facts"])
        channels, height, width = map(int, values["image_shape"])
        return ImageFacts((channels, height, width), tuple(map(str, values["classes"])))
    except (OSError, SafetensorError, LookupError, TypeError, ValueError) as error:
        raise RunError(f"{path} can't be read: {first_lines(error)}") from error


def _is_weights(path: Path) -> bool:
    return path.suffix == ".safetensors"


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            said = (file.metadata() or {}).get("sha256")
        weights = safetensors.torch.load_file(path)
    except (OSError, SafetensorError) as error:
        raise RunError(f"{path} can't be read: {first_lines(error)}") from error
    # The format has no checksum: with a bit turned, other weights would be loaded.
    if _sha256(weights) != said:
        raise RunError(f"{path} does not fit its checksum: it is damaged")
    return weights


def _sha256(weights: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()
