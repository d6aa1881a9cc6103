"""What a config describes, built: data, model and trainer; and a run, built again."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import lightning as L
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from autoencoder import AutoencoderError, runs
from autoencoder.callbacks import History, HyperParameters, KeepSignals
from autoencoder.commandline import explain
from autoencoder.data import ImageDataModule
from autoencoder.data.published import IdxImages
from autoencoder.experiment.allocator import keep_freed_memory
from autoencoder.experiment.compiled import compile_training
from autoencoder.experiment.trust import check_targets
from autoencoder.models import Autoencoder
from autoencoder.runs.checkpoints import load_weights
from autoencoder.runs.identity import flatten, resolved

_MODEL_GROUPS = ("model", "noise", "recipe", "optimizer", "scheduler")


class ConfigError(AutoencoderError, ValueError):
    """A config whose values don't fit together."""


class Images(Protocol):
    """What a model has to know of its images."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(C, H, W)`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label."""


class LoadedRun(NamedTuple):
    """A run, built again from its directory.

    Attributes:
        model: With the weights of its best checkpoint, not for training.
        data: Loaded and split.
    """

    model: Autoencoder
    data: ImageDataModule


def build(cfg: DictConfig, *, load: bool = True) -> tuple[ImageDataModule, Autoencoder, L.Trainer]:
    """The data, the model and the trainer of a config, seeded.

    Args:
        cfg: The config.
        load: Whether images are loaded and split; a process that only starts others has no use
            for them.

    Raises:
        ConfigError: If something can't be built as described.
    """
    keep_freed_memory()
    _without_gpu_checks()
    with _config_errors("seed"):
        L.seed_everything(cfg.seed, workers=True, verbose=False)
    data = build_data(cfg, load=load)
    model = build_model(cfg, data)
    if cfg.compile != "none":
        compile_training(model, cfg.compile)
    # Built to be thrown away: a bad value is found before the directory is taken.
    with _config_errors("optimizer", cfg.optimizer):
        optimizer = model.optimizer(model.parameters())
    with _config_errors("scheduler", cfg.scheduler):
        if model.scheduler is not None:
            model.scheduler(optimizer, total_steps=100)
            if cfg.trainer.max_epochs in (None, -1) and cfg.trainer.max_steps == -1:
                raise ValueError("it needs an end: set trainer.max_epochs, or scheduler=none")
    return data, model, build_trainer(cfg)


def build_trainer(cfg: DictConfig) -> L.Trainer:
    """The trainer of a config, with its callbacks and loggers."""
    callbacks = [callback for callback in _instantiate(cfg.callbacks).values() if callback]
    # Its row holds what the others have logged at the end of the epoch.
    callbacks.sort(key=lambda callback: isinstance(callback, History))
    callbacks.append(KeepSignals())
    loggers = [logger for logger in _instantiate(cfg.logger).values() if logger]
    if loggers:
        callbacks.append(HyperParameters(_hyperparameters(cfg)))
    trainer: L.Trainer = _instantiate(cfg.trainer, callbacks=callbacks, logger=loggers)
    return trainer


def build_data(cfg: DictConfig, *, load: bool = True) -> ImageDataModule:
    """The data of a config, whose files are there; loaded and split, if that is wanted."""
    data: ImageDataModule = _instantiate(cfg.data, noise=_instantiate(cfg.get("noise")))
    with _config_errors("data"):
        data.prepare_data()
        if load:
            data.setup()
    return data


def build_model(cfg: DictConfig, data: Images) -> Autoencoder:
    """The untrained model of a config, for images of the data's shape."""
    with _config_errors("model"):
        model: Autoencoder = _instantiate(cfg.model, _partial_=True)(
            image_shape=data.image_shape,
            optimizer=_instantiate(cfg.optimizer),
            scheduler=_instantiate(cfg.scheduler) or None,
        )
    if model.num_classes not in (0, len(data.classes)):
        raise ConfigError(
            f"model.num_classes={model.num_classes}: the data has {len(data.classes)} classes"
        )
    # Convolutions of few channels are faster this way, on a CPU above all.
    return model.to(memory_format=torch.channels_last)


