"""The numbers and the figures of docs/findings.md, from the runs whose weights are kept.

    sh benchmarks/findings.sh                   # trains the runs of the study: one seed, hours
    python benchmarks/findings.py FOLDER        # what is said of them: a quarter of an hour
    python benchmarks/findings.py FOLDER bits   # one table: size, bits, noise, clusters, one_class
    python benchmarks/findings_page.py          # the page's tables, of what was written

FOLDER holds the files of Fashion-MNIST. Tables and figures are written into docs/findings.
"""

import argparse
import io
import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from omegaconf import OmegaConf
from PIL import Image
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, confusion_matrix, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture
from torch import nn

import autoencoder
from autoencoder.analysis.denoising import AffineMap
from autoencoder.analysis.pca import PrincipalComponents, pca_mse
from autoencoder.data.noise import GaussianNoise, MaskingNoise, SaltAndPepperNoise
from autoencoder.trained.run import Run

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs/findings"
REFERENCE = ROOT / "multirun/reference"
STUDY = ROOT / "multirun/findings"

Floats = NDArray[np.float32]

# The designs of the reference table that encode into few numbers, and their weights.
DESIGNS = {
    "baseline": "model-baseline_noise-none_seed-0",
    "compact4layer": "model-compact4layer_noise-none_seed-0",
    "residual 128": "model-residual_seed-0_model.latent-dim-128",
    "residual 64": "model-residual_seed-0_model.latent-dim-64",
    "residual 32": "model-residual_seed-0_model.latent-dim-32",
    "vae 32": "model-vae_seed-0",
}
# What the page calls the designs of the first table.
NAMES = {
    "ConvAutoencoder": "convolutional",
    "DenseAutoencoder": "dense",
    "ResidualAutoencoder": "residual",
}
BITS = (2, 3, 4, 5, 6, 8)


class Images:
    """Pixels in [0, 1], `(N, 1, 28, 28)`, and labels: of the 55,000 trained on, and of the test."""

    def __init__(self, folder: str) -> None:
        data = reference("baseline", folder).data
        self.train, self.train_labels = as_floats(data.train.images), data.train.labels.numpy()
        self.test, self.test_labels = as_floats(data.test.images), data.test.labels.numpy()
        self.pca = PrincipalComponents.fit(self.train)

    def projected(self, n_components: int, images: Floats) -> Floats:
        """The first principal components of images, `(N, K)`."""
        flat = images.reshape(len(images), -1)
        found: Floats = (flat - self.pca.mean) @ self.pca.components[:n_components].T
        return found


def reference(design: str, folder: str) -> Run:
    """A run of the reference table."""
    return autoencoder.load(REFERENCE / DESIGNS[design], device="cpu", data_root=folder)


def as_floats(images: torch.Tensor) -> Floats:
    """Bytes as pixels in [0, 1]."""
    return (images.numpy() / np.float32(255)).astype(np.float32)


def mse(made: NDArray[np.floating[Any]], images: Floats) -> float:
    """Mean squared error over all pixels."""
    return float(np.square(made.reshape(images.shape) - images).mean(dtype=np.float64))


def finished(folder: Path) -> Iterable[tuple[dict[str, Any], dict[str, float]]]:
    """Config and metrics of each run of a sweep."""
    for path in sorted(folder.glob("*/metrics.json")):
        config: Any = OmegaConf.to_container(OmegaConf.load(path.parent / ".hydra/config.yaml"))
        yield config, json.loads(path.read_text())


def size(images: Images, _: str) -> pd.DataFrame:
    """Error of each design by the size of its latent, beside as many principal components."""
    rows = []
    for folder in (REFERENCE, STUDY):
        for config, metrics in finished(folder):
            design = NAMES.get(config["model"]["_target_"].rpartition(".")[2])
            if not design or metrics["test/mse"] != metrics["test/clean_mse"]:
                continue  # variational, or trained on noise
            rows.append((design, int(metrics["latent_size"]), config["seed"], metrics["test/mse"]))
    table = pd.DataFrame(rows, columns=["design", "latent_size", "seed", "mse"])
    sizes = sorted(n for n in table.latent_size.unique() if n < images.pca.components.shape[0])
    floor = pca_mse(images.pca, images.test, sizes)
    table["pca_mse"] = table.latent_size.map(floor)
    table["ratio"] = table.mse / table.pca_mse
    table = table.sort_values(["design", "latent_size", "seed"])
    figure, axes = plt.subplots()
    for design, group in table.groupby("design"):
        mean = group.groupby("latent_size").mse.mean()
        axes.plot(mean.index, mean, marker="o", label=design)
    curve = pca_mse(images.pca, images.test, [2**i for i in range(1, 10)])
    axes.plot(list(curve), list(curve.values()), color="black", ls="--", label="PCA")
    label(axes, "numbers in the latent", "test MSE", log=True)
    save(figure, "size")
    return table


