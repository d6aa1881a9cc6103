"""Images that stay on the device, where that has room for them: no batch is copied to it."""

from typing import Literal

import torch

from autoencoder.data.split import Split

Residence = bool | Literal["auto"]

# Of a device's free memory, what images may take; the rest is for the training.
_SHARE = 1 / 4


def placed(split: Split, device: torch.device, residence: Residence, num_workers: int) -> Split:
    """The split on the device, or as it is.

    Args:
        split: In main memory, or mapped.
        device: What the model is trained on.
        residence: Whether it is copied to the device; `auto`: to a CUDA device on which it takes
            a quarter of the free memory at most, and if no other processes index the batches.
        num_workers: Of those processes.
    """
    if residence == "auto":
        residence = device.type == "cuda" and num_workers == 0 and _has_room(split, device)
    return split.to(device) if residence else split


def _has_room(split: Split, device: torch.device) -> bool:
    free, _ = torch.cuda.mem_get_info(device)
    return split.stored_bytes <= _SHARE * free
