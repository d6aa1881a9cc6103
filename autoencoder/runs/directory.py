"""A run on disk: the files of its directory, and what they say."""

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml  # type: ignore[import-untyped]  # its types are a package of their own
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from autoencoder import AutoencoderError
from autoencoder.runs.files import write_text
from autoencoder.runs.identity import flatten

log = logging.getLogger(__name__)

Said = TypeVar("Said")

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
WEIGHTS = Path("checkpoints/best.safetensors")
# Of a sweep, in its folder.
SWEEP = Path("multirun.yaml")


class RunError(AutoencoderError):
    """A directory that is no run, or a run that can't be read; the text says why."""


class FoundRuns(NamedTuple):
    """The runs in a directory.

    Attributes:
        finished: Directories of finished runs, sorted.
        unfinished: Why each other run is not among them.
    """

    finished: list[Path]
    unfinished: dict[Path, str]


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
        except RunError as error:
            return str(error)
        return None
    if (run / PRUNED).exists():
        return f"was pruned: {(run / PRUNED).read_text(errors='replace').strip()}"
    if (run / ERROR).exists():
        # Up to the traceback: the error, and the command that runs it again.
        return "failed: " + (run / ERROR).read_text(errors="replace").partition("\n\n")[0]
    log = (run / LOG).read_text(errors="replace").split("\n") if (run / LOG).exists() else []
    lines = [line.strip() for line in log if line.strip()]
    return reason + (f"; the last line of {LOG}: {lines[-1][:160]}" if lines else "")


def read_config(run: Path) -> DictConfig:
    """The saved config of a run.

    Raises:
        RunError: If it is missing or broken, or would be filled in from this machine.
    """
    try:
        cfg = OmegaConf.load(run / CONFIG)
    except (OSError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise RunError(f"{CONFIG} can't be read: {first_lines(error)}") from error
    values: Any = OmegaConf.to_container(cfg)
    said = values if isinstance(values, dict) else {}
    groups = ("data", "model", "noise", "optimizer")
    missing = [key for key in groups if not isinstance(said.get(key), dict)]
    if not isinstance(cfg, DictConfig) or missing:
        raise RunError(f"{CONFIG} lacks {', '.join(missing) or 'everything'}")
    for key, value in flatten(values):
        # Of what is saved, everything has been resolved; this would read what is not the run's.
        if "${" in str(value):
            raise RunError(f"{CONFIG} holds an interpolation, which is not resolved: {key}")
    if not isinstance(values.get("seed", 0), int):
        raise RunError(f"{CONFIG} can't be read: its seed is no whole number")
    return cfg


def read_overrides(run: Path) -> dict[str, str]:
    """The values that a run was given on its command line, by key."""

    def said(text: str) -> dict[str, str]:
        lines = yaml.safe_load(text) or []
        pairs = (str(line).lstrip("+~").partition("=") for line in lines)
        return {key.partition("@")[0]: value for key, _, value in pairs}

    return _read_aside(run / OVERRIDES, said, {})


def read_choices(run: Path) -> dict[str, str]:
    """The choice of each config group, by group; empty where it was not recorded."""

    def said(text: str) -> dict[str, str]:
        # The safe loader in C: the file is long.
        values = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return dict(values["hydra"]["runtime"]["choices"])

    return _read_aside(run / HYDRA, said, {})


def read_history(run: Path) -> list[dict[str, float]]:
    """The rows of `metrics.csv`, an epoch each; empty where there is none."""

    def said(text: str) -> list[dict[str, float]]:
        rows = csv.DictReader(text.splitlines())
        return [{name: float(value) for name, value in row.items() if value} for row in rows]

    return _read_aside(run / HISTORY, said, [])


def read_environment(run: Path) -> dict[str, str]:
    """Versions and hardware that a run was trained with; empty where it was not recorded."""

    def said(text: str) -> dict[str, str]:
        values = {str(name): str(value) for name, value in json.loads(text).items()}
        return {**values, **{name: values[name] for name in ("date", "processor", "gpus")}}

    return _read_aside(run / ENVIRONMENT, said, {})


def _read_aside(path: Path, said: Callable[[str], Said], without: Said) -> Said:
    """What a file beside the numbers says; `without` where it is missing, or damaged, and named."""
    try:
        return said(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return without
    except Exception as error:  # each reader has its own ways to fail
        log.warning("%s can't be read and is left out: %s", path, first_lines(error))
        return without


def read_metrics(run_dir: Path) -> dict[str, float] | None:
    """`metrics.json` of a run; None where the run is not finished.

    Raises:
        RunError: If it is damaged.
    """
    path = run_dir / METRICS
    if not path.exists():
        return None
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be read: {first_lines(error)}") from error
    if not isinstance(metrics, dict) or not all(
        isinstance(value, int | float) for value in metrics.values()
    ):
        raise RunError(f"{path} can't be read: it is no list of numbers by name")
    return metrics


def write_metrics(run_dir: Path, metrics: dict[str, float]) -> None:
    """Writes `metrics.json`, which marks the run as finished."""
    write_text(run_dir / METRICS, json.dumps(metrics, indent=2) + "\n")


def checkpoint(run: Path) -> Path:
    """The file of the weights that the run was tested with: of its best epoch, or of the last.

    Those of the best are in a checkpoint, or in the file of weights that was made of it; where
    none was chosen as the best, the last were tested.

    Raises:
        RunError: If it has none.
    """
    for path in (run / BEST, run / WEIGHTS, run / LAST):
        if path.exists():
            return path
    raise RunError(f"{BEST} is missing, and {WEIGHTS.name} as well")


def is_pruned(error: Exception) -> bool:
    """Whether a search has ended the run, which is no failure; known without importing Optuna.

    The error of a distributed run names that of its process.
    """
    return "TrialPruned" in f"{type(error).__name__} {error}"


def first_lines(error: Exception) -> str:
    """The beginning of what an error says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # load_state_dict says what is wrong in its second line.
    return " ".join(lines[:2])[:300] if lines else type(error).__name__
