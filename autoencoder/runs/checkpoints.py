"""Checkpoints: written whole or not at all, and read as plain tensors."""

import pickle
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
    system, a kill during the move leaves half a checkpoint.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None
    ) -> None:
        """Saves a checkpoint of plain values and tensors."""
        with written_aside(Path(path)) as aside:
            super().save_checkpoint(checkpoint, aside, storage_options)


def load_weights(model: nn.Module, path: Path) -> None:
    """Gives a model the weights of a checkpoint.

    Raises:
        RunError: If the checkpoint can't be read or belongs to another model.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        model.load_state_dict(state)
    # A damaged file fails in ways of its own, depending on the byte.
    except (RuntimeError, LookupError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise RunError(f"{path} does not fit the model: {first_lines(error)}") from error
