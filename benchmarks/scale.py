"""Time and memory against the number of images, in memory, mapped and streamed.

    AUTOENCODER_DATA=FOLDER python benchmarks/scale.py pack PACKED
    python benchmarks/scale.py images PACKED --out images.csv

`pack` repeats the images of Fashion-MNIST as often as it takes: 10 million are 7.8 GB. Each
measurement is a process of its own. Memory is the most that the process had for itself (RssAnon of
/proc): pages of a mapped file are the system's, which takes them back when others need room; they
are given apart. A step is one of the baseline, batch 128, with all callbacks.
"""

import argparse
import csv
import json
import math
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
COUNTS = (10_000, 60_000, 240_000, 1_000_000, 10_000_000)
LARGEST_IN_MEMORY = 1_000_000
STEPS, WARM_UP = 200, 20
BATCH = 128


def pack(folder: Path, counts: Iterable[int]) -> None:
    """Fashion-MNIST over and over, packed."""
    import torch
    from hydra import compose, initialize_config_dir
    from torch import Tensor

    from autoencoder.data import chunking, packed
    from autoencoder.data.chunked import order_of_test
    from autoencoder.data.packing import Part, write
    from autoencoder.experiment.build import build_data

    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        source = build_data(compose("train", ["name=scale"]), load=False).source
    images, labels = source.train_images, source.train_labels

    def batches(count: int) -> Callable[[int], Iterator[tuple[Tensor, Tensor]]]:
        def after(start: int) -> Iterator[tuple[Tensor, Tensor]]:
            while start < count:
                first = start % len(images)
                rows = slice(first, min(first + 6000, first + count - start))
                yield images[rows], labels[rows]
                start += len(images[rows])

        return after

    test = Part((10_000, 1, 28, 28), True, batches(10_000))
    for count in counts:
        train = Part((count, 1, 28, 28), True, batches(count))
        parts = {"train": train, "test": test}
        write(folder / f"{count}", parts, source.classes, {"source": "repeated"}, "scale")
        found = packed.read(folder / f"{count}")
        order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
        given = {
            "train": (found.train_images, found.train_labels, order),
            "test": (found.test_images, found.test_labels, order_of_test(10_000, 0)),
        }
        about = {"source": "repeated"}
        chunking.write(folder / f"{count}-chunks", given, source.classes, about, 0, "scale")
        print(f"{count:,} packed", flush=True)


def images(folder: Path, counts: Iterable[int]) -> Iterator[dict[str, Any]]:
    """In memory, mapped and streamed, the last with a loader worker as well, by their number."""
    for count in counts:
        for kind in ("memory", "mapped", "streamed", "streamed-1"):
            if kind != "memory" or count <= LARGEST_IN_MEMORY:
                yield {"kind": kind, "images": count} | child("step", kind, folder / f"{count}")


def child(*words: str | Path) -> dict[str, Any]:
    """What a measurement in a process of its own prints."""
    command = [sys.executable, __file__, *map(str, words)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    row: dict[str, Any] = json.loads(said.splitlines()[-1])
    print(words, row, flush=True)
    return row


def step(kind: str, folder: Path) -> dict[str, float]:
    """The start, an epoch of the loader alone, and steps of training."""
    from autoencoder.data import ImageData, MappedImages, StreamedImages, packed

    class InMemory(MappedImages):
        def load(self) -> ImageData:
            loaded = packed.read(self.root)
            tensors = {name: getattr(loaded, name).clone() for name in loaded._fields[:4]}
            return loaded._replace(**tensors)

    streamed = kind.startswith("streamed")
    made = {"memory": InMemory, "mapped": MappedImages}.get(kind, StreamedImages)
    root = folder.with_name(f"{folder.name}-chunks") if streamed else folder
    with Memory() as memory:
        start = time.perf_counter()
        val_size = min(5000, int(folder.name) // 10)
        workers = 1 if kind == "streamed-1" else 0
        data = made(
            root, batch_size=BATCH, val_size=val_size, seed=0, split_seed=0, num_workers=workers
        )
        data.setup()
        loader = data.train_dataloader()
        next(iter(loader))
        started = time.perf_counter() - start
        for path in root.glob("train/*.bin" if streamed else "train_images.npy"):
            with path.open("rb") as file:
                while file.read(2**24):  # so that the system has it in memory
                    pass
        start = time.perf_counter()
        for _ in loader:
            pass
        epoch = time.perf_counter() - start
        seconds = trained(["model=baseline"], data)
    held = sum(t.nbytes for t in data.source[:4]) if kind == "memory" else 0
    return {
        "start_s": started, "loader_epoch_s": epoch, "step_ms": 1000 * seconds,
        "held_mb": held / 1e6, **memory.peaks(),
    }  # fmt: skip


def trained(words: list[str], data: Any, steps: int = STEPS) -> float:
    """The median of the seconds of a training step."""
    import lightning as L
    from hydra import compose, initialize_config_dir

    from autoencoder.experiment.allocator import keep_freed_memory
    from autoencoder.experiment.build import build_model, build_trainer

    keep_freed_memory()
    ends: list[float] = []

    class Clock(L.Callback):
        def on_train_batch_end(self, *args: Any) -> None:
            ends.append(time.perf_counter())

    with (
        tempfile.TemporaryDirectory() as run_dir,
        initialize_config_dir(str(ROOT / "conf"), version_base="1.3"),
    ):
        limit = ["trainer=cpu", "trainer.max_epochs=1", f"trainer.limit_train_batches={steps}"]
        cfg = compose("train", [*limit, f"run_dir={run_dir}", "name=scale", "logger=none", *words])
        L.seed_everything(0, verbose=False)
        trainer = build_trainer(cfg)
        trainer.callbacks.append(Clock())  # type: ignore[attr-defined]
        trainer.fit(build_model(cfg, data), data)
    times = [after - before for before, after in pairwise(ends)]
    return statistics.median(times[min(WARM_UP, len(times) // 2) :])


class Memory:
    """The most memory of this process during a block, looked at every 20 ms."""

    def __enter__(self) -> "Memory":
        self._most = {"RssAnon": 0, "RssFile": 0}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def peaks(self) -> dict[str, float]:
        """In MB: its own, and of files."""
        return {"own_mb": self._most["RssAnon"] / 1e3, "files_mb": self._most["RssFile"] / 1e3}

    def _watch(self) -> None:
        while not self._end.wait(0.02):
            for line in Path("/proc/self/status").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in self._most:
                    self._most[name] = max(self._most[name], int(value.split()[0]))


def save(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """The rows as CSV."""
    found = list(rows)
    names = list(dict.fromkeys(name for row in found for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval=math.nan)
        writer.writeheader()
        writer.writerows(found)


def main() -> None:
    """Reads the command line."""
    from autoencoder.sweeps import plugins

    plugins.register()  # which every config of the package names
    if sys.argv[1:2] == ["step"]:
        print(json.dumps(step(sys.argv[2], Path(sys.argv[3]))))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("pack", "images"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--counts", nargs="*", type=int, default=COUNTS)
    parser.add_argument("--out", type=Path, default=Path("scale.csv"))
    given = parser.parse_args()
    if given.what == "pack":
        pack(given.folder, given.counts)
    else:
        save(images(given.folder, given.counts), given.out)


if __name__ == "__main__":
    main()
