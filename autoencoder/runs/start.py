"""The start of a run: its directory is taken, or refused."""

import json
import logging
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from autoencoder import AutoencoderError
from autoencoder.runs.directory import (
    CONFIG,
    ENVIRONMENT,
    ERROR,
    HISTORY,
    LOG,
    METRICS,
    PRUNED,
    SWEEP,
    read_config,
    read_metrics,
)
from autoencoder.runs.environment import environment, program
from autoencoder.runs.files import clear_asides, remove, write_text
from autoencoder.runs.identity import PLACE, differences, resolved
from autoencoder.runs.lock import held

# What overwriting a run removes, in this order: what marks it as finished goes first, so that a
# kill in between leaves no old numbers that pass for new ones.
_WRITTEN = (
    "metrics.json", "report", "cache", "figures", "tensorboard", "csv", "wandb", "mlflow_run_id",
    "metrics.csv", "checkpoints", ".hydra",
)  # fmt: skip
# What is there before a run is started, and once all else of `_WRITTEN` is removed.
_NOTHING_LOST = {str(LOG), str(ERROR), str(PRUNED)}
# What is written aside, by folder.
_ASIDES = {
    ".": (*map(str, (METRICS, HISTORY, ERROR, PRUNED)), "report", "report.old"),
    ".hydra": ("*.yaml", "*.json"),
    ".hydra/experiment": ("this.yaml",),
    "checkpoints": ("*.ckpt",),
    "figures": ("*.png",),
    "cache": ("*.npz", "*.npy", "*.json", "*.pt"),
}
# What a run that is refused leaves, and its sweep.
_OF_THE_REFUSED = {str(LOG), str(ERROR), ".lock", str(SWEEP)}


class RunConflictError(AutoencoderError):
    """A run directory that holds something else than what was asked for."""


def finished(cfg: DictConfig) -> dict[str, float] | None:
    """The metrics of the run in `cfg.run_dir`, if it is finished already; writes nothing.

    Raises:
        RunConflictError: If the directory holds a run of another config and `overwrite` is false,
            or is not to be overwritten.
        RunError: If the config that is there can't be read.
    """
    run_dir = Path(cfg.run_dir)
    if cfg.overwrite:
        _check_overwritten(run_dir)
        return None
    if (run_dir / CONFIG).exists():
        different = list(differences(read_config(run_dir), cfg))
        if different:
            raise _refusal(
                run_dir,
                f"{run_dir} holds a run of another configuration:\n"
                + "\n".join(f"  {line}" for line in different)
                + "\nchoose another name=..., or overwrite=true to replace it",
            )
    return read_metrics(run_dir)


def start(cfg: DictConfig) -> None:
    """Takes `cfg.run_dir` for this run: clears it if it is to be overwritten, saves the config.

    What an unfinished run of the same config has left stays: its last checkpoint is where to go
    on.

    Raises:
        RunConflictError: If the directory is not to be overwritten.
    """
    run_dir = Path(cfg.run_dir)
    if cfg.overwrite:
        _check_overwritten(run_dir)
        for name in _WRITTEN:
            remove(run_dir / name)
    for folder, names in _ASIDES.items():
        clear_asides(run_dir / folder, *names)
    _save_config(cfg)


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Keeps other processes out of a run directory; a killed process keeps nobody out.

    Raises:
        RunConflictError: If another process is in it.
        OSError: If it can't be made or written to.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    with held(run_dir / ".lock") as free:
        if not free:
            raise _refusal(
                run_dir,
                f"another process is running {run_dir}; wait for it, or choose another name=...",
            )
        yield


def remove_unless_started(folder: Path) -> bool:
    """Removes a run, or a sweep, of which nothing was started: it may be typed again, correctly.

    Args:
        folder: Of the run or of the sweep. The folder above it goes as well where it is empty.

    Returns:
        Whether nothing was started.
    """
    files = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    if not {path.name for path in files} <= _OF_THE_REFUSED:
        return False
    remove(folder)
    with suppress(OSError):  # others are in it
        folder.parent.rmdir()
    return True


def _check_overwritten(run_dir: Path) -> None:
    """Refuses to overwrite what is no run, and links, before anything is lost."""
    for name in _WRITTEN:
        if (run_dir / name).is_symlink():
            raise _refusal(run_dir, f"{run_dir / name} is a link, which is not overwritten")
    if (run_dir / CONFIG).exists() or (run_dir / METRICS).exists() or not run_dir.exists():
        return
    # Some file systems keep hidden files for what is still open.
    there = {path.name for path in run_dir.iterdir() if not path.name.startswith(".")}
    if there - _NOTHING_LOST:
        raise _refusal(
            run_dir, f"{run_dir} is no run, so it is not overwritten; choose another name=..."
        )


def _refusal(run_dir: Path, text: str) -> RunConflictError:
    """What to say of a directory that is somebody else's, whose log this process leaves."""
    for handler in list(logging.getLogger().handlers):
        file = getattr(handler, "baseFilename", None)
        if file == str((run_dir / LOG).absolute()):
            logging.getLogger().removeHandler(handler)
            handler.close()
    return RunConflictError(text)


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
    for key in PLACE:
        values.pop(key, None)
    described = {
        "defaults": [*({f"override /{group}": choices[group]} for group in groups), "_self_"],
        **values,
    }
    return (
        "# @package _global_\n"
        f"# Repeats the run: {shlex.join(program('train'))} --config-dir RUN/.hydra"
        " experiment=this name=again\n" + OmegaConf.to_yaml(described)
    )
