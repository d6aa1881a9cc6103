"""A data set packed, and trained with."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from autoencoder.commandline.configs import CONF_DIR
from autoencoder.data import packing
from autoencoder.data.packed import PackedError, read
from autoencoder.experiment import pack as module
from autoencoder.experiment.build import ConfigError, build_data, load_run
from autoencoder.experiment.pack import pack
from autoencoder.experiment.train import train
from tests.conftest import TINY, Compose

DATA = [text for text in TINY if text.startswith("data")]
OF_TIME = ("train_seconds", "images_per_second")


def packed(folder: Path, *overrides: str) -> DictConfig:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose("pack", [*DATA, f"out={folder}", *overrides])


def mapped(folder: Path, run_dir: Path, *overrides: str) -> DictConfig:
    """The config of a tiny run on packed images."""
    GlobalHydra.instance().clear()
    words = [text for text in TINY if text not in DATA]
    words += ["data=memmap", f"data.root={folder}", "data.val_size=32", "data.batch_size=64"]
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose("train", [*words, f"run_dir={run_dir}", "name=tiny", *overrides])


def test_trains_to_the_same_numbers(
    tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(packed(tmp_path / "packed"))
    expected = train(tiny("noise=gaussian", run_dir=tmp_path / "drawn"))
    found = train(mapped(tmp_path / "packed", tmp_path / "run", "noise=gaussian"))
    for name in OF_TIME:
        del expected[name], found[name]
    assert found == expected
    # It is a folder of published data sets, and says nothing of where packed images are.
    monkeypatch.setenv("AUTOENCODER_DATA", str(tmp_path / "elsewhere"))
    data = load_run(tmp_path / "run").data
    assert len(data.train) == 288 - 32
    assert len(load_run(tmp_path / "run", str(tmp_path / "packed")).data.test) == 40


def test_what_is_packed_is_what_the_config_describes(tmp_path: Path) -> None:
    cfg = packed(tmp_path / "new", "licence=CC0")
    pack(cfg)
    source, found = build_data(cfg).source, read(tmp_path / "new")
    assert source.train_images.equal(found.train_images)
    assert source.test_labels.equal(found.test_labels)
    assert source.classes == found.classes
    card = (tmp_path / "new" / "README.md").read_text()
    assert f"source: SyntheticGarments, {source.origin}\n" in card
    assert "licence: CC0\n" in card


def test_interrupted_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(packed(tmp_path / "unbroken"))
    monkeypatch.setattr(module, "_AT_ONCE", 100 * 28 * 28)
    monkeypatch.setattr(packing, "_BETWEEN_ENTRIES", 1)
    entered = packing._Journal.enter

    def killed(journal: packing._Journal, part: str, count: int) -> None:
        entered(journal, part, count)
        if count == 200:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(packing._Journal, "enter", killed)
        with pytest.raises(KeyboardInterrupt):
            pack(packed(tmp_path / "broken"))
    with pytest.raises(PackedError):
        read(tmp_path / "broken")
    pack(packed(tmp_path / "broken"))
    for path in (tmp_path / "unbroken").iterdir():
        assert (tmp_path / "broken" / path.name).read_bytes() == path.read_bytes()


def test_the_folder_must_be_named(tmp_path: Path) -> None:
    cfg = packed(tmp_path)
    cfg.out = None
    with pytest.raises(ConfigError, match="out=FOLDER"):
        pack(cfg)
