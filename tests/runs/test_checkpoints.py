"""Checkpoints that are whole, damaged, or can't be written."""

import random
import tempfile
from pathlib import Path

import pytest
import torch
from torch import nn

from autoencoder.runs import RunError
from autoencoder.runs.checkpoints import AtomicCheckpointIO, load_weights, read, save


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(40, 10)


@pytest.fixture
def path(tmp_path: Path, model: nn.Module) -> Path:
    save({"state_dict": model.state_dict(), "epoch": 3}, tmp_path / "checkpoints/best.ckpt")
    return tmp_path / "checkpoints/best.ckpt"


def test_it_is_read_as_it_was_saved(path: Path, model: nn.Module) -> None:
    other = nn.Linear(40, 10)
    load_weights(other, path)
    assert torch.equal(other.weight, model.weight)
    assert read(path)["epoch"] == 3
    assert [file.name for file in path.parent.iterdir()] == ["best.ckpt"]


def test_no_bit_is_turned_without_a_word(path: Path, model: nn.Module) -> None:
    whole, said = path.read_bytes(), []
    generator = random.Random(0)
    for _ in range(300):
        turned = bytearray(whole)
        turned[generator.randrange(len(whole))] ^= 1 << generator.randrange(8)
        path.write_bytes(turned)
        other = nn.Linear(40, 10)
        try:
            load_weights(other, path)
        except RunError as error:
            said.append(str(error))
        else:  # of what lies between the records, nothing is read
            assert torch.equal(other.weight, model.weight)
            assert torch.equal(other.bias, model.bias)
    assert len(said) > 50
    assert all("best.ckpt does not fit" in text and "\n" not in text for text in said)


@pytest.mark.parametrize("values", [[], {}, {"state_dict": 3}, {"state_dict": {"weight": 3}}])
def test_what_is_no_checkpoint_is_refused(path: Path, model: nn.Module, values: object) -> None:
    save(values, path)
    with pytest.raises(RunError, match="does not fit the model"):
        load_weights(model, path)


def test_the_temporary_folder_is_not_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/full")
    AtomicCheckpointIO().save_checkpoint({"epoch": 1}, tmp_path / "last.ckpt")
    assert read(tmp_path / "last.ckpt") == {"epoch": 1}


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "last.ckpt").write_text("old")
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda self, mode, **_: opened(Path("/dev/full"), mode))
    with pytest.raises(OSError, match="No space left"):
        save({"x": torch.zeros(99_999)}, tmp_path / "last.ckpt")
    monkeypatch.undo()
    assert (tmp_path / "last.ckpt").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]
