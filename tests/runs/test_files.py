"""Files that are there whole or not at all."""

from pathlib import Path

import pytest

from autoencoder.runs import files
from autoencoder.runs.files import write_text, written_aside


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

    monkeypatch.setattr(files.Path, "write_text", half)
    with pytest.raises(KilledError):
        write_text(path, "another")
    assert path.read_text() == "old"