def quantised(train: Floats, latents: Floats, bits: int) -> Floats:
    """Latents `(N, D)` on `2 ** bits` levels a number, Lloyd's of the training latents (1982).

    No number of an image leaves the range of its levels, and no entropy code follows: the rate is
    `bits * D`.
    """
    made = np.empty_like(latents)
    for i in range(latents.shape[1]):
        levels = np.quantile(train[:, i], (np.arange(2**bits) + 0.5) / 2**bits)
        for _ in range(30):
            nearest = np.searchsorted((levels[1:] + levels[:-1]) / 2, train[:, i])
            count = np.bincount(nearest, minlength=len(levels))
            sums = np.bincount(nearest, train[:, i], len(levels))
            levels = np.sort(np.where(count > 0, sums / np.maximum(count, 1), levels))
        made[:, i] = levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, latents[:, i])]
    return made


def spread(variances: NDArray[np.float64], rate: int) -> NDArray[np.int64]:
    """Bits of each principal component: each goes where most variance is left, and quarters it."""
    left, bits = variances.copy(), np.zeros(len(variances), int)
    for _ in range(rate):
        most = left.argmax()
        bits[most] += 1
        left[most] /= 4
    return bits


def pictures(test: Floats, form: str, quality: int) -> tuple[float, float]:
    """Bits an image and error of all test images in one sheet, so that they share one header.

    Each is padded to 32 x 32 by its edge: no block of 8 or 16 pixels holds parts of two.
    """
    padded = np.pad(test[:, 0], ((0, 0), (0, 4), (0, 4)), mode="edge")
    sheet = padded.reshape(100, 100, 32, 32).transpose(0, 2, 1, 3).reshape(3200, 3200)
    file = io.BytesIO()
    options = {"optimize": True} if form == "JPEG" else {"method": 6}
    Image.fromarray((sheet * 255).round().astype(np.uint8)).save(
        file, form, quality=quality, **options
    )
    read = np.asarray(Image.open(file).convert("L"), np.float32) / 255
    made = read.reshape(100, 32, 100, 32).transpose(0, 2, 1, 3).reshape(-1, 32, 32)[:, :28, :28]
    return 8 * file.tell() / len(test), mse(made, test)


def bits(images: Images, folder: str) -> pd.DataFrame:
    """Error by bits: latents on few levels, principal components so, JPEG and WebP."""
    rows = []
    some = np.random.default_rng(0).choice(len(images.train), 10_000, replace=False)
    for name in DESIGNS:
        run = reference(name, folder)
        train = run.encode(images.train[some]).reshape(len(some), -1)
        latents = run.encode(images.test).reshape(len(images.test), -1)
        for b in BITS:
            made = run.decode(quantised(train, latents, b))
            rows.append((name, b, b * latents.shape[1], mse(made, images.test)))
        rows.append((name, 32, 32 * latents.shape[1], mse(run.decode(latents), images.test)))
    flat, mean = images.test.reshape(len(images.test), -1), images.pca.mean
    for rate in (32, 64, 96, 128, 192, 256, 384, 512, 768, 1024):
        kept = spread(images.pca.variances, rate)
        basis = images.pca.components[kept > 0]
        train = ((images.train[some].reshape(len(some), -1) - mean) @ basis.T).astype(np.float32)
        codes = ((flat - mean) @ basis.T).astype(np.float32)
        for i, b in enumerate(kept[kept > 0]):
            codes[:, i] = quantised(train[:, i : i + 1], codes[:, i : i + 1], b)[:, 0]
        made = (codes @ basis + mean).clip(0, 1)
        rows.append(("PCA", int(kept.max()), rate, mse(made, images.test)))
    for form in ("JPEG", "WEBP"):
        for quality in (1, 5, 10, 20, 30, 50, 70):
            length, error = pictures(images.test, form, quality)
            rows.append((form, 0, round(length), error))
    table = pd.DataFrame(rows, columns=["design", "bits_a_number", "bits", "mse"])
    figure, axes = plt.subplots()
    for name, group in table[table.bits_a_number < 32].groupby("design", sort=False):
        style = {"PCA": "--", "JPEG": "-.", "WEBP": ":"}.get(str(name))
        dark: dict[str, Any] = {"color": "black", "ls": style} if style else {}
        axes.plot(group.bits, group.mse, marker=".", label=name, **dark)
    label(axes, "bits an image", "test MSE", log=True)
    save(figure, "bits")
    return table


