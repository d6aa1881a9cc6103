"""Checkpoints that are there whole or not at all."""

from pathlib import Path
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH

from autoencoder.files import written_aside


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