def load_run(run: Path, data_root: str | None = None, trust: Sequence[str] = ()) -> LoadedRun:
    """The model and the data of a run, from its directory alone, which may be somebody else's.

    Args:
        run: The run directory.
        data_root: The folder of the data's files, where it is not the one that was trained with;
            None: of published data sets, the environment's `AUTOENCODER_DATA`, if there is one.
        trust: Packages beside this one whose classes and functions the config may call.

    Raises:
        RunError: If the config can't be read or the checkpoint doesn't fit it.
        ConfigError: If something can't be built as the config describes.
        DataNotFoundError: If the files of the data are missing.
        TrustError: If the config names what is neither this package's nor trusted.
    """
    cfg = received_config(run, data_root, trust)
    data = build_data(cfg)
    return LoadedRun(load_model(run, cfg, data), data)


def received_config(
    run: Path, data_root: str | None = None, trust: Sequence[str] = ()
) -> DictConfig:
    """The config of a run, which may be somebody else's and is safe to build from.

    Args:
        run: As for `load_run`.
        data_root: As for `load_run`.
        trust: As for `load_run`.

    Raises:
        RunError: If the config can't be read.
        TrustError: If it names what is neither this package's nor trusted.
    """
    cfg = runs.read_config(run)
    check_targets(
        OmegaConf.to_container(OmegaConf.masked_copy(cfg, ["data", *_MODEL_GROUPS])), trust
    )
    if data_root is None and issubclass(get_class(cfg.data._target_), IdxImages):
        data_root = os.environ.get("AUTOENCODER_DATA")
    if data_root is not None and "root" in cfg.data:
        cfg.data.root = data_root
    return cfg


def load_model(run: Path, cfg: DictConfig, images: Images) -> Autoencoder:
    """The model of a run with the weights of its best checkpoint, not for training.

    Args:
        run: The run directory.
        cfg: Its config, which is built from.
        images: What it was trained on: its data, or facts of it.

    Raises:
        RunError: If the checkpoint is missing, or doesn't fit the config.
        ConfigError: If the model can't be built as the config describes.
    """
    model = build_model(cfg, images)
    load_weights(model, runs.checkpoint(run))
    return model.eval().requires_grad_(False)


# Constructors are given tuples, lists and dicts, never a ListConfig, which is in no checkpoint.
_instantiate = partial(instantiate, _convert_="all")


def _hyperparameters(cfg: DictConfig) -> dict[str, Any]:
    """What TensorBoard compares runs by: the choices of groups, and the values of most of them."""
    # The processes of a distributed run know of no command line; its directory does.
    known = HydraConfig.initialized()
    choices = HydraConfig.get().runtime.choices if known else runs.read_choices(Path(cfg.run_dir))
    values = resolved(cfg)
    flat = dict(flatten({group: values.get(group) for group in _MODEL_GROUPS}))
    return {
        **{group: choices[group] for group in ("data", *_MODEL_GROUPS) if group in choices},
        **{
            key: value
            for key, value in flat.items()
            if value not in ({}, None) and not key.endswith(("_target_", "_partial_"))
        },
        "batch_size": cfg.data.batch_size,
        "max_epochs": cfg.trainer.max_epochs,
        "seed": cfg.seed,
    }


@contextmanager
def _config_errors(key: str, values: DictConfig | None = None) -> Iterator[None]:
    """Turns what a constructor says of bad values into one message, with the values."""
    try:
        yield
    except (ValueError, TypeError, InstantiationException) as error:
        given = ", ".join(
            f"{key!s}={value!r}" for key, value in (values or {}).items() if str(key)[0] != "_"
        )
        raise ConfigError(
            f"{key}: {explain(error) or error}{given and f' (given {given})'}"
        ) from error


def _without_gpu_checks() -> None:
    """Spares machines without a GPU a search for its driver in every step of the optimiser.

    Lightning has torch ask the driver's library whether there is a GPU, and torch's optimisers ask
    each time; where the library is missing, that is a search of the file system.
    """
    if not torch.cuda.is_available():
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
