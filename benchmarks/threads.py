"""Milliseconds of a training step against threads: alone, and beside other work.

    python benchmarks/threads.py

The step of the baseline, batch 128, as the framework does it, on the CPU. Each measurement is a
process of its own, as OpenMP reads `OMP_WAIT_POLICY` once; the other work is started here as well:

- `alone`: nothing else.
- `busy core`: a process that counts, in one thread.
- `training`: the same training, in as many threads, with the same wait policy.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUSY = "while True: pass"
# What OpenMP's threads do while they wait; "" leaves it to the library, which spins for a while.
POLICIES = ("", "passive", "active")
BESIDE = ("alone", "busy core", "training")


def train(threads: int, seconds: float) -> list[float]:
    """Milliseconds of each training step made in so many seconds, after one second of warming."""
    import torch
    from hydra import compose, initialize_config_dir

    from autoencoder.experiment.build import build

    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        overrides = ["trainer=cpu", "data=synthetic", "data.train_size=1024", "data.val_size=128"]
        data, model, _ = build(
            compose("train", [*overrides, "data.test_size=128", "run_dir=.", "name=threads"])
        )
    torch.set_num_threads(threads)
    images = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0).images
    optimizer = model.optimizer(model.parameters())
    took: list[float] = []
    end = time.perf_counter() + 1 + seconds
    while (start := time.perf_counter()) < end:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(images), images).backward()
        optimizer.step()
        if start > end - seconds:
            took.append((time.perf_counter() - start) * 1000)
    return took


@contextmanager
def other_work(beside: str, command: list[str], environment: dict[str, str]) -> Iterator[None]:
    """Runs it until the block ends, once it is at it."""
    if beside == "alone":
        yield
        return
    words = [sys.executable, "-c", BUSY] if beside == "busy core" else [*command, "3600"]
    process = subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(1 if beside == "busy core" else 6)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Measures all in turn, or one in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="*", help="how many; 1, 2, 4, ... all cores")
    parser.add_argument("--policies", nargs="*", default=POLICIES, help="of OMP_WAIT_POLICY")
    parser.add_argument("--seconds", type=float, default=3, help="of a measurement")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        threads, seconds = int(arguments.only[0]), float(arguments.only[1])
        print(*train(threads, seconds))
        return

    cores = len(os.sched_getaffinity(0))
    counts = arguments.threads or sorted({*(2**n for n in range(9) if 2**n <= cores), cores})
    print(f"{cores} cores; median (mean) ms a step")
    print(f"threads  {'OMP_WAIT_POLICY':<16}", *(f"{beside:<18}" for beside in BESIDE))
    inherited = {key: value for key, value in os.environ.items() if "OMP" not in key}
    for policy in arguments.policies:
        environment = inherited | ({"OMP_WAIT_POLICY": policy} if policy else {})
        for threads in counts:
            command = [sys.executable, __file__, "--only", str(threads)]
            cells = []
            for beside in BESIDE:
                with other_work(beside, command, environment):
                    words = [*command, str(arguments.seconds)]
                    output = subprocess.run(
                        words,
                        env=environment,
                        check=True,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                        text=True,
                    ).stdout
                took = [float(word) for word in output.split("\n")[-2].split()]
                median, mean = statistics.median(took), statistics.mean(took)
                cells.append(f"{f'{median:.1f} ({mean:.1f})':<18}")
            print(f"{threads:>7}  {policy or 'not set':<16}", *cells, flush=True)


if __name__ == "__main__":
    main()
