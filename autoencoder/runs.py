"""Runs: a directory each, that says what was asked, how far it came and what came of it."""

import csv
import fcntl
import json
import logging
import pickle
import shlex
import shutil
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml  # type: ignore[import-untyped]  # its types are a package of their own
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from autoencoder.commandline import explain
from autoencoder.environment import environment
from autoencoder.files import asides, write_text

if TYPE_CHECKING:
    # torch takes seconds to import, and finding runs doesn't need it.
    from autoencoder.data import ImageDataModule
    from autoencoder.models import Autoencoder

log = logging.getLogger(__name__)

CONFIG = Path(".hydra/config.yaml")
OVERRIDES = Path(".hydra/overrides.yaml")
HYDRA = Path(".hydra/hydra.yaml")
ENVIRONMENT = Path(".hydra/environment.json")
METRICS = Path("metrics.json")
HISTORY = Path("metrics.csv")
LOG = Path("train.log")
ERROR = Path("error.txt")
PRUNED = Path("pruned.txt")
BEST = Path("checkpoints/best.ckpt")
LAST = Path("checkpoints/last.ckpt")

# Keys that may differ between two descriptions of the same run: where it lies, where the files
# of its data lie, and how it is shown.
_NOT_THE_EXPERIMENT = (
    "run_dir", "name", "overwrite", "report", "fail_fast", "data.root", "optimized_metric",
)  # fmt: skip
# What overwriting a run removes, in this order: what marks it as finished goes first, so that a
# kill in between leaves no old numbers that pass for new ones.
_WRITTEN = (
    "metrics.json", "report", "cache", "figures", "tensorboard", "metrics.csv", "checkpoints",
    ".hydra",
)  # fmt: skip


class RunConflictError(RuntimeError):
    """A run directory that holds something else than what was asked for."""


class RunError(RuntimeError):
    """A directory that is no run, or a run that can't be read; the text says why."""


class FoundRuns(NamedTuple):
    """The runs in a directory.

    Attributes:
        finished: Directories of finished runs, sorted.
        unfinished: Why each other run is not among them.
    """

    finished: list[Path]
    unfinished: dict[Path, str]


class LoadedRun(NamedTuple):
    """A run, built again from its directory.

    Attributes:
        model: With the weights of its best checkpoint, not for training.
        data: Loaded and split.
    """

    model: "Autoencoder"
    data: "ImageDataModule"


def find_runs(path: Path) -> FoundRuns:
    """The runs in `path`: itself if it is one, else all below it, as in a sweep.

    Raises:
        RunError: If there is none.
    """
    if not path.is_dir():
        raise RunError(f"{path}: no such directory")
    if (path / CONFIG).exists() or (path / METRICS).exists():
        found = [path]
    else:
        # A run that failed before it was started has nothing but its log.
        found = sorted(
            {
                file.parents[len(mark.parts) - 1]
                for mark in (CONFIG, METRICS, LOG)
                for file in path.rglob(str(mark))
            }
            - {path}
        )
    if not found:
        raise RunError(f"{path} is neither a run nor a sweep: no run in it has {CONFIG}")
    reasons = {run: _why_unfinished(run) for run in found}
    return FoundRuns(
        [run for run, reason in reasons.items() if reason is None],
        {run: reason for run, reason in reasons.items() if reason is not None},
    )


def _why_unfinished(run: Path) -> str | None:
    """Why a run can't be used; None if it can."""
    if not (run / CONFIG).exists():
        reason = "failed before it was started" if (run / LOG).exists() else f"has no {CONFIG}"
    elif not (run / METRICS).exists():
        reason = "is not finished"
    else:
        try:
            read_metrics(run)
        except (ValueError, OSError) as error:
            return f"{METRICS} can't be read: {error}"
        return None
    if (run / PRUNED).exists():
        return f"was pruned: {(run / PRUNED).read_text().strip()}"
    if (run / ERROR).exists():
        # Up to the traceback: the error, and the command that runs it again.
        return "failed: " + (run / ERROR).read_text(errors="replace").partition("\n\n")[0]
    log = (run / LOG).read_text(errors="replace").split("\n") if (run / LOG).exists() else []
    lines = [line.strip() for line in log if line.strip()]
    return reason + (f"; the last line of {LOG}: {lines[-1][:160]}" if lines else "")


