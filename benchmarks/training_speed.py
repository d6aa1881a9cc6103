"""Seconds of a training epoch: this framework, a bare loop, and torchvision's own pipeline.

    AUTOENCODER_DATA=FOLDER python benchmarks/training_speed.py --rounds 3

Each measurement is a process of its own, as the allocator's settings last as long as a process,
and they alternate, as a machine's speed drifts. All train the baseline on the same 55,000 images,
batch 128, Adam 1e-3, on the CPU, or with `--device cuda` on a GPU, on which none of it has been
measured yet:

- `framework`: `train.py` with its validation, all its callbacks, checkpoints and logging.
- `bare`: the loop that people write over float tensors in memory, with the libraries' defaults
  of layout, optimiser and allocator; no validation, no logging. On a GPU the images are there.
- `torchvision`: the same loop over torchvision's dataset with `ToTensor` in a `DataLoader`.
"""

import argparse
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).parent.parent
PIPELINES = ("framework", "bare", "torchvision")
TRAINERS = {"cpu": "cpu", "cuda": "gpu"}


def framework(epochs: int, folder: Path, device: str) -> list[float]:
    """Seconds from the start of an epoch to the start of the next."""
    import lightning as L
    from hydra import compose, initialize_config_dir

    from autoencoder import runs
    from autoencoder.experiment.build import build
    from autoencoder.sweeps import plugins

    plugins.register()  # a config names the sweeper of this package
    starts: list[float] = []

    class Clock(L.Callback):
        def on_train_epoch_start(self, trainer: L.Trainer, model: L.LightningModule) -> None:
            starts.append(time.perf_counter())

    with (
        tempfile.TemporaryDirectory() as run_dir,
        initialize_config_dir(str(ROOT / "conf"), version_base="1.3"),
    ):
        overrides = [
            f"trainer={TRAINERS[device]}",
            f"trainer.max_epochs={epochs + 1}",
            f"run_dir={run_dir}",
        ]
        cfg = compose("train", [*overrides, "name=speed"])
        data, model, trainer = build(cfg)
        runs.start(cfg)
        trainer.callbacks.insert(0, Clock())  # type: ignore[attr-defined]
        trainer.fit(model, data)
    return [after - before for before, after in pairwise(starts)]


def bare(epochs: int, folder: Path, device: str) -> list[float]:
    """Seconds of each epoch over float tensors in memory."""
    import torch
    from torchvision.datasets import FashionMNIST

    images = FashionMNIST(folder).data[:, None].to(device) / 255

    def batches() -> Iterable[torch.Tensor]:
        for indices in torch.randperm(len(images), device=device).split(128):
            yield images[indices]

    return _loop(epochs, batches, device)


def torchvision(epochs: int, folder: Path, device: str) -> list[float]:
    """Seconds of each epoch over torchvision's dataset."""
    from torch.utils.data import DataLoader
    from torchvision.datasets import FashionMNIST
    from torchvision.transforms import ToTensor

    loader = DataLoader(FashionMNIST(folder, transform=ToTensor()), batch_size=128, shuffle=True)
    return _loop(epochs, lambda: (images.to(device) for images, _ in loader), device)


def write_files(folder: Path) -> None:
    """Writes the training images of the protocol as files that torchvision reads."""
    from autoencoder.data import FashionMNIST

    root = os.environ.get("AUTOENCODER_DATA", "data")
    data = FashionMNIST(
        root, batch_size=128, val_size=5000, seed=0, split_seed=0, num_workers=0, download=True
    )
    data.setup()
    images, labels = data.train.images, data.train.labels
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    header = struct.pack(">IIII", 2051, *images[:, 0].shape)
    for split in ("train", "t10k"):
        path = raw / f"{split}-images-idx3-ubyte"
        path.write_bytes(header + images.numpy().tobytes())
        path = raw / f"{split}-labels-idx1-ubyte"
        path.write_bytes(struct.pack(">II", 2049, len(labels)) + bytes(labels.tolist()))


def _loop(epochs: int, batches: Callable[[], Iterable["torch.Tensor"]], device: str) -> list[float]:
    """Seconds of each epoch of the plainest training loop."""
    import torch
    from torch import nn

    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 3, 2, 1), nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 3, 2, 1, 1), nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 3, 2, 1, 1), nn.Sigmoid(),
    ).to(device)  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        total = 0.0
        for images in batches():
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(images), images)
            loss.backward()
            optimizer.step()
            total += loss.item()
        seconds.append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Measures all pipelines in alternation, or one in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of a measurement")
    parser.add_argument("--device", choices=TRAINERS, default="cpu", help="what is trained on")
    parser.add_argument("--only", choices=PIPELINES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(*globals()[arguments.only](arguments.epochs, arguments.folder, arguments.device))
        return
    if arguments.device == "cuda":
        import torch

        if not torch.cuda.is_available():
            sys.exit("--device cuda: there is no GPU here that torch can use; nothing was measured")

    measured: dict[str, list[float]] = {name: [] for name in PIPELINES}
    with tempfile.TemporaryDirectory() as folder:
        # Here, as large buffers that a process has freed change its allocator's habits.
        write_files(Path(folder))
        for _ in range(arguments.rounds):
            for name in PIPELINES:
                command = [sys.executable, __file__, "--only", name, "--folder", folder]
                output = subprocess.run(
                    [*command, "--epochs", str(arguments.epochs), "--device", arguments.device],
                    check=True, stdout=subprocess.PIPE, text=True,
                ).stdout  # fmt: skip
                # The first epoch of a process warms up.
                seconds = [float(word) for word in output.split("\n")[-2].split()][1:]
                measured[name] += seconds
                print(f"{name:<12}", *(f"{value:6.2f}" for value in seconds), flush=True)
    medians = {name: statistics.median(values) for name, values in measured.items()}
    print("\npipeline     s / epoch   framework is faster by")
    for name, median in medians.items():
        print(f"{name:<12} {median:9.2f}   {median / medians['framework']:.2f} x")


if __name__ == "__main__":
    main()
