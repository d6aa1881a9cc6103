"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to, and renames it when all went well.

    Args:
        path: Where the file is to be; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The same suffix: writers choose their format by it.
    aside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def asides(folder: Path) -> Iterator[Path]:
    """What killed processes have left beside the files that they were writing."""
    return folder.rglob(".[0-9]*.*")


def write_text(path: Path, text: str) -> None:
    """Writes a text file."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")
