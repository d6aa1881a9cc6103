"""GPUs, shared out among the runs of a machine."""

import itertools
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from autoencoder import AutoencoderError
from autoencoder.runs import lock


class GpuLockError(AutoencoderError):
    """A folder of locks that somebody else has made."""


@contextmanager
def own_gpu() -> Iterator[int]:
    """The index of a GPU that fewer runs of this user are on than on any other, or as few.

    The runs need not know of each other: they may be those of a parallel sweep, or of several
    terminals. There is a lock for each GPU, then a second for each, and so on; a run takes the
    first that is free, and the system frees it however the run ends.

    Raises:
        GpuLockError: If the folder of the locks is a link, or another user's.
    """
    folder = Path(tempfile.gettempdir()) / f"autoencoder-gpus-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        # All users may write in the temporary folder, so it may be laid there by another.
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            text = f"{folder} is a link or not yours; remove it, or set TMPDIR"
            raise GpuLockError(text) from None
    for place in itertools.count():
        with lock.held(folder / f"{place}.lock") as free:
            if free:
                yield place % torch.cuda.device_count()
                return
