from pathlib import Path

import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from autoencoder.callbacks.epoch_seed import EpochSeed
from autoencoder.experiment.train import train
from tests.conftest import Compose

# As small as it goes: what is tested is around the network.
SMALL = ("model.channels=[4,8]", "model.importance_samples=1")
PRIOR = {"samples", "traversal", "neighbours", "interpolation"}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["model=baseline"], {"interpolation"}),
        (["model=conditional_vae", "data.channels=3", *SMALL], PRIOR | {"class_grid"}),
        (["model=vae", "model.latent_dim=2", "data.image_size=20", *SMALL], PRIOR | {"manifold"}),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, list) else "",
)
def test_figures_and_grids_of_a_run(
    tiny: Compose, overrides: list[str], expected: set[str]
) -> None:
    cfg = tiny(*overrides, "callbacks.latent_maps=null", "callbacks.reconstructions=null")
    train(cfg)
    run = Path(cfg.run_dir)
    written = {path.stem for path in (run / "figures").iterdir()} - {"loss_curve"}
    assert written == expected
    for name in written:
        width, height = Image.open(run / f"figures/{name}.png").size
        assert 300 < width < 1300
        assert height > 150
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"images": 0}).Reload()
    shown = {tag: len(events.Images(tag)) for tag in events.Tags()["images"]}
    of_epochs = {} if expected == {"interpolation"} else {"samples from the prior": 2}
    assert shown == {f"test/{name}": 1 for name in expected} | of_epochs


def test_training_is_the_same_without_it(
    tiny: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A callback that drew from the global generator would be hidden by the seed of each epoch.
    monkeypatch.setattr(EpochSeed, "on_train_epoch_start", lambda *_: None)
    weights = []
    for name in ("samples", "none"):
        without = ["callbacks.samples=null"] if name == "none" else []
        cfg = tiny("model=conditional_vae", *SMALL, *without, run_dir=tmp_path / name)
        train(cfg)
        weights.append(torch.load(tmp_path / name / "checkpoints/last.ckpt")["state_dict"])
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key]), key
