"""Runs: a directory each, that says what was asked, how far it came and what came of it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from autoencoder.files import write_text

CONFIG = Path(".hydra/config.yaml")
METRICS = Path("metrics.json")
BEST = Path("checkpoints/best.ckpt")
LAST = Path("checkpoints/last.ckpt")

# Keys that may differ between two descriptions of the same run: where it lies, where the files
# of its data lie, and how it is shown.
_NOT_THE_EXPERIMENT = ("run_dir", "name", "overwrite", "data.root", "optimized_metric")
_WRITTEN = (".hydra", "checkpoints", "tensorboard", "figures", "metrics.csv", "metrics.json")


class RunConflictError(RuntimeError):
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
    _save_config(cfg)


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
    write_text(folder / CONFIG.name, OmegaConf.to_yaml(resolved(cfg)))


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
