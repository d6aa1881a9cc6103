"""One experiment: what a config describes is built, trained, tested and written down."""

import difflib
import logging
import logging.config
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, record
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from autoencoder import runs, slurm
from autoencoder.allocator import keep_freed_memory
from autoencoder.callbacks import History, HyperParameters, KeepSignals
from autoencoder.data import ImageDataModule
from autoencoder.gpus import own_gpu
from autoencoder.models import Autoencoder

log = logging.getLogger(__name__)

_MODEL_GROUPS = ("model", "noise", "optimizer", "scheduler")

# What metrics.json says of a run beside its losses and test metrics.
_FACTS = (
    "parameters", "latent_size", "epochs", "best_epoch", "seed", "train_seconds",
    "images_per_second",
)  # fmt: skip


class ConfigError(ValueError):
    """A config whose values don't fit together."""


class ProcessError(RuntimeError):
    """A failure in one of the processes of a distributed run."""


def train(cfg: DictConfig) -> dict[str, float]:
    """Trains and tests what the config describes, in `cfg.run_dir`; returns `metrics.json`.

    A finished run of the same config is not run again; an interrupted one goes on from its last
    checkpoint. On several devices, starts a process for each, unless Slurm has done so.

    Raises:
        ConfigError: If something can't be built as described.
        RunConflictError: If the directory holds a run of another config.
        RunError: If the directory's checkpoint belongs to another model.
        SlurmError: If the processes of a Slurm job don't fit together.
    """
    _quiet()
    slurm.handle_signals()
    if slurm.was_requeued():
        cfg.overwrite = False  # what is there now is what this job has done
    run_dir = Path(cfg.run_dir)
    if slurm.is_follower():
        return _follow(cfg)
    with (
        slurm.leading(run_dir) as begin,
        runs.locked(run_dir),
        runs.failures_recorded(run_dir),
        _placed(cfg) as placed,
    ):
        metrics = runs.finished(cfg)
        if metrics is not None:
            log.info("finished already, not run again")
        else:
            data, model, trainer = build(placed)
            must_launch = _must_launch(trainer)
            _check_optimized(cfg.optimized_metric, model)
            runs.start(cfg)
            begin()
            if must_launch:
                metrics = _launch(cfg, trainer.num_devices)
            else:
                metrics = _run(cfg, data, model, trainer)
    log.info("%s", _table(metrics))
    log.info("%s", run_dir)
    return metrics


def build(cfg: DictConfig) -> tuple[ImageDataModule, Autoencoder, L.Trainer]:
    """The data, the model and the trainer of a config, seeded.

    Raises:
        ConfigError: If something can't be built as described.
    """
    keep_freed_memory()
    _without_gpu_checks()
    with _config_errors("seed"):
        L.seed_everything(cfg.seed, workers=True, verbose=False)
    data = build_data(cfg)
    model = build_model(cfg, data)
    with _config_errors("optimizer", cfg.optimizer):
        optimizer = model.optimizer(model.parameters())
    with _config_errors("scheduler", cfg.scheduler):
        if model.scheduler is not None:
            model.scheduler(optimizer, total_steps=100)
            if cfg.trainer.max_epochs in (None, -1) and cfg.trainer.max_steps == -1:
                raise ValueError("it needs an end: set trainer.max_epochs, or scheduler=none")
    with _config_errors("trainer"):
        _check_trainer(cfg.trainer)
    callbacks = [callback for callback in instantiate(cfg.callbacks).values() if callback]
    callbacks.append(KeepSignals())
    if any(isinstance(logger, dict | DictConfig) for logger in cfg.logger.values()):
        callbacks.append(HyperParameters(_hyperparameters(cfg)))
    loggers = [logger for logger in instantiate(cfg.logger).values() if logger]
    trainer: L.Trainer = instantiate(cfg.trainer, callbacks=callbacks, logger=loggers)
    return data, model, trainer


def build_data(cfg: DictConfig) -> ImageDataModule:
    """The data of a config, loaded and split."""
    data: ImageDataModule = instantiate(cfg.data, noise=instantiate(cfg.noise))
    with _config_errors("data"):
        data.prepare_data()
        data.setup()
    return data


def build_model(cfg: DictConfig, data: ImageDataModule) -> Autoencoder:
    """The untrained model of a config, for images of the data's shape."""
    model: Autoencoder = instantiate(
        cfg.model,
        image_shape=data.image_shape,
        optimizer=instantiate(cfg.optimizer),
        # Runs of before there were schedules have none in their config.
        scheduler=instantiate(cfg.get("scheduler")) or None,
    )
    if model.num_classes not in (0, len(data.classes)):
        raise ConfigError(
            f"model.num_classes={model.num_classes}: the data has {len(data.classes)} classes"
        )
    # Convolutions of few channels are faster this way, on a CPU above all.
    return model.to(memory_format=torch.channels_last)


