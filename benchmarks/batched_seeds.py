"""A dozen seeds of the baseline trained as one batched model, against a dozen runs.

    python benchmarks/batched_seeds.py

Whole training steps (a batch is indexed, forward, backward, fused Adam) on the CPU, batch 128 a
seed, each seed with weights and an order of images of its own:

- `one by one`: a model after the other, in all threads, as runs of a sweep in one process.
- `two processes`: half of the models each, one by one, in one thread each.
- `vmap`: `torch.func.vmap` over the stacked parameters.
- `grouped`: one network whose convolutions have a group a seed.

All start from the same weights and see the same batches; the losses of all steps are compared with
those of `one by one`. Rounds alternate, as a machine's speed drifts.
"""

import argparse
import copy
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import torch
import torch.nn.functional as F
from hydra import compose, initialize_config_dir
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.optim import Optimizer

from autoencoder.data import to_float
from autoencoder.experiment.build import build, build_model
from autoencoder.experiment.fit import quiet
from autoencoder.sweeps import plugins

ROOT = Path(__file__).parent.parent
BATCH = 128


class Runs:
    """What is trained: images, and the weights and the order of the images of each seed."""

    def __init__(self, seeds: Sequence[int], steps: int) -> None:
        quiet()
        plugins.register()  # a config names the sweeper of this package
        words = ["trainer=cpu", "data=synthetic", "run_dir=.", "name=seeds", "data.train_size=4096"]
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            cfg = compose("train", words)
        data, model, _ = build(cfg)
        self.images, self.factory = data.train.images, model.optimizer
        self.networks, orders = [], []
        for seed in seeds:
            torch.manual_seed(seed)
            model = build_model(cfg, data)
            self.networks.append(nn.Sequential(model.encoder, model.decoder))
            orders.append(torch.randint(len(self.images), (steps, BATCH)))
        self.orders = torch.stack(orders)  # (seeds, steps, batch)

    def one_by_one(self) -> Tensor:
        """Trains a network after the other; losses (seeds, steps)."""
        losses = []
        for network, order in zip(self.networks, self.orders, strict=True):
            optimizer = self.factory(network.parameters())

            def loss(images: Tensor, network: nn.Module = network) -> Tensor:
                return F.mse_loss(network(images), images)

            losses.append(self._train(optimizer, loss, order))
        return torch.stack(losses)

    def vmap(self) -> Tensor:
        """Trains all at once on stacked parameters; losses (seeds, steps)."""
        parameters, _ = stack_module_state(self.networks)
        skeleton = self.networks[0]

        def one(parameters: dict[str, Tensor], images: Tensor) -> Tensor:
            return F.mse_loss(functional_call(skeleton, parameters, (images,)), images)

        def loss(images: Tensor) -> Tensor:
            losses: Tensor = vmap(one)(parameters, images)
            return losses

        return self._train(self.factory(parameters.values()), loss, self.orders.swapdims(0, 1)).T

    def grouped(self) -> Tensor:
        """Trains all at once as groups of wider convolutions; losses (seeds, steps)."""
        network = grouped(self.networks).to(memory_format=torch.channels_last)

        def loss(images: Tensor) -> Tensor:
            # From (seeds, B, 1, H, W): the seeds' images are the channels.
            channels = images[:, :, 0].swapdims(0, 1).contiguous(memory_format=torch.channels_last)
            losses: Tensor = (network(channels) - channels).square().mean((0, 2, 3))
            return losses

        return self._train(self.factory(network.parameters()), loss, self.orders.swapdims(0, 1)).T

    def _train(
        self, optimizer: Optimizer, loss: Callable[[Tensor], Tensor], orders: Tensor
    ) -> Tensor:
        losses = []
        for indices in orders:
            optimizer.zero_grad()
            found = loss(to_float(self.images[indices]))
            found.sum().backward()
            optimizer.step()
            losses.append(found.detach())
        return torch.stack(losses)


def grouped(networks: Sequence[nn.Sequential]) -> nn.Sequential:
    """One network of the same layers, whose convolutions have a group for each of the networks."""
    count = len(networks)
    layers: list[nn.Module] = []
    for same in zip(*(_layers(network) for network in networks), strict=True):
        wide = copy.deepcopy(same[0])
        if isinstance(wide, nn.Conv2d | nn.ConvTranspose2d):
            wide.groups = count
            wide.in_channels *= count
            wide.out_channels *= count
            # Of both kinds, a group's weights follow those of the group before.
            for name in ("weight", "bias"):
                values = torch.cat([layer.get_parameter(name).detach() for layer in same])
                setattr(wide, name, nn.Parameter(values))
        layers.append(wide)
    return nn.Sequential(*layers)


def _layers(network: nn.Sequential) -> list[nn.Module]:
    return [layer for half in network.children() for layer in half.children()]


def worker(channel: Connection, seeds: Sequence[int], steps: int) -> None:
    """Trains its seeds in one thread each time that it is asked to."""
    torch.set_num_threads(1)
    while channel.recv():
        runs = Runs(seeds, steps)
        channel.send(None)
        channel.recv()
        channel.send(runs.one_by_one())


@contextmanager
def processes(count: int, steps: int) -> Iterator[list[Connection]]:
    """Two processes of half of the seeds each, which wait without computing."""
    context = multiprocessing.get_context("spawn")
    channels, started = [], []
    for seeds in (range(count // 2), range(count // 2, count)):
        here, there = context.Pipe()
        process = context.Process(target=worker, args=(there, seeds, steps), daemon=True)
        process.start()
        channels.append(here)
        started.append(process)
    yield channels
    for channel, process in zip(channels, started, strict=True):
        channel.send(False)
        process.join()


def main() -> None:
    """Trains with each variant in turn, and prints what they took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=12, help="how many")
    parser.add_argument("--steps", type=int, default=50, help="of each seed, in a measurement")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    arguments = parser.parse_args()
    count, steps = arguments.seeds, arguments.steps
    torch.set_num_threads(len(os.sched_getaffinity(0)))

    took: dict[str, list[float]] = {}
    furthest: dict[str, float] = {}
    with processes(count, steps) as channels:
        for number in range(arguments.rounds + 1):
            expected = torch.empty(0)
            for name in ("one by one", "two processes", "vmap", "grouped"):
                if name == "two processes":
                    for channel in channels:
                        channel.send(True)
                    for channel in channels:
                        channel.recv()
                    start = time.perf_counter()
                    for channel in channels:
                        channel.send(True)
                    losses = torch.cat([channel.recv() for channel in channels])
                else:
                    train = getattr(Runs(range(count), steps), name.replace(" ", "_"))
                    start = time.perf_counter()
                    losses = train()
                seconds = time.perf_counter() - start
                if name == "one by one":
                    expected = losses
                furthest[name] = ((losses - expected).abs() / expected).max().item()
                if number:  # the first round warms up
                    took.setdefault(name, []).append(seconds)

    print(f"{count} seeds, {steps} steps each, {torch.get_num_threads()} threads")
    print("variant         images / s   against one by one   losses differ by at most")
    medians = {name: statistics.median(seconds) for name, seconds in took.items()}
    for name, median in medians.items():
        rate, ratio = count * steps * BATCH / median, medians["one by one"] / median
        print(f"{name:<14}{rate:12,.0f}{ratio:19.2f} x{furthest[name]:21.1e}")


if __name__ == "__main__":
    main()