def read_config(run: Path) -> DictConfig:
    """The saved config of a run.

    Raises:
        RunError: If it is missing or broken.
    """
    try:
        cfg = OmegaConf.load(run / CONFIG)
    except (OSError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise RunError(f"{CONFIG} can't be read: {_first_line(error)}") from error
    missing = [key for key in ("data", "model", "noise", "optimizer") if key not in cfg]
    if not isinstance(cfg, DictConfig) or missing:
        raise RunError(f"{CONFIG} lacks {', '.join(missing) or 'everything'}")
    return cfg


def read_overrides(run: Path) -> dict[str, str]:
    """The values that a run was given on its command line, by key."""
    path = run / OVERRIDES
    lines = yaml.safe_load(path.read_text()) if path.exists() else []
    pairs = (str(line).lstrip("+~").partition("=") for line in lines or [])
    return {key.partition("@")[0]: value for key, _, value in pairs}


def read_choices(run: Path) -> dict[str, str]:
    """The choice of each config group, by group; empty where it was not recorded."""
    path = run / HYDRA
    if not path.exists():
        return {}
    # The safe loader in C: the file is long.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    values = yaml.load(path.read_text(), loader)
    choices: dict[str, str] = values["hydra"]["runtime"]["choices"]
    return choices


def read_history(run: Path) -> list[dict[str, float]]:
    """The rows of `metrics.csv`, an epoch each; empty where there is none."""
    path = run / HISTORY
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: float(value) for name, value in row.items() if value} for row in rows]


def read_environment(run: Path) -> dict[str, str]:
    """Versions and hardware that a run was trained with; empty where it was not recorded."""
    path = run / ENVIRONMENT
    values: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return values


def checkpoint(run: Path) -> Path:
    """The checkpoint that the run was tested with: the best, or the last where none was chosen.

    Raises:
        RunError: If it has none.
    """
    for path in (run / BEST, run / LAST):
        if path.exists():
            return path
    raise RunError(f"{BEST} is missing")


def load_run(run: Path, data_root: str | None = None) -> LoadedRun:
    """The model and the data of a run, from its directory alone.

    Args:
        run: The run directory.
        data_root: The folder of the data's files, where it is not the one that was trained with.

    Raises:
        RunError: If the config can't be read or the checkpoint doesn't fit it.
        ConfigError: If something can't be built as the config describes.
        DataNotFoundError: If the files of the data are missing.
    """
    # Not at the top: it imports this module.
    from autoencoder.experiment import build_data, build_model

    cfg = read_config(run)
    if data_root is not None and "root" in cfg.data:
        cfg.data.root = data_root
    data = build_data(cfg)
    model = build_model(cfg, data)
    load_weights(model, checkpoint(run))
    return LoadedRun(model.eval().requires_grad_(False), data)


