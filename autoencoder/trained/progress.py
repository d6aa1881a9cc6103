"""Work on images that may be stopped: blocks that are done are kept until all of it is."""

import hashlib
import json
import logging
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from autoencoder import runs
from autoencoder.runs.files import remove, write_text, written_aside
from autoencoder.trained.images import Block, Images
from autoencoder.trained.run import Run

log = logging.getLogger(__name__)

Made = dict[str, NDArray[Any]]
# Seconds between two lines, where there is no bar.
_PATIENCE = 30


class Parts:
    """What was made of each block, in files of its own, in order.

    Attributes:
        count: Images in all of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.count = 0
        self.n_blocks = 0

    def __iter__(self) -> Iterator[Made]:
        for number in range(self.n_blocks):
            part = _load(self._folder / f"{number:06d}.npz")
            if len(part["names"]):  # else all files of the block were left out
                yield part

    def array(self, name: str) -> NDArray[Any]:
        """One of the arrays, over all blocks."""
        return np.concatenate([part[name] for part in self])


@contextmanager
def worked_through(
    run: Run, images: Images, make: Callable[[Block], Made], folder: Path, options: Any
) -> Iterator[Parts]:
    """What is made of images, block by block, with a bar on standard error.

    What a start that was stopped has made is not made again, if it was of the same weights, images
    and options. When the parts have been used, they are removed; if that fails, they stay.

    Args:
        run: Whose weights it depends on.
        images: What is worked on.
        make: Of a block, arrays of as many rows; `names` and `labels` are added.
        folder: Where the parts are kept meanwhile.
        options: Plain values that it depends on as well.
    """
    checkpoint = hashlib.sha256(runs.checkpoint(run.path).read_bytes()).hexdigest()
    key = json.dumps([checkpoint, images.key, images.size, options])
    told = folder / "key.json"
    if not told.exists() or told.read_text() != key:
        remove(folder)
        write_text(told, key)
    parts = Parts(folder)
    while (part := _kept(folder / f"{parts.n_blocks:06d}.npz")) is not None:
        parts.n_blocks += 1
        parts.count += len(part["names"])
    done = parts.n_blocks * images.size
    if done:
        log.info("%s images were done before", f"{parts.count:,}")
    with _bar(images, done) as advance:
        for block in images.blocks(done):
            made = make(block) if len(block.names) else {}
            arrays = {"names": np.array(block.names, str), "labels": np.array(block.labels, str)}
            with written_aside(folder / f"{parts.n_blocks:06d}.npz") as aside:
                np.savez(aside, allow_pickle=False, **(made | arrays))
            parts.n_blocks += 1
            parts.count += len(block.names)
            advance(images.size)
    yield parts
    remove(folder)


def _load(path: Path) -> Made:
    with np.load(path, allow_pickle=False) as arrays:  # a zip file, whose checksums are looked at
        return {name: arrays[name] for name in arrays.files}


def _kept(path: Path) -> Made | None:
    """A part of a start before; None where it is not there or damaged."""
    try:
        return _load(path)
    except (OSError, ValueError, LookupError, zipfile.BadZipFile):
        return None


@contextmanager
def _bar(images: Images, done: int) -> Iterator[Callable[[int], None]]:
    console = Console(stderr=True)
    if console.is_terminal and not console.is_dumb_terminal:
        columns = (
            TextColumn("{task.description}", markup=False), BarColumn(30), MofNCompleteColumn(),
            TimeElapsedColumn(),
        )  # fmt: skip
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(images.title, total=images.count, completed=done)
            yield lambda count: bar.advance(task, count)
        return
    state = [time.monotonic(), done]

    def say(count: int) -> None:
        state[1] += count
        if time.monotonic() - state[0] > _PATIENCE:
            state[0] = time.monotonic()
            of = "" if images.count is None else f" of {images.count:,}"
            log.info("%s: %s%s", images.title, f"{int(state[1]):,}", of)

    yield say
