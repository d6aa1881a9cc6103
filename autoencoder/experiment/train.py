"""One experiment: what a config describes is built, trained, tested and written down."""

import difflib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from omegaconf import DictConfig
from rich.table import Column, Table

from autoencoder import runs
from autoencoder.console import as_text
from autoencoder.experiment import slurm
from autoencoder.experiment.build import ConfigError, build, build_trainer
from autoencoder.experiment.checks import check
from autoencoder.experiment.failures import failures_recorded
from autoencoder.experiment.fit import fit_and_test, quiet
from autoencoder.experiment.gpus import own_gpu
from autoencoder.experiment.launch import launch, must_launch
from autoencoder.experiment.threads import set_threads
from autoencoder.metrics import RECORDED
from autoencoder.models import Autoencoder

log = logging.getLogger(__name__)


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
    quiet()
    slurm.handle_signals()
    if slurm.was_requeued():
        cfg.overwrite = False  # what is there now is what this job has done
    run_dir = Path(cfg.run_dir)
    if slurm.is_follower():
        return _follow(cfg)
    with slurm.leading(run_dir) as begin, runs.locked(run_dir):
        # Who is refused here leaves nothing in the directory of another.
        metrics = runs.finished(cfg)
        if metrics is not None:
            log.info("finished already, not run again")
        else:
            with failures_recorded(run_dir), _placed(cfg) as placed:
                metrics = _run(cfg, placed, begin)
    log.info("%s", _table(metrics))
    log.info("%s", run_dir)
    return metrics


def _run(cfg: DictConfig, placed: DictConfig, begin: Callable[[], None]) -> dict[str, float]:
    check(cfg)
    before = None if cfg.overwrite else Path(cfg.run_dir)
    # What is saved says how many there were, for who repeats the run.
    cfg.threads = placed.threads = set_threads(cfg.threads, before, alone=slurm.n_tasks() == 1)
    is_launched = must_launch(build_trainer(placed))
    data, model, trainer = build(placed, load=not is_launched)
    _check_optimized(cfg.optimized_metric, model)
    runs.start(cfg)
    begin()
    if is_launched:
        return launch(cfg, trainer.num_devices)
    return fit_and_test(cfg, data, model, trainer)


def _follow(cfg: DictConfig) -> dict[str, float]:
    """The part of a process that another one of its Slurm job leads."""
    if slurm.follow(Path(cfg.run_dir)):
        set_threads(cfg.threads, Path(cfg.run_dir), alone=False)
        return fit_and_test(cfg, *build(cfg))
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


def _check_optimized(names: str | list[str], model: Autoencoder) -> None:
    # A misspelt name would otherwise end the run after its training.
    known = [name for name in RECORDED if not name.startswith("test/")] + [*model.test_metrics]
    for name in [names] if isinstance(names, str) else names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1) or known
            raise ConfigError(f"optimized_metric={name}: did you mean {', '.join(close)}?")


def _table(metrics: dict[str, float]) -> str:
    names = (Column(name, no_wrap=True) for name in ("metric", "value"))
    table = Table(*names, "meaning", title="Test", title_justify="left")
    test = {name: value for name, value in metrics.items() if name.startswith("test/")}
    for name, metric in RECORDED.items():
        if name in test:
            table.add_row(name, format(test.pop(name), metric.format), metric.meaning)
    for name, value in test.items():  # a model's own, which nobody has described
        table.add_row(name, f"{value:.4g}")
    return as_text(table)
