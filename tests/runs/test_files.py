"""Files and folders that are there whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from autoencoder.runs import files
from autoencoder.runs.files import write_text, written_aside


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "report/figures").mkdir(parents=True)
    (tmp_path / "report/report.html").write_text("old")
    return tmp_path / "report"


def pages(folder: Path) -> list[str]:
    return [path.read_text() for path in folder.parent.rglob("report.html")]


def test_the_new_is_there_and_the_old_is_gone(folder: Path) -> None:
    with files.folder_replaced(folder) as aside:
        (aside / "report.html").write_text("new")
    assert pages(folder) == ["new"]
    assert [path.name for path in folder.parent.iterdir()] == ["report"]


def test_the_old_is_there_at_every_moment_until_the_new_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill at any call of the system leaves one of them whole."""
    seen = []

    def spied(name: str) -> None:
        call = getattr(Path, name)

        def called(self: Path, *arguments: object, **named: object) -> object:
            seen.append(sorted(pages(folder)))
            return call(self, *arguments, **named)

        monkeypatch.setattr(Path, name, called)

    for name in ("rename", "unlink", "mkdir"):
        spied(name)
    monkeypatch.setattr(files, "remove", lambda path: seen.append(sorted(pages(folder))))
    with files.folder_replaced(folder) as aside:
        (aside / "report.html").write_text("new")
    assert len(seen) >= 5
    assert all(page in (["old"], ["new"], ["new", "old"]) for page in seen)


def test_the_old_comes_back_where_the_new_cannot_be_put(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail(self: Path, target: Path) -> None:
        if self.name.endswith(".report"):
            raise OSError(28, "No space left on device")
        rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="No space"), files.folder_replaced(folder):
        pass
    assert pages(folder) == ["old"]
    assert [path.name for path in folder.parent.iterdir()] == ["report"]


def test_what_killed_processes_left_is_cleared_once_there_is_a_new_one(folder: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    for name in (f".{process.pid}.report", f".{process.pid}.report.old"):
        (folder.parent / name / "figures").mkdir(parents=True)
    with pytest.raises(KeyError), files.folder_replaced(folder):
        raise KeyError
    assert len(list(folder.parent.iterdir())) == 3
    with files.folder_replaced(folder):
        pass
    assert [path.name for path in folder.parent.iterdir()] == ["report"]


def test_what_is_behind_a_link_stays(folder: Path) -> None:
    folder.rename(folder.parent / "behind")
    folder.symlink_to(folder.parent / "behind")
    with files.folder_replaced(folder) as aside:
        (aside / "report.html").write_text("new")
    assert not folder.is_symlink()
    assert (folder.parent / "behind/report.html").read_text() == "old"


class KilledError(Exception):
    pass


def test_what_is_written_is_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new/metrics.json"
    for text in ("é", "later"):
        write_text(path, text)
        assert path.read_bytes().decode("utf-8") == text
        assert list(path.parent.iterdir()) == [path]


def test_a_writer_that_dies_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_text(path, "old")

    def die_half_way() -> None:
        with written_aside(path) as aside:
            assert aside.suffix == path.suffix
            aside.write_text("half")
            assert path.read_text() == "old"
            raise KilledError

    with pytest.raises(KilledError):
        die_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_text_is_written_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.json"
    write_text(path, "old")

    def half(self: Path, text: str, **_: object) -> None:
        with self.open("w") as file:
            file.write(text[:2])
        raise KilledError

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(KilledError):
        write_text(path, "another")
    assert path.read_text() == "old"
