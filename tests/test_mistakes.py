"""What people type, and what they are told: each mistake, and what its one message must say.

All end with status 1, and leave nothing behind; as processes of their own, a few of them do so in
tests/test_commandline.py.
"""

import re
import shlex
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException

from autoencoder import AutoencoderError
from autoencoder.commandline import explain
from autoencoder.commandline.configs import CONF_DIR
from autoencoder.commandline.words import ordered
from autoencoder.experiment import checks
from autoencoder.experiment.build import build
from autoencoder.report import evaluate
from autoencoder.sweeps import plugins
from tests.conftest import TINY

# What is typed, and what the message must hold; docs/mistakes.md shows all of it.
MISTAKES = {
    "Words": {
        "model = vae": "model=vae",
        "model =vae": "model=vae",
        "model= vae": "model=vae",
        "model vae": "as in model=vae",
        "model.channels=[16, 32]": "write it model.channels=[16,32]",
        "model.channels=[16,32": "write it model.channels=[16,32]",
        "seed:3": "write it seed=3",
        "--seed 3": "values are set as seed=VALUE",
        "--epochs=3": "values are set as epochs=VALUE",
        "model==vae": "can't be read",
        "model=vae,": "can't be read",
        "model.channels=(16,32)": "a list is model.channels=[a,b]",
        "tests": "write it run=tests",
        "noise=gaussian,std=0.3": "each value is a word of its own",
        "model=vae model/likelihood.std=3": "write it model.likelihood.std=3",
        "-model vae": "-model: no such flag; values are set as model=VALUE",
    },
    "Sweeps": {
        "seed=0,1": "a sweep, which takes -m",
        "optimizer.lr=1,5": "a sweep, which takes -m",
        "seed=0,0": "0 stands twice",
        "-m seed=0,1,0": "0 stands twice",
        "-m name=a,b": "a sweep has one name",
        "-m model=vae name=a,b": "a sweep has one name",
        "-m overwrite=true,false": "a sweep has one overwrite",
        "model=[baseline,vae]": "or a sweep over several: -m model=baseline,vae",
        "noise=gaussian noise.std=0,3": "a list is written noise.std=[0,3]",
        "optimizer=adam,adamw": "a sweep, which takes -m",
    },
    "Groups and their choices": {
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
        "logger=null": "logger can be csv, default, mlflow",
        "logger=": "logger can be csv, default, mlflow",
        "logger=[tensorboard,wanb]": "logger=wanb: no such choice; did you mean wandb?",
        "model=null": "model can be baseline",
        "trainer=cuda": "trainer can be cpu, ddp",
        "~model": "model is missing",
        "~logger": "logger is missing; it can be csv, default",
        "noise=0.3": "noise can be gaussian, masking, none, salt_and_pepper",
        "noise=true": "noise can be gaussian",
        "model={a:1}": "model can be baseline",
        "+model=vae": "it is there already; write it model=vae",
        "++model=vae": "it is there already; write it model=vae",
        "data=fashion-mnist": "did you mean fashion_mnist?",
        "data=FashionMNIST": "did you mean fashion_mnist?",
        "model=vae model/likelihood=bernouli": "did you mean bernoulli?",
        "recipe=one-cycle": "did you mean one_cycle?",
        "optimizer=Adam": "did you mean adam?",
        "hydra/launcher=jobs": "hydra/launcher can be basic, joblib, ray, slurm",
    },
    "Keys": {
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
        "hydra.launcher.n_jobs=2": "it goes with hydra/launcher=joblib",
        "model=vae model/likelihood=bernoulli model.likelihood.std=1": "model/likelihood=gaussian",
        "model=vae model.kernel_size=3": "it goes with model=baseline",
        "model=baseline model.beta=4": "it goes with model=",
        "callbacks.early_stopping.patience=3": "callbacks.early_stopping.patience: no such key",
    },
    "Values": {
        "threads=0": "threads must be auto or a whole number >= 1",
        "threads=many": "threads must be auto or",
        "seed=1.5": "seed must be a whole number",
        "seed=null": "seed must be a whole number",
        "seed=abc": "seed must be a whole number",
        "seed=-1": "got -1",
        "seed=4294967296": "from 0 to 4294967295",
        "data.classes=3": "data.classes must be a list",
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
        "seed=1e3": "got 1000.0",
        "report=yes": "report must be true or false, got yes",
        "trust=5": "trust must be a list of packages, as in [mypackage], got 5",
        "trust=[1]": "trust must be a list of packages",
        "optimizer.lr=inf": "optimizer.lr must be a number > 0",
        "optimizer.betas=[0.9,2]": "Invalid beta parameter",
        "model.channels=[]": "channels must be a list of whole numbers > 0",
        "model.kernel_size=0": "kernel_size and stride must be whole numbers > 0",
        "model.kernel_size=100": "use a smaller kernel",
        "model=vae model.beta=-1": "beta must be at least 0",
        "model=vae model.free_bits=-1": "free_bits must be at least 0",
        "model=vae model.importance_samples=0": "importance_samples must be at least 1",
        "model=dense model.widths=512": "model.widths must be a list",
        "noise=gaussian noise.std=-0.1": "noise.std must be a number >= 0",
        "noise=gaussian noise.std=null": "noise.std must be a number or a list",
        "noise=gaussian noise.std=[0.5,0.1]": "a pair [low, high]",
        "noise=gaussian noise.clip=maybe": "noise.clip must be true or false",
        "noise=masking noise.ratio=2": "noise.ratio must be a number in [0, 1], got 2",
        "noise=salt_and_pepper noise.amount=50%": "noise.amount must be a number, got 50%",
        "data.val_size=0.1": "data.val_size must be a whole number, got 0.1",
        "data.val_size=100000": "leaves no training image",
        "data.image_size=28.5": "data.image_size must be a whole number, got 28.5",
        "data.image_size=2": "data.image_size must be a whole number >= 8",
        "data.num_workers=-1": "data.num_workers must be a whole number >= 0",
        "data.batch_size=1e3": "data.batch_size must be a whole number, got 1000.0",
    },
    "The trainer": {
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
        "scheduler=one_cycle trainer.max_epochs=-1": "set trainer.max_epochs",
        "trainer.max_epochs=1.5": "trainer.max_epochs must be a whole number >= 1",
        "trainer.limit_train_batches=null": "a share in (0, 1] or a number of batches >= 1",
        "trainer.val_check_interval=2": "trainer.val_check_interval: no such key",
        "trainer.gradient_clip_val=abc": "trainer.gradient_clip_val must be a number > 0",
    },
}


