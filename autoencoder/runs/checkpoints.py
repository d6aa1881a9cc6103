"""Checkpoints: written whole or not at all, and read as plain tensors whose checksums fit."""

import io
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH
from torch import nn

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


def load_weights(model: nn.Module, path: Path) -> None:
    """Gives a model the weights of a checkpoint.

    Raises:
        RunError: If the checkpoint can't be read, is damaged, or belongs to another model.
    """
    checkpoint = read(path)
    try:
        model.load_state_dict(checkpoint["state_dict"])
    except (RuntimeError, LookupError, TypeError, AttributeError) as error:
        raise RunError(f"{path} does not fit the model: {first_lines(error)}") from error
