"""What is left of a run that fails, and what is said where nothing can be written."""

import errno
import os
from pathlib import Path

import pytest

from autoencoder.commandline import explain
from autoencoder.experiment import failures
from autoencoder.experiment.failures import failures_recorded


def test_a_failure_is_left_with_its_reason_and_goes_with_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").touch()
    with pytest.raises(KeyError), failures_recorded(tmp_path):
        raise KeyError("no such thing")
    assert (tmp_path / "error.txt").read_text().startswith("KeyError: 'no such thing'")
    with failures_recorded(tmp_path):
        assert not (tmp_path / "error.txt").exists()


def test_a_full_disk_does_not_hide_what_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(failures, "write_text", full)
    with pytest.raises(KeyError, match="the reason"), failures_recorded(tmp_path):
        raise KeyError("the reason")


@pytest.mark.parametrize(
    ("code", "file", "said"),
    [
        (errno.ENOSPC, None, "No space left on device"),
        (errno.EROFS, "out/x", "out/x: Read-only file system"),
        (errno.EACCES, "out/x", "out/x: Permission denied"),
        (errno.ENOTDIR, "file/x", "file/x: Not a directory"),
        (errno.EEXIST, "file", "file: File exists"),
        (errno.ENOENT, "/proc/x", "/proc/x: No such file or directory"),
        (errno.EIO, "out/x", None),
    ],
)
def test_what_cannot_be_written_is_said_in_one_line(
    code: int, file: str | None, said: str | None
) -> None:
    assert explain(OSError(code, os.strerror(code), file)) == said