def _run(
    cfg: DictConfig, data: ImageDataModule, model: Autoencoder, trainer: L.Trainer
) -> dict[str, float]:
    """Fits and tests in this process, one of those that the trainer expects."""
    run_dir = Path(cfg.run_dir)
    if trainer.is_global_zero:
        log.info("%s", _summary(cfg, data, model))
    last = run_dir / runs.LAST if (run_dir / runs.LAST).exists() else None
    if last:
        runs.load_weights(model, last)  # before the fit, which would say less of a bad file
        log.info("going on from %s", last)
    trainer.fit(model, data, ckpt_path=last, weights_only=True)
    epochs = trainer.current_epoch
    found = [c for c in trainer.callbacks if isinstance(c, History)]  # type: ignore[attr-defined]
    history = found[0] if found else History()  # without one, what it knows is missing
    if (run_dir / runs.BEST).exists():
        runs.load_weights(model, run_dir / runs.BEST)
    trainer.test(model, data, verbose=False)
    test = {name: value.item() for name, value in trainer.callback_metrics.items()}
    chosen = history.best("val/loss") if history.rows else {}
    metrics = {
        "train/loss": chosen.get("train/loss", float("nan")),
        "val/mse": chosen.get("val/mse", float("nan")),
        **{name: value for name, value in test.items() if name.startswith("test/")},
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "latent_size": model.latent_size,
        "epochs": epochs,
        "best_epoch": chosen.get("epoch", 0),
        "seed": cfg.seed,
        "train_seconds": round(history.train_seconds, 2),
        "images_per_second": round(history.images_per_second, 1),
    }
    if trainer.is_global_zero:
        runs.write_metrics(run_dir, metrics)
    return metrics


def _follow(cfg: DictConfig) -> dict[str, float]:
    """The part of a process that another one of its Slurm job leads."""
    if slurm.follow(Path(cfg.run_dir)):
        return _run(cfg, *build(cfg))
    metrics = runs.read_metrics(Path(cfg.run_dir))
    if metrics is None:
        raise slurm.SlurmError("the job's first process has failed")
    return metrics


@contextmanager
def _placed(cfg: DictConfig) -> Iterator[DictConfig]:
    """The config with a GPU of its own, if it is for one of several."""
    flags = cfg.trainer
    wants_one = flags.accelerator in ("auto", "gpu", "cuda") and flags.devices == 1
    if not wants_one or flags.num_nodes > 1 or torch.cuda.device_count() < 2:
        yield cfg
        return
    with own_gpu() as gpu:
        placed = cfg.copy()
        placed.trainer.devices = [gpu]
        yield placed


def _must_launch(trainer: L.Trainer) -> bool:
    """Whether the trainer's processes are still to be started."""
    environment = getattr(trainer.strategy, "cluster_environment", None)
    n_processes = trainer.num_devices * trainer.num_nodes
    if environment is None or n_processes == 1:
        return False
    if isinstance(environment, SLURMEnvironment) and slurm.n_tasks() != n_processes:
        raise ConfigError(
            f"trainer: {n_processes} processes are asked for, Slurm has started {slurm.n_tasks()}; "
            f"use srun --nodes={trainer.num_nodes} --ntasks-per-node={trainer.num_devices}"
        )
    return not environment.creates_processes_externally


