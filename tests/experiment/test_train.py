"""Runs from config to metrics.json."""

import csv
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout

from autoencoder.callbacks import EpochSeed, FiniteLoss, NonFiniteLossError
from autoencoder.commandline.configs import choices
from autoencoder.experiment.build import ConfigError, build
from autoencoder.experiment.train import _table, train
from autoencoder.runs import RunConflictError, RunError
from tests.conftest import Compose

CLOCKS = ("train_seconds", "images_per_second")


def numbers(metrics: dict[str, float]) -> dict[str, float]:
    """What a run of the same seed must repeat."""
    return {name: value for name, value in metrics.items() if name not in CLOCKS}


class KilledError(Exception):
    pass


@pytest.fixture
def killed_in_epoch_3(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    seed_epoch = EpochSeed.on_train_epoch_start

    def kill(self: EpochSeed, trainer: L.Trainer, model: L.LightningModule) -> None:
        if trainer.current_epoch == 3:
            raise KilledError
        seed_epoch(self, trainer, model)

    monkeypatch.setattr(EpochSeed, "on_train_epoch_start", kill)
    return monkeypatch


def test_the_table_of_a_run_has_a_number_of_its_models_own() -> None:
    text = _table({"test/mse": 0.0123456, "test/of_its_own": 3.14159, "epochs": 3})
    assert re.search(r"test/mse\W+0\.0123\W+mean squared error", text)
    assert re.search(r"test/of_its_own\W+3\.142", text)
    assert "epochs" not in text


def test_a_run_leaves_what_the_contract_says(tiny: Compose) -> None:
    cfg = tiny("noise=gaussian")
    metrics = train(cfg)
    run = Path(cfg.run_dir)
    assert json.loads((run / "metrics.json").read_text()) == metrics
    assert {
        "train/loss", "val/mse", "test/mse", "test/psnr", "test/ssim", "test/clean_mse",
        "test/input_mse", "parameters", "latent_size", "epochs", "seed", "train_seconds",
        "images_per_second",
    } <= set(metrics)  # fmt: skip
    assert all(math.isfinite(value) for value in metrics.values())
    assert metrics["epochs"] == 2
    assert metrics["test/psnr"] == pytest.approx(10 * math.log10(1 / metrics["test/mse"]))
    for name in ("loss_curve", "reconstructions", "latent_pca", "latent_tsne"):
        assert np.asarray(Image.open(run / f"figures/{name}.png").convert("L")).std() > 10
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"train/loss", "val/loss", "val/mse", "lr", "seconds"} <= set(rows[0])
    for name in ("best", "last"):
        checkpoint = torch.load(run / f"checkpoints/{name}.ckpt", weights_only=True)
        assert checkpoint["state_dict"]
    assert "${" not in (run / ".hydra/config.yaml").read_text()
    assert not list(run.rglob(".*.ckpt*"))


