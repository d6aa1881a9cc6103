"""What people type, and what they are told: each mistake, and what its one message must say.

All end with status 1, and leave nothing behind; as processes of their own, a few of them do so in
tests/test_commandline.py.
"""

import shlex
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from autoencoder import AutoencoderError
from autoencoder.commandline import explain
from autoencoder.commandline.configs import CONF_DIR
from autoencoder.commandline.words import ordered
from autoencoder.experiment import checks
from autoencoder.experiment.build import build
from autoencoder.report import evaluate
from tests.conftest import TINY

MISTAKES = {
    # Words
    "model = vae": "model=vae",
    "model =vae": "model=vae",
    "model= vae": "model=vae",
    "model vae": "as in model=vae",
    "model.channels=[16, 32]": "write it model.channels=[16,32]",
    "model.channels=[16,32": "write it model.channels=[16,32]",
    "seed:3": "not a key=value",
    "--seed 3": "values are set as seed=VALUE",
    "--epochs=3": "values are set as epochs=VALUE",
    "model==vae": "can't be read",
    "model=vae,": "can't be read",
    "model.channels=(16,32)": "a list is model.channels=[a,b]",
    "tests": "write it run=tests",
    # Sweeps
    "seed=0,1": "a sweep, which takes -m",
    "optimizer.lr=1,5": "a sweep, which takes -m",
    "seed=0,0": "0 stands twice",
    "-m seed=0,1,0": "0 stands twice",
    "-m name=a,b": "a sweep has one name",
    "-m model=vae name=a,b": "a sweep has one name",
    "-m overwrite=true,false": "a sweep has one overwrite",
    # Groups and their choices
    "modle=vae": "did you mean model?",
    "model=basline": "did you mean baseline?",
    "model=VAE": "did you mean vae?",
    "model=vae2": "did you mean vae?",
    "optimizer=sgd": "optimizer can be adam, adamw",
    "model=vae model/likelihood=laplace": "model/likelihood can be bernoulli, gaussian",
    "model/likelihood=bernoulli": "it goes with model=vae",
    "model=vae model.likelihood=bernoulli": "write model/likelihood=NAME, one of bernoulli",
    "data=mnst": "did you mean mnist?",
    "experiment=denoise": "did you mean denoiser?",
    "noise=gauss": "did you mean gaussian?",
    "scheduler=cosine": "scheduler can be none, one_cycle",
    "callbacks=none": "callbacks can be",
    "logger=null": "logger can be default, none, tensorboard",
    "logger=": "logger can be default, none, tensorboard",
    "model=null": "model can be baseline",
    "trainer=cuda": "trainer can be cpu, ddp",
    "~model": "model is missing",
    "~logger": "logger is missing; it can be default, none",
    # Keys
    "trainer.max_epoch=3": "did you mean trainer.max_epochs?",
    "model=vae model.latent_dmi=3": "did you mean model.latent_dim?",
    "channels=[1,2]": "did you mean model.channels?",
    "lr=0.1": "did you mean optimizer.lr?",
    "batch_size=64": "did you mean data.batch_size?",
    "epochs=3": "did you mean trainer.max_epochs",
    "model.latent_dim=16": "not with this model; it goes with model=dense or overcomplete",
    "noise.std=0.3": "not with this noise; it goes with noise=gaussian",
    "scheduler.pct_start=0.5": "it goes with scheduler=one_cycle",
    "optimizer.momentum=0.9": "optimizer.momentum: no such key",
    "+optimizer.momentum=0.9": "Adam takes no momentum",
    "+model.foo=1": "ConvAutoencoder takes no foo",
    "+seed=3": "it is there already",
    "optimizer._target_=torch.optim.Sgd": "has no attribute 'Sgd'",
    "model._target_=mypackage.Model": "No module named 'mypackage'",
    # Values
    "threads=0": "threads must be auto or a whole number >= 1",
    "threads=many": "threads must be auto or",
    "seed=1.5": "seed must be a whole number",
    "seed=null": "seed must be a whole number",
    "seed=abc": "seed must be a whole number",
    "seed=-1": "got -1",
    "seed=4294967296": "from 0 to 4294967295",
    "seed=true": "seed must be a whole number",
    "seed=[0]": "seed must be a whole number",
    "overwrite=maybe": "overwrite must be true or false",
    "optimizer.lr=0": "optimizer.lr must be a number > 0",
    "optimizer.lr=abc": "optimizer.lr must be a number > 0, got abc",
    "optimizer.lr=": "optimizer.lr must be a number > 0, got nothing",
    "optimizer.lr=nan": "optimizer.lr must be a number > 0",
    "optimizer.betas=0.9": "optimizer.betas must be a list",
    "optimizer.betas=[0.9]": "optimizer.betas must be a list",
    "optimizer.fused=maybe": "optimizer.fused must be true or false or null",
    "optimizer.weight_decay=-1": "weight_decay",
    "model.channels=16": "model.channels must be a list, as in [16,32], got 16",
    "model.channels=[16,abc]": "model.channels must be a list, as in [16,32]",
    "model.channels=[16,-3]": "channels must be a list of whole numbers > 0",
    "model.kernel_size=[3,3]": "model.kernel_size must be a whole number",
    "model=vae model.latent_dim=16.5": "model.latent_dim must be a whole number, got 16.5",
    "model=vae model.latent_dim=0": "latent_dim must be a whole number > 0",
    "model=vae model.beta=abc": "model.beta must be a number, got abc",
    "model=vae model.likelihood.std=0": "std must be a number > 0",
    "model=conditional_vae model.num_classes=3": "the data has 10 classes",
    "scheduler=one_cycle scheduler.pct_start=2": "pct_start",
    "callbacks.samples.count=abc": "callbacks.samples.count must be a whole number",
    "data.batch_size=-1": "batch_size must be a whole number >= 1",
    # The trainer
    "trainer.limit_train_batches=0": "a share in (0, 1] or a number of batches >= 1",
    "trainer.limit_train_batches=abc": "a share in (0, 1] or a number of batches >= 1",
    "trainer.limit_train_batches=2.5": "a share in (0, 1] or a number of batches >= 1",
    "trainer.limit_val_batches=0": "a share in (0, 1] or a number of batches >= 1",
    "trainer.limit_test_batches=0": "a share in (0, 1] or a number of batches >= 1",
    "trainer.accumulate_grad_batches=0": "trainer.accumulate_grad_batches must be",
    "trainer.gradient_clip_val=-1": "trainer.gradient_clip_val must be a number > 0",
    "trainer.max_epochs=abc": "trainer.max_epochs must be a whole number >= 1",
    "trainer.max_epochs=0": "trainer.max_epochs must be a whole number >= 1",
    "trainer.min_epochs=abc": "trainer.min_epochs must be a whole number or null",
    "trainer.log_every_n_steps=0": "trainer.log_every_n_steps must be",
    "trainer.precision=17": "trainer.precision must be 64 or 32",
    "trainer.benchmark=perhaps": "trainer.benchmark must be true or false",
    "trainer.max_time=1h": "DD:HH:MM:SS",
    "trainer.strategy=dpp": "invalid strategy name",
    "trainer.accelerator=gpu0": "invalid accelerator name",
    "trainer.profiler=fast": "'simple', 'advanced'",
    "trainer.devices=0": "devices",
    "trainer.devices=two": "devices",
    "trainer.num_nodes=2": "this is one machine",
}


