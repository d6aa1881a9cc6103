"""Locks."""

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest

from autoencoder.runs.lock import held


def test_one_holds_it_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with held(path) as first, held(path) as second:
        assert (first, second) == (True, False)
    with held(path) as third:
        assert third
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("something")
    with held(tmp_path / ".lock"):
        pass
    assert (tmp_path / ".lock").read_text() == "something"


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_not_followed(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "letter").write_text("dear")
    (tmp_path / ".lock").symlink_to(tmp_path / "letter")
    with pytest.raises(OSError, match="is a link"), held(tmp_path / ".lock"):
        pass
    assert (tmp_path / "letter").exists() == there
    assert not there or (tmp_path / "letter").read_text() == "dear"


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_used_with_a_warning(
    tmp_path: Path,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*args: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with held(tmp_path / ".lock") as free:
        assert free
    assert "no locks on this file system" in caplog.text


def test_another_error_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise OSError(errno.EIO, "broken disk")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="broken disk"), held(tmp_path / ".lock"):
        pass
