"""A data set packed in chunks, and trained with: from a folder, from S3, and resumed."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from autoencoder.commandline.configs import CONF_DIR
from autoencoder.data import Batch
from autoencoder.experiment.build import ConfigError, build_data, load_run
from autoencoder.experiment.pack import pack
from autoencoder.experiment.train import train
from autoencoder.models import Autoencoder
from tests.conftest import TINY
from tests.experiment.test_pack import DATA, OF_TIME, packed

pytest.importorskip("litdata")


@pytest.fixture(scope="module")
def chunks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn garments in chunks of 100."""
    from autoencoder.data import chunking

    folder = tmp_path_factory.mktemp("packed") / "chunks"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunking, "_CHUNK", 100 * (784 + chunking._BESIDE))
        pack(packed(folder, "format=stream"))
    assert len(list(folder.glob("train/*.bin"))) == 3
    return folder


def streamed(root: object, run_dir: Path, *overrides: str) -> DictConfig:
    """The config of a tiny run on images in chunks."""
    GlobalHydra.instance().clear()
    words = [text for text in TINY if text not in DATA]
    words += ["data=stream", f"data.root={root}", "data.val_size=32", "data.batch_size=64"]
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose("train", [*words, f"run_dir={run_dir}", "name=tiny", *overrides])


def in_memory(run_dir: Path, *overrides: str) -> DictConfig:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose("train", [*TINY, f"run_dir={run_dir}", "name=tiny", *overrides])


def test_all_but_the_order_of_training_is_as_in_memory(chunks: Path, tmp_path: Path) -> None:
    more = ("noise=gaussian", "data.max_test=20", "data.max_examined=50")
    found = build_data(streamed(chunks, tmp_path, *more))
    drawn = build_data(
        in_memory(tmp_path, "noise=gaussian", "+data.max_test=20", "+data.max_examined=50")
    )
    for one, other in ((found.val, drawn.val), (found.test, drawn.test)):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.corrupted, other.corrupted)
        assert torch.equal(one.labels, other.labels)
    assert torch.equal(found.examined.images, drawn.examined.images)
    assert torch.equal(found.train.labels, drawn.train.labels)
    assert len(found.train) == len(drawn.train) == 256
    assert found.classes == drawn.classes
    assert found.image_shape == drawn.image_shape


def test_trains_and_is_loaded_again(chunks: Path, tmp_path: Path) -> None:
    found = train(streamed(chunks, tmp_path / "run"))
    assert found["epochs"] == 2
    assert found["test/mse"] < 0.5
    assert len(load_run(tmp_path / "run", str(chunks)).data.test) == 40


def interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a run end in the middle of its second epoch."""
    step = Autoencoder.training_step

    def stopped(model: Autoencoder, batch: Batch, batch_idx: int) -> torch.Tensor:
        if model.trainer.current_epoch == 1 and batch_idx == 2:
            raise RuntimeError("killed")
        return step(model, batch, batch_idx)

    monkeypatch.setattr(Autoencoder, "training_step", stopped)


def weights(run_dir: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(run_dir / "checkpoints/last.ckpt")["state_dict"]
    return found


def test_killed_it_goes_on_to_the_same_numbers(chunks: Path, tmp_path: Path) -> None:
    more = ("trainer.max_epochs=3", "noise=gaussian")
    expected = train(streamed(chunks, tmp_path / "unbroken", *more))
    with pytest.MonkeyPatch.context() as patch:
        interrupt(patch)
        with pytest.raises(RuntimeError, match="killed"):
            train(streamed(chunks, tmp_path / "broken", *more))
    found = train(streamed(chunks, tmp_path / "broken", *more))
    for name in OF_TIME:
        del expected[name], found[name]
    assert found == expected
    for name, value in weights(tmp_path / "unbroken").items():
        assert torch.equal(value, weights(tmp_path / "broken")[name])


def test_it_is_not_packed_again(chunks: Path, tmp_path: Path) -> None:
    cfg = packed(tmp_path, "format=stream")
    cfg.data = streamed(chunks, tmp_path).data
    cfg.data.seed = 0
    with pytest.raises(ConfigError, match="packed already"):
        pack(cfg)
    with pytest.raises(ConfigError, match="format=tar: it is one of memmap, stream"):
        pack(packed(tmp_path, "format=tar"))