@pytest.fixture(autouse=True)
def _two_cores_and_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "cores", lambda: 2)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.accelerator.is_available", lambda: False)


def what_is_said(typed: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """The message to a command line, up to the moment before anything is written."""
    words = shlex.split(typed)
    monkeypatch.setattr(sys, "argv", ["train.py", *words])
    GlobalHydra.instance().clear()
    initialize_config_dir(str(CONF_DIR), version_base="1.3")
    try:
        overrides = [word for word in ordered(words) if not word.startswith("-")]
        cfg = compose("train", [*TINY, f"run_dir={folder}", "name=x", *overrides])
        checks.check(cfg)
        build(cfg)
    except Exception as error:
        return explain(error)
    raise AssertionError("nothing is said")


@pytest.mark.parametrize("typed", MISTAKES)
def test_a_mistake_is_named_with_what_to_type(
    typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = what_is_said(typed, tmp_path, monkeypatch)
    assert said is not None, "a traceback"
    assert MISTAKES[typed] in said
    assert len(said.splitlines()) <= 2  # what is wrong, and all the choices
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("typed", "most"),
    [
        ("trainer=default trainer.devices=99", 2),
        ("trainer=ddp_cpu trainer.devices=99", 2),
        ("trainer.devices='\"3\"'", 2),
        ("trainer.devices=[0,1,2]", 2),
    ],
)
def test_no_more_processes_than_cores(
    typed: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = what_is_said(typed, tmp_path, monkeypatch)
    assert f"this machine has 2 cores; use trainer.devices={most} at most" in str(said)


def test_no_more_processes_than_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.accelerator.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    said = what_is_said("trainer=ddp trainer.devices=8", tmp_path, monkeypatch)
    assert "this machine has 4 GPUs; use trainer.devices=4 at most" in str(said)


def test_a_gpu_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "trainer=cpu trains without" in str(what_is_said("trainer=gpu", tmp_path, monkeypatch))


@pytest.mark.parametrize(
    "typed",
    [
        "trainer=ddp_cpu", "trainer.limit_train_batches=0.5", "trainer.limit_train_batches=3",
        "trainer.precision=bf16-mixed", "trainer.fast_dev_run=true", "trainer.max_epochs=-1",
        "model=conditional_vae model/likelihood=learnt_gaussian", "model=overcomplete",
        "noise=gaussian noise.std=[0.0,0.6]", "optimizer.lr=1", "logger=none", "seed=4294967295",
        "+optimizer.eps=1e-6", "callbacks.latent_maps=null", "trainer.gradient_clip_val=1",
    ],
)  # fmt: skip
def test_what_is_meant_is_let_through(
    typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AssertionError, match="nothing is said"):
        what_is_said(typed, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "run=PATH is missing"),
        ("run=", "run=PATH is missing"),
        ("run=[a,b]", "one folder"),
        ("run=a noise_stds=0.1", "noise_stds must be a list, as in [0.1,0.2], got 0.1"),
        ("run=a noise_stds=[a]", "noise_stds must be a list"),
        ("run=a max_points=many", "max_points must be a whole number"),
        ("run=a threads=0", "threads must be auto or a whole number >= 1"),
        ("run=a batch_size=0", "batch_size must be a whole number >= 1"),
        ("run=a device=3", "device must be a text"),
    ],
)
def test_mistakes_of_a_report(typed: str, said: str) -> None:
    GlobalHydra.instance().clear()
    initialize_config_dir(str(CONF_DIR), version_base="1.3")
    cfg = compose("evaluate", typed.split())
    with pytest.raises(AutoencoderError) as caught:
        evaluate(cfg)
    assert said in str(caught.value)