def corruptions() -> dict[str, nn.Module]:
    """What test images are corrupted with."""
    strengths = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    return {
        **{f"gaussian {std}": GaussianNoise(std, clip=True) for std in strengths},
        "salt_and_pepper 0.1": SaltAndPepperNoise(0.1),
        "masking 0.25": MaskingNoise(0.25),
    }


def corrupted(noise: nn.Module, images: Floats, seed: int) -> Floats:
    """Images as a noise leaves them."""
    torch.manual_seed(seed)
    made: Floats = noise(torch.from_numpy(images)).numpy()
    return made


def psnr(error: float) -> float:
    """PSNR in dB of a mean squared error."""
    return float(-10 * np.log10(error))


def noise(images: Images, folder: str) -> pd.DataFrame:
    """PSNR by the noise that was trained on and the noise of the test; in dB, of clean targets."""
    trained = {("baseline", 0.0): REFERENCE / DESIGNS["baseline"]}
    for model in ("baseline", "compact4layer"):
        trained[model, 0.3] = REFERENCE / f"model-{model}_noise-gaussian_seed-0"
    trained["compact4layer", 0.0] = REFERENCE / DESIGNS["compact4layer"]
    for path in sorted(STUDY.glob("*noise-gaussian*/checkpoints")):
        config: Any = OmegaConf.load(path.parent / ".hydra/config.yaml")
        trained["baseline", float(config.noise.std)] = path.parent
    runs = {
        key: autoencoder.load(path, device="cpu", data_root=folder)
        for key, path in sorted(trained.items())
    }
    rows = []
    for name, kind in {"none": nn.Identity(), **corruptions()}.items():
        noisy = corrupted(kind, images.test, seed=1)
        if name != "none":
            draws = (
                ([corrupted(kind, clean, 2 + 2 * i + copy) for copy in (0, 1)], clean)
                for i, clean in enumerate(np.array_split(images.train, 20))
            )
            affine = AffineMap.fit(draws).psnr(noisy, images.test)
            rows.append(("nothing", np.nan, name, psnr(mse(noisy, images.test))))
            rows.append(("affine map for this noise", np.nan, name, affine))
        for (model, std), run in runs.items():
            rows.append((model, std, name, psnr(mse(run.reconstruct(noisy), images.test))))
    table = pd.DataFrame(rows, columns=["design", "trained_std", "test_noise", "psnr"])
    figure, axes = plt.subplots()
    gaussian = table[~table.test_noise.str.contains("_|mask")].copy()
    gaussian["std"] = gaussian.test_noise.str.removeprefix("gaussian ").replace("none", "0")
    gaussian["std"] = gaussian["std"].astype(float)
    base = gaussian[gaussian.design == "baseline"]
    for (std, group), colour in zip(
        base.groupby("trained_std"), plt.get_cmap("viridis")(np.linspace(0, 0.9, 7)), strict=False
    ):
        axes.plot(group["std"], group.psnr, marker=".", color=colour, label=f"trained on {std}")
    for name, style in (("nothing", ":"), ("affine map for this noise", "--")):
        group = gaussian[gaussian.design == name]
        axes.plot(group["std"], group.psnr, color="black", ls=style, label=name)
    label(axes, "standard deviation of the test noise", "PSNR, dB", where="upper right")
    save(figure, "noise")
    return table


def agreement(found: NDArray[np.int64], labels: NDArray[np.int64]) -> tuple[float, float, float]:
    """Accuracy of the best one-to-one naming of ten clusters, NMI, ARI."""
    counts = confusion_matrix(labels, found)
    accuracy = counts[linear_sum_assignment(-counts)].sum() / len(labels)
    return (
        float(accuracy),
        float(normalized_mutual_info_score(labels, found)),
        float(adjusted_rand_score(labels, found)),
    )