def _launch(cfg: DictConfig, n_processes: int) -> dict[str, float]:
    """Runs the config in processes of this machine that know of each other.

    Lightning would start the command line again for each of them, which under `--multirun` is
    the whole sweep. This starts one run, whatever started this process.
    """
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=n_processes,
        run_id=f"autoencoder-{os.getpid()}",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.5,
    )
    try:
        results = elastic_launch(config, _process)(
            OmegaConf.to_container(cfg, resolve=True),
            _job_logging(),
            max(1, torch.get_num_threads() // n_processes),
        )
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        raise ProcessError(f"process {rank} of {n_processes}: {failure.message}") from error
    metrics: dict[str, float] = results[0]
    return metrics


def _job_logging() -> dict[str, Any]:
    """How Hydra has set up logging in this process, for those that it knows nothing of."""
    if not HydraConfig.initialized():
        return {}
    logs: Any = OmegaConf.to_container(HydraConfig.get().job_logging, resolve=True)
    return dict(logs)


@record
def _process(values: dict[str, Any], logs: dict[str, Any], threads: int) -> dict[str, float]:
    """One process of a distributed run."""
    if logs and os.environ["RANK"] == "0":
        logging.config.dictConfig(logs)
    torch.set_num_threads(threads)
    _quiet()
    cfg = OmegaConf.create(values)
    return _run(cfg, *build(cfg))


def _summary(cfg: DictConfig, data: ImageDataModule, model: Autoencoder) -> str:
    channels, height, width = data.image_shape
    pixels = channels * height * width
    ratio = model.latent_size / pixels
    parameters = sum(parameter.numel() for parameter in model.parameters())
    latent = " x ".join(map(str, model.latent_shape))
    rows = {
        "data": f"{type(data).__name__}: {len(data.train):,} train, {len(data.val):,} val, "
        f"{len(data.test):,} test images of {channels} x {height} x {width}",
        "from": f"{data.source.origin} (SHA-256 {data.source.checksum[:12]})",
        "noise": str(data.noise).replace("Identity()", "none"),
        "model": f"{type(model).__name__}: {parameters:,} parameters",
        "latent": f"{latent} = {model.latent_size:,} numbers, "
        f"{ratio:.3g} of the {pixels:,} pixels"
        + (" (overcomplete: more numbers than pixels)" if ratio > 1 else ""),
        "run": cfg.run_dir,
    }
    return "\n".join(f"{name:<8}{text}" for name, text in rows.items())


def _table(metrics: dict[str, float]) -> str:
    meanings = {
        "test/mse": "reconstruction of the input as the noise leaves it",
        "test/psnr": "the same in dB",
        "test/ssim": "structural similarity, 1 is perfect",
        "test/clean_mse": "reconstruction of the clean input",
        "test/input_mse": "what doing nothing costs: the corrupted input itself",
        "test/elbo": "evidence lower bound, nats an image; more is better",
        "test/iwae": "importance-weighted bound, nats an image",
        "test/reconstruction": "minus E log p(x|z), nats an image",
        "test/kl": "KL(q(z|x) || p(z)), nats an image",
        "test/active_units": "latent dimensions that tell images apart",
    }
    table = Table("metric", "value", "meaning", title="Test", title_justify="left")
    for name, meaning in meanings.items():
        if name in metrics:
            table.add_row(name, f"{metrics[name]:.5g}", meaning)
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()


def _hyperparameters(cfg: DictConfig) -> dict[str, Any]:
    """What TensorBoard compares runs by: the choices of groups, and the values of most of them."""
    choices = HydraConfig.get().runtime.choices if HydraConfig.initialized() else {}
    values = runs.resolved(cfg)
    flat = dict(runs.flatten({group: values[group] for group in _MODEL_GROUPS}))
    return {
        **{group: choices[group] for group in ("data", *_MODEL_GROUPS) if group in choices},
        **{
            key: value
            for key, value in flat.items()
            if value != {} and not key.endswith(("_target_", "_partial_"))
        },
        "batch_size": cfg.data.batch_size,
        "max_epochs": cfg.trainer.max_epochs,
        "seed": cfg.seed,
    }


def _check_optimized(names: str | list[str], model: Autoencoder) -> None:
    # A misspelt name would otherwise end the run after its training.
    known = [*_FACTS, "train/loss", "val/mse", *(f"test/{name}" for name in model.test_names)]
    for name in [names] if isinstance(names, str) else names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1) or known
            raise ConfigError(f"optimized_metric={name}: did you mean {', '.join(close)}?")


def _check_trainer(flags: DictConfig) -> None:
    # What Lightning itself would only stumble over in the middle of a fit.
    for flag in ("max_epochs", "min_epochs", "max_steps", "log_every_n_steps"):
        if not isinstance(flags[flag], int | None):
            raise ValueError(f"{flag} must be a whole number, got {flags[flag]!r}")


@contextmanager
def _config_errors(key: str, values: DictConfig | None = None) -> Iterator[None]:
    """Turns what a constructor says of bad values into one message, with the values."""
    try:
        yield
    except (ValueError, TypeError, InstantiationException) as error:
        given = ", ".join(
            f"{key!s}={value!r}" for key, value in (values or {}).items() if str(key)[0] != "_"
        )
        raise ConfigError(f"{key}: {error}{given and f' (given {given})'}") from error


def _without_gpu_checks() -> None:
    """Spares machines without a GPU a search for its driver in every step of the optimiser.

    Lightning has torch ask the driver's library whether there is a GPU, and torch's optimisers ask
    each time; where the library is missing, that is a search of the file system.
    """
    if not torch.cuda.is_available():
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)


def _quiet() -> None:
    """Silences what Lightning says of every run."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for message in (
        ".*LeafSpec.*",  # between Lightning and torch
        ".*does not have many workers.*",  # a batch is one indexing of a tensor in memory
        ".*is smaller than the logging interval.*",  # metrics are logged once an epoch
        ".*`srun` command is available.*",  # it starts the runs where it is wanted
        ".*when logging on epoch level in distributed setting.*",  # the metrics have done so
        "Checkpoint directory .* exists and is not empty.*",  # resumed, as the log says
    ):
        warnings.filterwarnings("ignore", message)
