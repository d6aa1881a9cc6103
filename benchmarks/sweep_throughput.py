"""Images a second of a whole sweep: one run after the other, and several at once.

    AUTOENCODER_DATA=FOLDER python benchmarks/sweep_throughput.py

Two designs, two noises and two seeds, each run with all that it does; training images over the wall
time of the command, from its start to its end. `taskset -c 0-7` before the command pins it to a
subset of the cores of a larger machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
GRID = ["model=baseline,compact4layer", "noise=none,gaussian", "seed=0,1"]
LAUNCHERS = {"one after the other": [], "several at once": ["hydra/launcher=joblib"]}


def main() -> None:
    """Runs the sweep in each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("overrides", nargs="*", help="of all runs")
    arguments = parser.parse_args()
    rates = []
    for name, launcher in LAUNCHERS.items():
        with tempfile.TemporaryDirectory() as folder:
            words = ["-m", *GRID, f"trainer.max_epochs={arguments.epochs}", "name=sweep"]
            command = [sys.executable, str(ROOT / "train.py"), *words, *launcher]
            start = time.perf_counter()
            subprocess.run(
                [*command, *arguments.overrides],
                cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            seconds = time.perf_counter() - start
        rates.append(8 * arguments.epochs * 55_000 / seconds)
        print(f"{name:<20} {seconds:6.1f} s  {rates[-1]:8,.0f} images/s", flush=True)
    print(f"{rates[1] / rates[0]:.2f} x on {len(os.sched_getaffinity(0))} cores")


if __name__ == "__main__":
    main()
