"""The floors of denoisers and of the latent size, computed without this project's code.

    python benchmarks/floors.py FOLDER

reads the four IDX files and prints, for noise on the 10,000 test images, the PSNR in dB of doing
nothing, of the best affine map (scikit-learn's LinearRegression from corrupted training images to
clean ones), and of the Wiener filter on noise that is not clipped; then the test MSE of PCA. All
outputs are clipped to [0, 1]. Fitted on the first 55,000 training images, where a run draws its
own 55,000: that changes the last digit. About five minutes on one core, and 2 GB.
"""

import argparse
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

Floats = NDArray[np.float32]


def read(path: Path) -> Floats:
    """Pixels (N, 784) in [0, 1] of an IDX file."""
    pixels = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=16)
    return pixels.reshape(-1, 784).astype(np.float32) / np.float32(255)


def gaussian(low: float, high: float, clip: bool = True) -> Callable[..., Floats]:
    """Gaussian noise of a strength that is drawn for each image."""

    def noise(images: Floats, rng: np.random.Generator) -> Floats:
        std = rng.uniform(low, high, (len(images), 1)).astype(np.float32)
        noisy = images + std * rng.standard_normal(images.shape, np.float32)
        return noisy.clip(0, 1) if clip else noisy

    return noise


def salt_and_pepper(images: Floats, rng: np.random.Generator) -> Floats:
    """A tenth of the pixels become 0 or 1."""
    draw = rng.random(images.shape, np.float32)
    return np.where(draw < 0.05, 0, np.where(draw > 0.95, 1, images)).astype(np.float32)


def masking(images: Floats, rng: np.random.Generator) -> Floats:
    """A quarter of the pixels become 0."""
    return images * (rng.random(images.shape, np.float32) >= 0.25)


def mse(outputs: Floats, images: Floats) -> float:
    """Mean squared error over all pixels, outputs clipped."""
    return float(np.square(outputs.clip(0, 1) - images).mean(dtype=np.float64))


def decibel(error: float) -> str:
    """PSNR in dB."""
    return f"{-10 * np.log10(error):6.2f}"


def main() -> None:
    """Prints the floors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the four files of Fashion-MNIST")
    folder = parser.parse_args().folder
    train = read(folder / "train-images-idx3-ubyte.gz")[:55_000]
    test = read(folder / "t10k-images-idx3-ubyte.gz")
    pca = PCA(svd_solver="covariance_eigh").fit(train.astype(np.float64))
    print(f"{'noise':<24}nothing  affine  Wiener")
    noises = {f"gaussian {std:g}": (gaussian(std, std), std) for std in (0.1, 0.2, 0.3, 0.4, 0.5)}
    noises["gaussian 0 to 0.6"] = gaussian(0, 0.6), 0
    noises["salt and pepper 0.1"] = salt_and_pepper, 0
    noises["masking 0.25"] = masking, 0
    for name, (noise, std) in noises.items():
        noisy = noise(test, np.random.default_rng(1))
        fitted = LinearRegression().fit(noise(train, np.random.default_rng(2)), train)
        row = [decibel(mse(noisy, test)), decibel(mse(fitted.predict(noisy), test))]
        if std:
            codes = pca.transform(gaussian(std, std, clip=False)(test, np.random.default_rng(1)))
            gains = pca.explained_variance_ / (pca.explained_variance_ + std**2)
            row.append(decibel(mse(pca.inverse_transform(codes * gains), test)))
        print(f"{name:<24}{'  '.join(row)}", flush=True)
    print("\ncomponents  PCA's test MSE")
    centred = test - pca.mean_
    for n in (0, 8, 16, 32, 64, 128, 256, 512):
        axes = pca.components_[:n]
        print(f"{n:10}  {mse(centred @ axes.T @ axes + pca.mean_, test):.5f}")


if __name__ == "__main__":
    main()
