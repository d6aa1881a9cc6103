"""Where `python train.py` spends its time, end to end, and what a run takes on the disk.

    AUTOENCODER_DATA=FOLDER python benchmarks/run_time.py
    AUTOENCODER_DATA=FOLDER python benchmarks/run_time.py --busy 2 trainer.fast_dev_run=true
    AUTOENCODER_DATA=FOLDER python benchmarks/run_time.py --sweep

A process of its own trains the baseline for two epochs, with everything that a run does; functions
of the framework are timed in it, each without what others of the list take within it. `--busy`
starts as many processes that count beside it; `--sweep` trains two seeds and times the start of the
second run, from the end of the first to its first step.
"""

import argparse
import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

ROOT = Path(__file__).parent.parent
BUSY = "while True: pass"
# What is timed, by what it is called in the table.
STAGES = {
    "threads: watching for others": "autoencoder.experiment.threads:free_cores",
    "checking the config": "autoencoder.experiment.train:check",
    "reading and splitting the data": "autoencoder.experiment.build:build_data",
    "building model and trainer": "autoencoder.experiment.train:build",
    "saving config and environment": "autoencoder.runs:start",
    "epochs": "lightning.pytorch.loops.fit_loop:_FitLoop.advance",
    "epochs: checkpoints": "lightning.pytorch:Trainer.save_checkpoint",
    "fit, around the epochs": "lightning:Trainer.fit",
    "test": "lightning:Trainer.test",
    "loss curve": "autoencoder.callbacks:History.on_fit_end",
    "reconstructions": "autoencoder.callbacks:Reconstructions.on_test_end",
    "interpolations and samples": "autoencoder.callbacks:Samples.on_test_end",
    "latents: encoding and drawing": "autoencoder.callbacks:LatentMaps.on_test_end",
    "latents: TensorBoard's projector": "torch.utils.tensorboard:SummaryWriter.add_embedding",
    "latents: PCA": "autoencoder.analysis.pca:PrincipalComponents.fit",
    "latents: t-SNE": "sklearn.manifold:TSNE.fit_transform",
}


class Clock:
    """Seconds by stage; those of a stage within another are taken from the outer one."""

    def __init__(self, start: float) -> None:
        self.seconds: dict[str, float] = {}
        self.first_steps: list[float] = []
        self.run_ends: list[float] = []
        self._inner = [0.0]
        self._last = start

    def lap(self, name: str) -> None:
        """Gives the time since the last lap to a stage."""
        now = time.time()
        self.seconds[name] = now - self._last
        self._last = now

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed as a stage."""

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.time()
            self._inner.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                whole = time.time() - start
                own = whole - self._inner.pop()
                self.seconds[name] = self.seconds.get(name, 0.0) + own
                self._inner[-1] += whole

        return timed

    def instrument(self) -> None:
        """Has the stages timed."""
        for name, path in STAGES.items():
            module, _, attribute = path.partition(":")
            owner_name, _, last = attribute.rpartition(".")
            owner = resolve_name(f"{module}:{owner_name}" if owner_name else module)
            found = vars(owner)[last]
            if isinstance(found, classmethod):
                setattr(owner, last, classmethod(self.timed(name, found.__func__)))
            else:
                setattr(owner, last, self.timed(name, found))


def run(start: float, words: list[str]) -> None:
    """`python train.py` with these words, timed; prints the table at its end."""
    import atexit

    clock = Clock(start)
    sys.argv = [str(ROOT / "train.py"), *words]
    from autoencoder import cli

    clock.lap("starting Python")
    import hydra  # noqa: F401

    clock.lap("importing Hydra")
    import autoencoder.experiment.train as program

    clock.lap("importing torch, Lightning and the rest")
    clock.instrument()
    from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop

    train, advance = program.train, _TrainingEpochLoop.advance

    def run_once(cfg: Any) -> Any:
        if not clock.run_ends:
            clock.lap("composing the config")
        try:
            return train(cfg)
        finally:
            clock.run_ends.append(time.time())

    def step(loop: Any, *arguments: Any) -> None:
        if len(clock.first_steps) == len(clock.run_ends):
            clock.first_steps.append(time.time())
        advance(loop, *arguments)

    program.train = run_once
    setattr(_TrainingEpochLoop, "advance", step)  # noqa: B010  # a method of another signature
    atexit.register(lambda: _print(clock))
    cli.train()


def _print(clock: Clock) -> None:
    print("stage                                       s")
    for name, seconds in clock.seconds.items():
        print(f"{name:<40}{seconds:6.2f}")
    epochs = sum(seconds for name, seconds in clock.seconds.items() if name.startswith("epochs"))
    print(f"{'outside the epochs':<40}{sum(clock.seconds.values()) - epochs:6.2f}")
    if len(clock.first_steps) > 1:
        print(f"start of the second run {clock.first_steps[1] - clock.run_ends[0]:22.2f}")
    sys.stdout.flush()


def main() -> None:
    """Starts the run, and what is to be busy beside it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--busy", type=int, default=0, help="processes that count beside it")
    parser.add_argument("--sweep", action="store_true", help="two seeds in one process")
    parser.add_argument("--started", type=float, help=argparse.SUPPRESS)
    parser.add_argument("overrides", nargs="*", help="of the run")
    arguments = parser.parse_args()
    words = [*arguments.overrides, "trainer.max_epochs=2", "name=timed"]
    if arguments.sweep:
        words += ["-m", "seed=0,1"]
    if arguments.started:
        run(arguments.started, words)
        return

    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(arguments.busy)]
    try:
        with tempfile.TemporaryDirectory() as folder:
            start = time.time()
            command = [sys.executable, __file__, "--started", str(start)]
            options = ["--sweep"] if arguments.sweep else []
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            command += [*options, *arguments.overrides]
            output = subprocess.run(
                command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
            ).stdout
            whole = time.time() - start
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            sizes = {str(path.relative_to(folder)): path.stat().st_size for path in files}
    finally:
        for process in others:
            process.kill()
    print(output[output.index("stage  ") :], end="")
    print(f"{'end to end':<40}{whole:6.2f}")
    print(f"\n{sum(sizes.values()) / 1e6:.1f} MB, the largest files of it:")
    for path, size in sorted(sizes.items(), key=lambda pair: -pair[1])[:5]:
        print(f"{size / 1e6:8.2f}  {path}")


if __name__ == "__main__":
    main()
