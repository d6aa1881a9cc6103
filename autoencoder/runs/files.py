"""Files that are there whole or not at all."""

import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to, and renames it when all went well.

    Args:
        path: Where the file is to be; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The same suffix: writers choose their format by it.
    aside = path.with_name(f".{os.getpid()}.{path.name}")
    aside.unlink(missing_ok=True)  # else a link that lies there would be written through
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def folder_aside(folder: Path) -> Iterator[Path]:
    """Gives an empty folder beside `folder`, which is gone in the end, unless it was moved."""
    aside = folder.with_name(f".{os.getpid()}.{folder.name}")
    remove(aside)
    aside.mkdir(parents=True)
    try:
        yield aside
    finally:
        remove(aside)


@contextmanager
def folder_replaced(folder: Path) -> Iterator[Path]:
    """Gives an empty folder to write to, which takes the place of `folder` when all went well.

    However it ends, what was there is there, or what is new: the old is removed last.
    """
    with folder_aside(folder) as aside:
        yield aside
        old = aside.with_name(f"{aside.name}.old")
        remove(old)
        # A link is replaced, not what is behind it.
        was_there = folder.exists() or folder.is_symlink()
        if was_there:
            folder.rename(old)
        try:
            aside.rename(folder)
        except OSError:
            if was_there:
                old.rename(folder)
            raise
        remove(old)
    # Of processes that were killed; until now it may have been the only report.
    clear_asides(folder.parent, folder.name, f"{folder.name}.old")


def clear_asides(folder: Path, *patterns: str) -> None:
    """Removes what dead processes have left beside the files that they were writing.

    Args:
        folder: Not those below it. A link is not followed.
        patterns: Of the names of those files.
    """
    if folder.is_symlink():
        return
    for path in folder.glob(".[0-9]*.*"):
        named = re.fullmatch(r"\.([0-9]{1,9})\.(.+)", path.name)
        if named and any(map(Path(named[2]).match, patterns)) and not _is_alive(int(named[1])):
            remove(path)


def remove(path: Path) -> None:
    """Removes a file, a folder, or a link and not what is behind it; or nothing."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True


def write_text(path: Path, text: str) -> None:
    """Writes a text file."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_if_possible(folder: Path, write: Callable[[], None]) -> None:
    """Writes what can be done without, or says that a folder can't be written to.

    Args:
        folder: Where `write` writes. A link is not followed: what is behind it is somebody's.
        write: Writes, and removes what has become old.
    """
    reason = "it is a link" if folder.is_symlink() else ""
    try:
        if not reason:
            write()
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        _say_done_without(folder, reason)


@cache
def _say_done_without(folder: Path, reason: str) -> None:
    """Once, however many files it is that can't be written."""
    log.warning("%s is done without: %s", folder, reason)
