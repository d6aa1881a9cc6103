"""The start of a run: its directory is taken, or refused."""

import fcntl
import json
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from autoencoder import AutoencoderError
from autoencoder.runs.directory import CONFIG, ENVIRONMENT, read_metrics
from autoencoder.runs.environment import environment, program
from autoencoder.runs.files import asides, write_text
from autoencoder.runs.identity import PLACE, differences, resolved

# What overwriting a run removes, in this order: what marks it as finished goes first, so that a
# kill in between leaves no old numbers that pass for new ones.
_WRITTEN = (
    "metrics.json", "report", "cache", "figures", "tensorboard", "metrics.csv", "checkpoints",
    ".hydra",
)  # fmt: skip


class RunConflictError(AutoencoderError):
    """A run directory that holds something else than what was asked for."""


def finished(cfg: DictConfig) -> dict[str, float] | None:
    """The metrics of the run in `cfg.run_dir`, if it is finished already; writes nothing.

    Raises:
        RunConflictError: If the directory holds a run of another config and `overwrite` is false.
    """
    run_dir = Path(cfg.run_dir)
    if cfg.overwrite:
        return None
    if (run_dir / CONFIG).exists():
        different = list(differences(OmegaConf.load(run_dir / CONFIG), cfg))
        if different:
            raise RunConflictError(
                f"{run_dir} holds a run of another configuration:\n"
                + "\n".join(f"  {line}" for line in different)
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
