"""Evaluations and floors that no network was trained for: PCA plays the autoencoder."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from autoencoder.analysis.gallery import Gallery
from autoencoder.analysis.latents import latent_use
from autoencoder.analysis.pca import PrincipalComponents, pca_mse
from autoencoder.data.synthetic import synthetic_garments
from autoencoder.report.measure.evaluation import Evaluation, Examples, Floors

CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


class FakeData:
    """A data set of drawn garments, and its floors."""

    def __init__(
        self, n: int = 240, size: int = 16, channels: int = 1, key: str = "garments"
    ) -> None:
        images, labels = synthetic_garments(n, size, channels, seed=0)
        self.key = key
        self.labels = labels.numpy()
        self.pixels = images.numpy()
        self.images = (self.pixels / 255).astype(np.float32)
        self.pca = PrincipalComponents.fit(self.images)

    def floors(self) -> Floors:
        sizes = [n for n in (1, 2, 4, 8, 16, 32, 64, 128, 256) if n < self.images[0].size]
        return Floors(
            pca_mse=pca_mse(self.pca, self.images, sizes),
            do_nothing_psnr={std: 24 - 25 * std for std in LEVELS[1:]},
            pca_psnr={std: 22 - 12 * std for std in LEVELS[1:]},
            wiener_psnr={std: 23 - 11 * std for std in LEVELS[1:]},
            affine_psnr={std: 23.2 - 11.5 * std for std in LEVELS[1:]},
        )

    def evaluation(
        self, group: str = "baseline", latent_size: int = 8, noise: float = 0.0, seed: int = 0
    ) -> Evaluation:
        """A run whose network is PCA."""
        generator = np.random.default_rng(seed)
        corrupted = self.images + noise * generator.standard_normal(self.images.shape, np.float32)
        corrupted = corrupted.clip(0, 1) if noise else self.images
        reconstructions = self._through(corrupted, latent_size)
        errors = np.square(reconstructions - self.images).reshape(len(corrupted), -1).mean(1)
        clean_mse = float(np.square(self._through(self.images, latent_size) - self.images).mean())
        order = np.argsort(errors)
        latents = self.pca.project(self.images, latent_size).astype(np.float32)
        use = latent_use(latents)
        floor = pca_mse(self.pca, self.images, [latent_size])[latent_size]
        n_points = min(len(latents), 3000)
        maps = np.pad(latents, ((0, 0), (0, max(0, 2 - latents.shape[1]))))[:n_points, :2]

        def examples(indices: Any) -> Examples:
            rows = np.asarray(indices, np.int64)
            return Examples(rows, self.images[rows], corrupted[rows], reconstructions[rows])

        return Evaluation(
            data={"name": self.key},
            differences={"model": group},
            path=Path("multirun/fake") / f"{group}_{seed}",
            label=f"{group}, seed {seed}",
            group=group,
            config={"data": {"_target_": "autoencoder.data.SyntheticGarments"}},
            metrics={"test/mse": float(errors.mean())},
            history=[
                {
                    "epoch": epoch,
                    "train/loss": 0.05 / epoch**0.5 + clean_mse,
                    "val/loss": 0.055 / epoch**0.6 + clean_mse,
                }
                for epoch in range(1, 11)
            ],
            data_key=self.key,
            classes=CLASSES,
            labels=self.labels,
            image_shape=self.images.shape[1:],
            latent_shape=(latent_size,),
            columns={
                "latent_size": latent_size,
                "mse": float(errors.mean()),
                "clean_mse": clean_mse * 1.1,
                "pca_mse": floor,
                "pca_ratio": clean_mse * 1.1 / floor,
                "dead_units": use.dead_units,
                "participation_ratio": use.participation_ratio,
            },
            image_mse=errors,
            latents=latents,
            latent_variances=use.variances.astype(np.float32),
            robustness={std: 22 - (25 - 30 * noise) * std + noise for std in LEVELS},
            shown=examples([np.flatnonzero(self.labels == k)[0] for k in range(len(CLASSES))]),
            best=examples(order[:1]),
            median=examples(order[len(order) // 2 :][:1]),
            worst=examples(order[:-11:-1]),
            map_indices=np.arange(n_points),
            map_images=self.pixels[:n_points],
            map_reconstructions=(reconstructions[:n_points] * 255).round().astype(np.uint8),
            pca_map=maps,
            tsne_map=np.tanh(maps + 0.1 * generator.standard_normal(maps.shape)).astype(np.float32),
            map_trustworthiness={"pca": 0.84, "tsne": 0.981},
            generated=self.gallery(),
            fitted_samples=self.pixels[:12],
        )

    def gallery(self, latent_dim: int = 0, n_classes: int = 0) -> Gallery:
        """Real images as pictures of a latent, with a prior if it is given dimensions."""
        shape = self.pixels.shape[1:]

        def images(*counts: int) -> Any:
            chosen = np.arange(math.prod(counts)) % len(self.pixels)
            return self.pixels[chosen].reshape(*counts, *shape)

        rows = min(latent_dim, 10)
        kinds = "test", "reconstruction", "sample", "linear", "spherical", "mix"
        return Gallery(
            test_images=images(16),
            ends=images(5, 2),
            end_labels=np.arange(10).reshape(5, 2),
            linear=images(5, 9),
            spherical=images(5, 9),
            samples=images(64),
            neighbours=images(12, 2),
            neighbour_mse=np.linspace(0.004, 0.02, 12, dtype=np.float32),
            traversed=images(min(rows, 1)),
            traversals=images(rows, 7),
            dimensions=np.arange(rows),
            variances=np.linspace(1, 0.5, rows, dtype=np.float32),
            values=np.arange(-3, 4, dtype=np.float32)[: 7 * rows],
            class_grid=images(n_classes, 10),
            manifold=images(*(2 * [16 * (latent_dim == 2)])),
            nearest_mse={kind: 0.01 + 0.001 * k for k, kind in enumerate(kinds)},
            sharpness={"test": 0.08, "reconstruction": 0.05, "sample": 0.04},
        )

    def _through(self, images: Any, latent_size: int) -> Any:
        codes = self.pca.project(images, latent_size)
        return self.pca.reconstruct(codes).clip(0, 1).reshape(images.shape).astype(np.float32)


def four_runs(data: FakeData) -> list[Evaluation]:
    """The evaluations of a 2 x 2 sweep."""
    return [
        data.evaluation(f"{model}, {noise}", size, std)
        for model, size in (("baseline", 64), ("compact4layer", 12))
        for noise, std in (("none", 0.0), ("gaussian", 0.3))
    ]