def clusters(images: Images, folder: str) -> pd.DataFrame:
    """Ten clusters, fitted without labels on what 20,000 training images are encoded as.

    The test images are then named by the cluster that they fall into: by k-means, and by a mixture
    of ten Gaussians where there are at most 64 numbers. Of ten starts the one of least inertia, or
    greatest likelihood, is taken; three times. Scaled as a whole, not number by number.
    """
    some = np.random.default_rng(0).choice(len(images.train), 20_000, replace=False)
    encoders: dict[str, Callable[[Floats], Floats]] = {"pixels": lambda x: x}
    for n in (32, 64, 128):
        encoders[f"PCA {n}"] = partial(images.projected, n)
    for name in DESIGNS:
        encoders[name] = reference(name, folder).encode
    rows = []
    for name, encode in encoders.items():
        train, test = (
            np.asarray(encode(x), np.float64).reshape(len(x), -1)
            for x in (images.train[some], images.test)
        )
        mean, scale = train.mean(axis=0), train.std()
        train, test = (train - mean) / scale, (test - mean) / scale
        for seed in range(3):
            methods = {"k-means": KMeans(10, n_init=10, random_state=seed)}
            if train.shape[1] <= 64:
                methods["mixture"] = GaussianMixture(
                    10, n_init=10, reg_covar=1e-4, random_state=seed
                )
            for method, model in methods.items():
                found = model.fit(train).predict(test)
                rows.append((name, method, seed, *agreement(found, images.test_labels)))
    table = pd.DataFrame(rows, columns=["space", "method", "seed", "accuracy", "nmi", "ari"])
    means = table.groupby(["space", "method"], sort=False)[["accuracy", "nmi", "ari"]]
    return means.agg(["mean", "std"]).pipe(flattened).reset_index()


def one_class(_: Images, folder: str) -> pd.DataFrame:
    """Area under the ROC curve of each class, as the report of `experiment=one_class` has it."""
    results = ROOT / "multirun/odd/report/results.csv"
    if not results.is_file():
        raise SystemExit(f"{results} is missing: sh benchmarks/findings.sh trains its runs")
    found = pd.read_csv(results)
    names = reference("baseline", folder).classes
    numbers = found.run.str.extract(r"\[(\d+)\]")[0].astype(int)
    scores = {
        **{name: name for name in ("error", "latent", "both", "near")},
        **{"pca_error": "pca", "pca_near": "pca_near"},
    }
    return pd.DataFrame(
        {
            "class": [names[number] for number in numbers],
            **{
                name + spread: found[f"auroc_{score}{spread}"].round(4)
                for name, score in scores.items()
                for spread in ("", "_std")
            },
        }
    )


def flattened(table: pd.DataFrame) -> pd.DataFrame:
    """Columns `accuracy`, `accuracy_std` and so on."""
    table.columns = [name if kind == "mean" else f"{name}_std" for name, kind in table.columns]
    return table


def label(axes: Any, x: str, y: str, log: bool = False, where: str = "best") -> None:
    """Names the axes of a figure."""
    axes.set(xlabel=x, ylabel=y)
    if log:
        axes.set(xscale="log", yscale="log")
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8, loc=where)


def save(figure: Any, name: str) -> None:
    """Writes a figure."""
    figure.savefig(OUT / f"{name}.png", dpi=110, bbox_inches="tight", metadata={"Software": None})


KEPT = {"size": size, "bits": bits, "noise": noise, "clusters": clusters}
TABLES = {**KEPT, "one_class": one_class}


def main() -> None:
    """Writes tables and figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="of the four files of Fashion-MNIST")
    parser.add_argument(
        "tables", nargs="*", help=f"of {', '.join(TABLES)}; by default those of kept runs"
    )
    asked = parser.parse_args()
    if unknown := {*asked.tables} - {*TABLES}:
        parser.error(f"no table {unknown.pop()!r}; there are {', '.join(TABLES)}")
    mpl.use("Agg")
    OUT.mkdir(exist_ok=True)
    images = Images(asked.folder)
    for name in asked.tables or KEPT:
        table = TABLES[name](images, asked.folder)
        table.to_csv(OUT / f"{name}.csv", index=False, float_format="%.5g", lineterminator="\n")
        print(table.to_string())


if __name__ == "__main__":
    main()
