"""The baseline without the framework: what `python train.py` does, in one file of plain PyTorch.

    python examples/plain.py [FOLDER [EPOCHS]]

FOLDER holds the IDX files, `data` where none is given; into it they are fetched if need be.

For teaching, and as a measure of what the framework adds: the same split, network, loss, optimiser
and protocol, so the same test error up to the seed. No configs, no sweeps, no resuming, no floors
but PCA's.
"""

import copy
import gzip
import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from torch import nn
from torchvision.datasets import FashionMNIST

VAL, BATCH, RATE, SEED, SHOWN = 5000, 128, 1e-3, 0, 2000
FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "data")
EPOCHS = int(sys.argv[2]) if len(sys.argv) > 2 else 20
OUT = Path("outputs/plain")


def read(name: str, header: int) -> torch.Tensor:
    """Bytes of an IDX file behind its header, gzipped or not; fetched where it is not there."""
    raw = FOLDER / "FashionMNIST/raw"
    if not any((folder / f"{name}.gz").exists() for folder in (FOLDER, raw)):
        FashionMNIST(str(FOLDER), download=True)
    path = next(p for f in (FOLDER, raw) for p in [f / f"{name}.gz"] if p.exists())
    return torch.from_numpy(
        np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8)[header:].copy()
    )


def images(part: str) -> torch.Tensor:
    """Images (N, 1, 28, 28) in [0, 1]."""
    return read(f"{part}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28) / 255


def half(inputs: int, outputs: int) -> list[nn.Module]:
    """A convolution that halves the image."""
    return [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.ReLU()]


def double(inputs: int, outputs: int, rest: int) -> list[nn.Module]:
    """Its mirror; `rest` is what the halving of an odd side has lost."""
    return [nn.ConvTranspose2d(inputs, outputs, 3, 2, padding=1, output_padding=rest), nn.ReLU()]


torch.manual_seed(SEED)
encoder = nn.Sequential(*half(1, 16), *half(16, 32), *half(32, 64))
decoder = nn.Sequential(*double(64, 32, 0), *double(32, 16, 1), *double(16, 1, 1)[:1], nn.Sigmoid())
network = nn.Sequential(encoder, decoder)
optimizer = torch.optim.Adam(network.parameters(), RATE)


@torch.inference_mode()
def mse(clean: torch.Tensor) -> float:
    """Mean squared error over all pixels of a split."""
    errors = [F.mse_loss(network(x), x, reduction="sum") for x in clean.split(500)]
    return float(torch.stack(errors).double().sum() / clean.numel())


pool, test = images("train"), images("t10k")
order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(0))
train, val = pool[order[VAL:]], pool[order[:VAL]]

best, history = float("inf"), []
for epoch in range(EPOCHS):
    losses = []
    for rows in torch.randperm(len(train)).split(BATCH):
        batch = train[rows]
        loss = F.mse_loss(network(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item() * len(rows))
    history.append((sum(losses) / len(train), mse(val)))
    if history[-1][1] < best:
        best, weights = history[-1][1], copy.deepcopy(network.state_dict())
    print(f"epoch {epoch + 1}/{EPOCHS}  train {history[-1][0]:.5f}  val {history[-1][1]:.5f}")

network.load_state_dict(weights)
OUT.mkdir(parents=True, exist_ok=True)
torch.save(weights, OUT / "best.pt")
error = mse(test)
print(f"test MSE {error:.6f}, PSNR {-10 * np.log10(error):.2f} dB")
(OUT / "metrics.json").write_text(json.dumps({"val/mse": best, "test/mse": error}))

plt.plot(history, label=["train", "val"])
plt.xlabel("epoch"), plt.ylabel("MSE"), plt.yscale("log"), plt.legend()
plt.savefig(OUT / "loss.png")

with torch.inference_mode():
    pairs = torch.stack([test[:10], network(test[:10])])[:, :, 0]
    latents = encoder(test[:SHOWN]).flatten(1).numpy()
plt.imsave(
    OUT / "reconstructions.png", pairs.permute(0, 2, 1, 3).flatten(2).flatten(0, 1), cmap="gray"
)

labels = read("t10k-labels-idx1-ubyte", 8)[:SHOWN]
components = PCA(50, random_state=SEED).fit_transform(latents)
maps = {"PCA": components[:, :2], "t-SNE": TSNE(random_state=SEED).fit_transform(components)}
figure, axes = plt.subplots(1, 2, figsize=(12, 6))
for axis, (name, points) in zip(axes, maps.items(), strict=True):
    axis.scatter(*points.T, c=labels, s=4, cmap="tab10")
    axis.set_title(f"latents of {SHOWN} test images, {name}")
figure.savefig(OUT / "latents.png")