SAID = {typed: said for section in MISTAKES.values() for typed, said in section.items()}
_LONGEST = 300  # letters of a message on the page
PAGE = CONF_DIR.parent / "docs/mistakes.md"
HEAD = """# Mistakes

What is typed after `python train.py`, and what is said of it. Each ends at once, with this one
message on standard error and status 1, and leaves nothing behind. (Ctrl-C and SIGTERM end in one
line as well, with status 130 and 143.) The table is written by
`python -m tests.test_mistakes` and held by `pytest tests/test_mistakes.py`.
"""


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    two_cores_and_no_gpu(monkeypatch)


def two_cores_and_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has all machines say the same, and Hydra know what the programs have it know."""
    plugins.register()
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


@pytest.mark.parametrize("typed", SAID)
def test_a_mistake_is_named_with_what_to_type(
    typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = what_is_said(typed, tmp_path, monkeypatch)
    assert said is not None, "a traceback"
    assert SAID[typed] in said
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


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("autoencoder denoise nosie=0.3", "see the keys with --cfg job"),
        ("autoencoder denoise noise=gaussian", "see the keys with --cfg job"),
        ("autoencoder denoise noise.std=0.3", "did you mean std?"),
        ("autoencoder interpolate step=3", "did you mean steps?"),
        ("autoencoder denoise steps=3", "see the keys with --cfg job"),
        ("evaluate.py piror=mixture", "did you mean prior?"),
        ("evaluate.py noise=gaussian", "see the keys with --cfg job"),
        ("evaluate.py prior.mixture.tol=1 prior=gaussian", "it goes with prior=mixture"),
        ("autoencoder-train nosie=gaussian", "did you mean noise?"),
    ],
)
def test_only_what_a_program_knows_is_meant(
    typed: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, *words = typed.split()
    if program == "autoencoder":
        program = f"autoencoder {words.pop(0)}"
    monkeypatch.setattr(sys, "argv", [program, *words])
    GlobalHydra.instance().clear()
    initialize_config_dir(str(CONF_DIR), version_base="1.3")
    with pytest.raises(HydraException) as caught:
        compose(re.split("[ -]", Path(program).stem)[-1], words)
    assert said in str(explain(caught.value))


def row(typed: str, said: str) -> str:
    """A line of the page, on which what others list in their messages is cut."""
    text = said if len(said) <= _LONGEST else f"{said[:_LONGEST]} ..."
    for letters, written in (
        ("\n", " / "),
        ("|", "\\|"),
        ("<", "&lt;"),
        ("*", "\\*"),
        ("_", "\\_"),
    ):
        text = text.replace(letters, written)
    return f"| `{typed}` | {text} |"


def test_the_page_has_every_mistake_with_what_is_said_of_it() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    # Whole messages are in part those of other packages, which change.
    for line, (typed, said) in zip(rows, SAID.items(), strict=True):
        again = f"{line}; python -m tests.test_mistakes writes it anew"
        assert line.startswith(row(typed, "")[:-2]), again
        assert row(typed, said)[len(row(typed, "")) - 2 : -2].strip() in line, again


def write_page() -> None:
    """Writes docs/mistakes.md."""
    text = HEAD
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        two_cores_and_no_gpu(patch)
        for section, mistakes in MISTAKES.items():
            text += f"\n## {section}\n\n| typed | said |\n| --- | --- |\n"
            for typed in mistakes:
                text += row(typed, what_is_said(typed, Path(folder), patch) or "") + "\n"
    PAGE.write_text(text)


if __name__ == "__main__":
    write_page()
