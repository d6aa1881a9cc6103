"""Every choice in conf/ composes and builds what it describes."""

import os
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.utils import instantiate
from omegaconf import DictConfig

from autoencoder.commandline.configs import CONF_DIR
from autoencoder.data import ArrayImages, ImageFolder, packed, published
from autoencoder.data.synthetic import load_synthetic
from autoencoder.experiment.build import build
from autoencoder.sweeps import plugins

CHOICES = sorted(
    (path.parent.relative_to(CONF_DIR).as_posix(), path.stem)
    for path in CONF_DIR.glob("*/**/*.yaml")
)
# Those of the report are built in tests/analysis/test_priors.py.
OF_TRAINING = [c for c in CHOICES if not c[0].startswith(("hydra", "prior"))]


def test_every_choice_is_found() -> None:
    # Counted in another way: a group that stops being found fails here.
    files = [name for _, _, names in os.walk(CONF_DIR) for name in names]
    of_programs = {path.name for path in CONF_DIR.glob("*.yaml")}
    of_groups = {name for name in files if name.endswith(".yaml")} - of_programs
    assert {f"{choice}.yaml" for _, choice in CHOICES} == of_groups
    assert len(CHOICES) == len(files) - len(of_programs) >= 60


@pytest.fixture
def files_nowhere_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "load_idx", lambda *_: load_synthetic(100, 20, 28, 1, seed=0))
    monkeypatch.setattr(packed, "read", lambda _: load_synthetic(100, 20, 28, 1, seed=0))
    for source in (ArrayImages, ImageFolder):
        monkeypatch.setattr(source, "load", lambda _: load_synthetic(100, 20, 28, 1, seed=0))


def composed(tmp_path: Path, *overrides: str, hydra: bool = False) -> DictConfig:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        overrides = (f"run_dir={tmp_path}", "name=x", *overrides, "data.val_size=10")
        return compose("train", list(overrides), return_hydra_config=hydra)


@pytest.mark.usefixtures("files_nowhere_needed")
@pytest.mark.parametrize(("group", "choice"), OF_TRAINING)
def test_choice_composes_and_builds(
    group: str, choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if choice in ("mlflow", "wandb"):
        pytest.importorskip(choice)
    if choice == "stream":
        pytest.skip("has its files to be packed first; tests/experiment/test_stream.py builds it")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    model = ["model=vae"] if group == "model/likelihood" else []
    cfg = composed(tmp_path, *model, f"{group}={choice}")
    if cfg.trainer.accelerator == "gpu":
        # Built without a GPU as far as it goes: the flags are those of a Trainer.
        cfg.trainer.accelerator, cfg.trainer.devices = "cpu", 1
    built, network, trainer = build(cfg)
    network.eval()
    images, labels = built.train.images[:1] / 255, built.train.labels[:1]
    assert network(images, labels).shape == (1, *built.image_shape)
    assert trainer.max_epochs == cfg.trainer.max_epochs


@pytest.mark.parametrize(("group", "choice"), [c for c in CHOICES if c[0].startswith("hydra/")])
def test_plugin_of_hydra_composes_and_is_there(group: str, choice: str, tmp_path: Path) -> None:
    plugins.register()
    node = composed(tmp_path, f"{group}={choice}", hydra=True).hydra[group.removeprefix("hydra/")]
    assert node._target_ in Plugins.instance().class_name_to_class


def test_instantiate_refuses_keys_that_nothing_reads(tmp_path: Path) -> None:
    cfg = composed(tmp_path, "+noise.loudness=3", "noise=gaussian")
    with pytest.raises(Exception, match="loudness"):
        instantiate(cfg.noise)
