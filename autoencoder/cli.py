"""The programs: `train` makes a run or a sweep, `evaluate` its report, `pack` a folder of images.

A checkout starts them as `python train.py` and so on, an installed package as `autoencoder-train`
and so on. One more, `trained`, uses a run: it is `autoencoder`, or `python -m autoencoder`, and its
first word is what to do. What takes time to import is imported inside: torch, as `--help` does not
need it, and Hydra, as a signal may come meanwhile.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from autoencoder.commandline import command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def _prepare_hydra() -> None:
    from autoencoder import runs  # noqa: F401 (the resolvers that configs name)
    from autoencoder.sweeps import plugins

    # What only shows a config runs nothing, and need not wait for what would.
    shows = {"--help", "-h", "--cfg", "-c"} & {word.partition("=")[0] for word in sys.argv[1:]}
    plugins.register(classes=not shows)


@command("train", before=_prepare_hydra)
def train(cfg: DictConfig) -> float | list[float]:
    """One run; returns what a sweeper is to optimise."""
    from autoencoder.experiment.train import train

    metrics = train(cfg)
    names = cfg.optimized_metric
    return metrics[names] if isinstance(names, str) else [metrics[name] for name in names]


@command("evaluate", before=_prepare_hydra)
def evaluate(cfg: DictConfig) -> None:
    """One report, or one that is kept current."""
    from autoencoder.report import evaluate
    from autoencoder.sweeps.watch import watch

    (watch if cfg.watch else evaluate)(cfg)


@command("pack", before=_prepare_hydra)
def pack(cfg: DictConfig) -> None:
    """One folder of packed images."""
    from autoencoder.experiment.pack import pack

    pack(cfg)


# What each command of `autoencoder` does; it is a function of that name in a file of `trained`.
COMMANDS = {
    "embed": ("embed", "the latents of images"),
    "reconstruct": ("make", "images as the model gives them back, and their error"),
    "denoise": ("make", "images without their noise"),
    "generate": ("make", "new images"),
    "interpolate": ("make", "the images on the way between two"),
    "score": ("score", "how odd each image is, the oddest first"),
    "demo": ("demo", "a page in the browser, to play with a run or to compare several"),
    "export": ("export", "the model as safetensors, ONNX or torch.export"),
}


def trained() -> None:
    """One use of a trained model, named by the first word of the command line."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("--help", "-h"):
        print("Uses a trained model. Commands, each with its own --help:\n")
        for known, (_, meaning) in COMMANDS.items():
            print(f"  autoencoder {known:<12}{meaning}")
        return
    if name not in COMMANDS:
        sys.exit(f"error: {name}: no such command; it is one of {', '.join(COMMANDS)}")
    # As a program of its own, which has its config in a file of that name.
    sys.argv[:2] = [f"autoencoder {name}"]

    @command(name, before=_prepare_hydra)
    def program(cfg: DictConfig) -> None:
        from autoencoder.trained.options import carried_out

        module = importlib.import_module(f"autoencoder.trained.{COMMANDS[name][0]}")
        carried_out(cfg, getattr(module, name))

    program()