def test_a_kill_before_the_loss_curve_is_drawn_costs_no_curve(
    tiny: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = tiny("callbacks.latent_maps=null", "trainer.max_epochs=1")

    def kill(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as killed:
        killed.setattr("autoencoder.callbacks.history.save_figure", kill)
        with pytest.raises(KilledError):
            train(cfg)
    assert (Path(cfg.run_dir) / "checkpoints/last.ckpt").exists()
    train(cfg)
    assert (Path(cfg.run_dir) / "figures/loss_curve.png").exists()


def test_tensorboard_has_curves_grids_metrics_and_embedding(tiny: Compose) -> None:
    cfg = tiny()
    train(cfg)
    folder = Path(cfg.run_dir) / "tensorboard"
    events = EventAccumulator(str(folder)).Reload()
    tags = events.Tags()
    assert {"train/loss", "val/loss", "val/mse", "test/mse", "test/psnr"} <= set(tags["scalars"])
    assert "epoch" not in tags["scalars"]
    assert tags["images"]
    (layout,) = events.Tensors("custom_scalars__config__")
    (group,) = Layout.FromString(layout.tensor_proto.string_val[0]).category
    assert list(group.chart[0].multiline.tag) == ["train/loss", "val/loss"]
    session = b"".join(path.read_bytes() for path in folder.glob("events*"))
    assert b"_hparams_/session_start_info" in session
    assert b"_hparams_/session_end_info" in session
    assert "sprite" in (folder / "projector_config.pbtxt").read_text()
    assert len(next(folder.rglob("tensors.tsv")).read_text().splitlines()) == 40


def test_the_same_seed_gives_the_same_numbers(tiny: Compose, tmp_path: Path) -> None:
    overrides = "noise=gaussian", "callbacks.latent_maps=null"
    first = train(tiny(*overrides, run_dir=tmp_path / "a"))
    second = train(tiny(*overrides, run_dir=tmp_path / "b"))
    other = train(tiny(*overrides, "seed=1", run_dir=tmp_path / "c"))
    assert numbers(first) == numbers(second)
    assert first["test/mse"] != other["test/mse"]
    assert first["test/input_mse"] == other["test/input_mse"]


@pytest.mark.parametrize(
    "chosen",
    # The second one draws latents in training, validation and test, and has a schedule.
    # The third one has a state that follows its batches, and draws what it begins anew with.
    [
        ["noise=gaussian"],
        ["model=conditional_vae", "model.channels=[4,8]", "model.latent_dim=3"],
        ["model=vq_vae", "model.channels=[4,8]", "model.codes=16", "model.code_dim=3"],
    ],
)
def test_resumed_equals_never_stopped(
    chosen: list[str], tiny: Compose, tmp_path: Path, killed_in_epoch_3: pytest.MonkeyPatch
) -> None:
    overrides = *chosen, "trainer.max_epochs=5", "callbacks.latent_maps=null"
    cfg = tiny(*overrides, run_dir=tmp_path / "stopped")
    with pytest.raises(KilledError):
        train(cfg)
    assert not (tmp_path / "stopped/metrics.json").exists()
    assert (tmp_path / "stopped/checkpoints/last.ckpt").exists()
    killed_in_epoch_3.undo()
    resumed = train(cfg)
    unbroken = train(tiny(*overrides, run_dir=tmp_path / "unbroken"))
    assert numbers(resumed) == numbers(unbroken)
    rows = [
        [
            {name: value for name, value in row.items() if name not in (*CLOCKS, "seconds")}
            for row in csv.DictReader((tmp_path / name / "metrics.csv").open())
        ]
        for name in ("stopped", "unbroken")
    ]
    assert rows[0] == rows[1]
    best = [
        torch.load(tmp_path / name / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
        for name in ("stopped", "unbroken")
    ]
    assert all(torch.equal(best[0][name], best[1][name]) for name in best[0])


def test_a_model_brings_its_training_along_and_the_command_line_wins(tiny: Compose) -> None:
    brought = tiny("model=residual")
    assert brought.optimizer._target_ == "torch.optim.AdamW"
    assert brought.scheduler.max_lr == brought.optimizer.lr
    chosen = tiny("model=residual", "optimizer=adam", "scheduler=none", "optimizer.lr=0.5")
    assert chosen.optimizer._target_ == "torch.optim.Adam"
    assert chosen.optimizer.lr == 0.5
    assert not chosen.scheduler
    assert not tiny("model=baseline").scheduler


def test_the_schedule_goes_up_and_down_to_its_end(tiny: Compose) -> None:
    cfg = tiny(
        "scheduler=one_cycle", "optimizer.lr=0.002", "trainer.max_epochs=5",
        "callbacks.latent_maps=null",
    )  # fmt: skip
    train(cfg)
    rows = csv.DictReader((Path(cfg.run_dir) / "metrics.csv").open())
    rates = [float(row["lr"]) for row in rows]
    assert max(rates) > 0.0015
    assert rates.index(max(rates)) in (0, 1)
    assert rates[-1] < 1e-4


def test_a_schedule_needs_an_end(tiny: Compose) -> None:
    with pytest.raises(ConfigError, match=r"set trainer\.max_epochs, or scheduler=none"):
        train(tiny("scheduler=one_cycle", "trainer.max_epochs=-1"))


def test_a_variational_run_says_what_its_bound_is(tiny: Compose) -> None:
    cfg = tiny("model=vae", "model.channels=[4,8]", "callbacks.latent_maps=null")
    metrics = train(cfg)
    elbo = -metrics["test/reconstruction"] - metrics["test/kl"]
    assert metrics["test/elbo"] == pytest.approx(elbo, rel=1e-5)
    assert metrics["test/iwae"] > metrics["test/elbo"]
    assert 0 <= metrics["test/active_units"] <= metrics["latent_size"]
    row = next(csv.DictReader((Path(cfg.run_dir) / "metrics.csv").open()))
    for stage in ("train", "val"):
        assert {f"{stage}/{name}" for name in ("loss", "reconstruction", "kl")} <= set(row)


def test_a_finished_run_is_kept(tiny: Compose) -> None:
    cfg = tiny("callbacks.latent_maps=null", "trainer.max_epochs=1")
    metrics = train(cfg)
    written = (Path(cfg.run_dir) / "metrics.json").stat().st_mtime_ns
    assert train(cfg) == metrics
    assert (Path(cfg.run_dir) / "metrics.json").stat().st_mtime_ns == written
    with pytest.raises(RunConflictError, match=r"model\.channels: \[16, 32, 64\] there, \[4, 8\]"):
        train(tiny("callbacks.latent_maps=null", "trainer.max_epochs=1", "model.channels=[4,8]"))
    other = tiny(
        "callbacks.latent_maps=null",
        "trainer.max_epochs=1",
        "model.channels=[4,8]",
        "overwrite=true",
    )
    assert train(other)["parameters"] < metrics["parameters"]


def test_processes_leave_one_run_with_the_numbers_of_one_process(
    tiny: Compose, tmp_path: Path
) -> None:
    overrides = "callbacks.latent_maps=null", "data.test_size=41"
    alone = train(tiny(*overrides, run_dir=tmp_path / "alone"))
    both = train(tiny(*overrides, "trainer=ddp_cpu", run_dir=tmp_path / "both"))
    assert {path.name for path in tmp_path.iterdir()} == {"alone", "both"}
    # The same 64 images in each step, and each test image counted once: only rounding differs.
    for name in ("test/mse", "test/psnr", "val/mse", "train/loss"):
        assert both[name] == pytest.approx(alone[name], rel=1e-3)


def test_a_variational_run_in_two_processes_counts_all_images(tiny: Compose) -> None:
    small = "model.channels=[4,8]", "model.latent_dim=3", "model.importance_samples=3"
    metrics = train(tiny("model=vae", *small, "trainer=ddp_cpu", "callbacks.latent_maps=null"))
    assert metrics["test/iwae"] > metrics["test/elbo"]
    assert metrics["test/active_units"] in (0, 1, 2, 3)  # of all processes, not their mean


@pytest.mark.slow
def test_processes_share_one_codebook(tiny: Compose, tmp_path: Path) -> None:
    small = "model.channels=[4,8]", "model.codes=8", "model.code_dim=2", "trainer.max_epochs=1"
    overrides = "model=vq_vae", *small, "callbacks.latent_maps=null", "data.test_size=41"
    metrics = train(tiny(*overrides, "trainer=ddp_cpu", run_dir=tmp_path / "both"))
    assert 1 <= metrics["test/perplexity"] <= 8  # of the counts of all, not a sum of perplexities
    found = torch.load(tmp_path / "both/checkpoints/best.ckpt", weights_only=True)["state_dict"]
    # The counts follow the vectors of a step, those of both processes together.
    assert found["quantizer.uses"].sum() == pytest.approx(64 * 49, rel=0.3)


def test_a_loss_that_is_no_number_ends_the_run(tiny: Compose) -> None:
    cfg = tiny("optimizer.lr=1e30")
    with pytest.raises(NonFiniteLossError, match="nan in epoch 1"):
        train(cfg)
    assert not (Path(cfg.run_dir) / "metrics.json").exists()
    assert not (Path(cfg.run_dir) / "checkpoints/last.ckpt").exists()


def test_a_checkpoint_of_another_model_is_refused(
    tiny: Compose, tmp_path: Path, killed_in_epoch_3: pytest.MonkeyPatch
) -> None:
    quick = "trainer.max_epochs=4", "callbacks.latent_maps=null"
    cfg = tiny(*quick, run_dir=tmp_path / "a")
    other = tiny(*quick, "model=compact4layer", run_dir=tmp_path / "b")
    for one in (cfg, other):
        with pytest.raises(KilledError):
            train(one)
    killed_in_epoch_3.undo()
    last = Path("checkpoints/last.ckpt")
    (tmp_path / "b" / last).replace(tmp_path / "a" / last)
    with pytest.raises(RunError, match="does not fit"):
        train(cfg)
    (tmp_path / "a" / last).write_bytes(b"half a file")
    with pytest.raises(RunError, match="does not fit"):
        train(cfg)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.lr=abc", "optimizer"),
        ("optimizer.lr=-1", "optimizer.lr"),
        ("trainer.max_epochs=abc", "max_epochs"),
        ("data.val_size=288", "leaves no training image"),
        ("seed=abc", "seed"),
        ("optimized_metric=test/mze", "did you mean test/mse"),
    ],
)
def test_bad_values_end_before_a_run_is_started(tiny: Compose, override: str, message: str) -> None:
    cfg = tiny(override)
    with pytest.raises(ConfigError, match=message):
        train(cfg)
    assert not Path(cfg.run_dir).exists()


def test_one_batch_of_everything(tiny: Compose) -> None:
    metrics = train(tiny("trainer.fast_dev_run=true"))
    assert metrics["epochs"] == 1
    assert metrics["test/psnr"] == pytest.approx(-10 * math.log10(metrics["test/mse"]))


def test_a_kill_while_overwriting_leaves_no_finished_run(
    tiny: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = tiny("callbacks.latent_maps=null", "trainer.max_epochs=1")
    train(cfg)
    run = Path(cfg.run_dir)
    (run / "report").mkdir()

    def killed(path: Path) -> None:
        raise KilledError

    other = tiny("callbacks.latent_maps=null", "trainer.max_epochs=1", "seed=1", "overwrite=true")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", killed)
        with pytest.raises(KilledError):
            train(other)
    assert not (run / "metrics.json").exists()
    train(other)
    # What was reported is no longer what is there.
    assert not (run / "report").exists()


@pytest.mark.parametrize("noise", ["none", "gaussian", "salt_and_pepper", "masking"])
@pytest.mark.parametrize("model", choices("model"))
def test_a_step_waits_for_no_device(tiny: Compose, model: str, noise: str) -> None:
    data, network, _ = build(tiny(f"model={model}", f"noise={noise}"))
    # Such tensors have no numbers: who asks for one, as in `if loss > 0`, gets an error.
    network.to("meta").train()
    network.trainer = SimpleNamespace(  # type: ignore[assignment]
        is_last_batch=False, current_epoch=0, global_step=1, optimizers=[]
    )
    finite = FiniteLoss(every_n_steps=1)
    split = data.train.to(torch.device("meta"))
    for step in range(2):
        batch = data.on_after_batch_transfer(split.__getitems__([3, 1, 2]), 0)
        loss = network.training_step(batch, step)
        loss.backward()
        finite.on_train_batch_end(network.trainer, network, {"loss": loss}, batch, step)
    assert loss.is_meta
