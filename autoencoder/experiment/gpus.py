"""GPUs, shared out among the runs of a machine."""

import fcntl
import getpass
import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch


@contextmanager
def own_gpu() -> Iterator[int]:
    """The index of a GPU that fewer runs of this user are on than on any other, or as few.

    The runs need not know of each other: they may be those of a parallel sweep, or of several
    terminals. There is a lock for each GPU, then a second for each, and so on; a run takes the
    first that is free, and the system frees it however the run ends.
    """
    folder = Path(tempfile.gettempdir()) / f"autoencoder-gpus-{getpass.getuser()}"
    folder.mkdir(exist_ok=True)
    for place in itertools.count():
        with (folder / f"{place}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield place % torch.cuda.device_count()
            return
