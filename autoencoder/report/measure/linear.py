"""Linear methods on one data set: what an autoencoder of the same latent size must beat."""

import math
from functools import cache, cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from autoencoder.analysis.denoising import (
    DENOISING_COMPONENTS,
    denoising_floor,
    psnr,
    wiener_psnr,
)
from autoencoder.analysis.pca import PrincipalComponents, pca_mse
from autoencoder.analysis.probes import knn_accuracy, linear_probe_accuracy
from autoencoder.data import ImageDataModule, to_float
from autoencoder.data.noise import GaussianNoise
from autoencoder.report.measure.evaluation import Floors
from autoencoder.report.measure.settings import Settings

# Of the PCA curve, as far as there are pixels; the latent sizes of the runs come on top.
CURVE_COMPONENTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class LinearMethods:
    """PCA and what can be done with it, fitted on the images that the networks are trained on.

    Args:
        data: Loaded and split; its noise is not used.
        settings: How runs are evaluated.
    """

    def __init__(self, data: ImageDataModule, settings: Settings) -> None:
        self._train_images, self._train_labels = data.train.images, data.train.labels
        self._test_images, self._test_labels = data.test.images, data.test.labels
        self._settings = settings
        self.pixels = math.prod(data.image_shape)
        # Methods that are asked the same by every run of the data.
        self.accuracies = cache(self._accuracies)
        self._denoising_psnr = cache(self._gaussian_psnr)

    @cached_property
    def pca(self) -> PrincipalComponents:
        """The principal components of the training images."""
        return PrincipalComponents.fit(to_float(self._train_images).numpy())

    def floors(self, latent_sizes: list[int]) -> Floors:
        """The floors of this data, with the PCA error at each of the latent sizes."""
        test = self._images
        counts = {n for n in (*CURVE_COMPONENTS, *latent_sizes) if n < self.pixels}
        errors = pca_mse(self.pca, test, sorted(counts))
        errors |= {n: math.nan for n in latent_sizes if n >= self.pixels}
        noisy = {std: self._denoising_psnr(std) for std in self._settings.noise_stds if std > 0}
        return Floors(
            pca_mse=dict(sorted(errors.items())),
            do_nothing_psnr={std: values[0] for std, values in noisy.items()},
            pca_psnr={std: values[1] for std, values in noisy.items()},
            wiener_psnr={std: values[2] for std, values in noisy.items()},
        )

    def linear_psnr(self, noise: nn.Module, corrupted: Tensor) -> float:
        """PSNR in dB of the best linear method on test images that a run's noise corrupted.

        That of the best PCA projection; for Gaussian noise of one strength also of the same noise
        before it is clipped, and of the Wiener filter: linear methods do better without clipping.
        """
        best = denoising_floor(self.pca, corrupted.numpy(), self._images, self._components).pca_psnr
        if isinstance(noise, GaussianNoise) and 0 < noise.low == noise.high:
            best = max(best, *self._denoising_psnr(noise.low)[1:])
        return best

    def _gaussian_psnr(self, std: float) -> tuple[float, float, float]:
        """PSNR in dB of doing nothing (but clip), of PCA and of the Wiener filter."""
        noisy = gaussian(self._test_images, std, self._settings.seed, clip=False).numpy()
        floor = denoising_floor(self.pca, noisy, self._images, self._components)
        wiener = wiener_psnr(self.pca, noisy, self._images, std)
        return psnr(noisy, self._images, clip=True), floor.pca_psnr, wiener

    def _accuracies(self, n_components: int) -> tuple[float, float]:
        """k-NN and linear probe on PCA codes; NaN from as many components as pixels on."""
        if n_components >= self.pixels:
            return math.nan, math.nan
        train = self.pca.project(to_float(self._train_images).numpy(), n_components)
        test = self.pca.project(self._images, n_components)
        return probes(
            train.astype(np.float32),
            self._train_labels.numpy(),
            test.astype(np.float32),
            self._test_labels.numpy(),
            self._settings,
        )

    @property
    def _images(self) -> NDArray[np.float32]:
        images: NDArray[np.float32] = to_float(self._test_images).numpy()
        return images

    @property
    def _components(self) -> list[int]:
        return [n for n in DENOISING_COMPONENTS if n < self.pixels] or [self.pixels]


def probes(
    train: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    test: NDArray[np.float32],
    test_labels: NDArray[np.int64],
    settings: Settings,
) -> tuple[float, float]:
    """Accuracies of k-NN and of a linear probe, for networks and for PCA alike."""
    knn = knn_accuracy(
        train, train_labels, test, test_labels, max_points=settings.knn_points, seed=settings.seed
    )
    return knn, linear_probe_accuracy(train, train_labels, test, test_labels)


def gaussian(images: Tensor, std: float, seed: int, *, clip: bool) -> Tensor:
    """uint8 images with Gaussian noise, the same for every run and every clip."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        corrupted: Tensor = GaussianNoise(std, clip)(to_float(images))
    return corrupted