def load_weights(model: "Autoencoder", path: Path) -> None:
    """Gives a model the weights of a checkpoint.

    Raises:
        RunError: If the checkpoint can't be read or belongs to another model.
    """
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        model.load_state_dict(state)
    # A damaged file fails in ways of its own, depending on the byte.
    except (RuntimeError, LookupError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise RunError(f"{path} does not fit the model: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # load_state_dict says what is wrong in its second line.
    return " ".join(lines[:2])[:300] if lines else type(error).__name__


def finished(cfg: DictConfig) -> dict[str, float] | None:
    """The metrics of the run in `cfg.run_dir`, if it is finished already; writes nothing.

    Raises:
        RunConflictError: If the directory holds a run of another config and `overwrite` is false.
    """
    run_dir = Path(cfg.run_dir)
    if cfg.overwrite:
        return None
    if (run_dir / CONFIG).exists():
        differences = list(_differences(OmegaConf.load(run_dir / CONFIG), cfg))
        if differences:
            raise RunConflictError(
                f"{run_dir} holds a run of another configuration:\n"
                + "\n".join(f"  {line}" for line in differences)
                + "\nchoose another name=..., or overwrite=true to replace it"
            )
    return read_metrics(run_dir)


def start(cfg: DictConfig) -> None:
    """Takes `cfg.run_dir` for this run: clears it if it is to be overwritten, saves the config.

    What an unfinished run of the same config has left stays: its last checkpoint is where to go
    on.
    """
    run_dir = Path(cfg.run_dir)
    if cfg.overwrite:
        for name in _WRITTEN:
            path = run_dir / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in asides(run_dir):
        path.unlink(missing_ok=True)
    _save_config(cfg)


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Keeps other processes out of a run directory; a killed process keeps nobody out.

    Raises:
        RunConflictError: If another process is in it.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunConflictError(
                f"another process is running {run_dir}; wait for it, or choose another name=..."
            ) from None
        yield


def is_pruned(error: Exception) -> bool:
    """Whether a search has ended the run, which is no failure; known without importing Optuna.

    The error of a distributed run names that of its process.
    """
    return "TrialPruned" in f"{type(error).__name__} {error}"


@contextmanager
def failures_recorded(run_dir: Path) -> Iterator[None]:
    """Leaves what goes wrong in the run directory: `error.txt`, or `pruned.txt` in a search."""
    for name in (ERROR, PRUNED):
        (run_dir / name).unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        if is_pruned(error):
            write_text(run_dir / PRUNED, f"{error}\n")
        else:
            reason = explain(error) or f"{type(error).__name__}: {error}"
            again = f"the run alone: {command_line()}\n" if HydraConfig.initialized() else ""
            write_text(run_dir / ERROR, f"{reason}\n{again}\n{traceback.format_exc()}")
        raise
    except (KeyboardInterrupt, SystemExit):  # Lightning makes the second of the first
        if HydraConfig.initialized():
            log.info("stopped; this goes on with it: %s", command_line())
        raise


def command_line() -> str:
    """The command that runs the current job, and no other job of its sweep, in its directory."""
    cfg = HydraConfig.get()
    words = ["python", "train.py"]
    if cfg.mode is RunMode.MULTIRUN:
        words.append("-m")
        # Else a sweep that is part of an experiment would be run again.
        if cfg.sweeper.get("params"):
            words.append("hydra.sweeper.params=null")
    folder = Path(cfg.sweep.dir if cfg.mode is RunMode.MULTIRUN else cfg.run.dir)
    words += [
        text for text in cfg.overrides.hydra if text.startswith(("hydra.sweep.", "hydra.run."))
    ]
    overrides = [text for text in cfg.overrides.task if not text.startswith("name=")]
    return shlex.join([*words, f"name={folder.name}", *overrides])


def read_metrics(run_dir: Path) -> dict[str, float] | None:
    """`metrics.json` of a run; None where the run is not finished."""
    path = run_dir / METRICS
    if not path.exists():
        return None
    metrics: dict[str, float] = json.loads(path.read_text())
    return metrics


def write_metrics(run_dir: Path, metrics: dict[str, float]) -> None:
    """Writes `metrics.json`, which marks the run as finished."""
    write_text(run_dir / METRICS, json.dumps(metrics, indent=2) + "\n")


def _save_config(cfg: DictConfig) -> None:
    # Hydra's own files are written before a directory can be refused, and with interpolations
    # that only resolve where they were made, so hydra.output_subdir is null.
    folder = Path(cfg.run_dir) / CONFIG.parent
    if HydraConfig.initialized():
        hydra_cfg = HydraConfig.get()
        write_text(folder / "hydra.yaml", OmegaConf.to_yaml({"hydra": hydra_cfg}))
        write_text(folder / "overrides.yaml", OmegaConf.to_yaml(hydra_cfg.overrides.task))
        write_text(folder / "experiment/this.yaml", _as_experiment(cfg, hydra_cfg.runtime.choices))
    write_text(folder / ENVIRONMENT.name, json.dumps(environment(), indent=2) + "\n")
    write_text(folder / CONFIG.name, OmegaConf.to_yaml(resolved(cfg)))


def _as_experiment(cfg: DictConfig, choices: Mapping[str, Any]) -> str:
    """The run as a named experiment: its choice of each group, then every value."""
    groups = [group for group in choices if "/" not in group and group != "experiment"]
    values = OmegaConf.to_container(cfg)
    assert isinstance(values, dict)
    for key in ("name", "run_dir", "overwrite", "report", "fail_fast"):
        values.pop(key, None)
    described = {
        "defaults": [*({f"override /{group}": choices[group]} for group in groups), "_self_"],
        **values,
    }
    return (
        "# @package _global_\n"
        "# Repeats the run: python train.py --config-dir RUN/.hydra experiment=this name=again\n"
        + OmegaConf.to_yaml(described)
    )


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """The whole config as plain values, with paths relative to the run: it may be moved."""
    cfg = cfg.copy()
    cfg.run_dir = "."
    values: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    return values


def flatten(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of nested dicts."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from flatten(value, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, node


def _differences(saved: Any, cfg: DictConfig) -> Iterator[str]:
    there, asked = dict(flatten(OmegaConf.to_container(saved))), dict(flatten(resolved(cfg)))
    for key in sorted(there.keys() | asked.keys()):
        old, new = there.get(key, "nothing"), asked.get(key, "nothing")
        if old != new and key not in _NOT_THE_EXPERIMENT:
            yield f"{key}: {old} there, {new} asked for"
