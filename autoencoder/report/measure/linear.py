"""Linear methods on one data set: what an autoencoder of the same latent size must beat."""

import math
from collections.abc import Iterator
from functools import cache, cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from autoencoder.analysis.arrays import Array, blocks
from autoencoder.analysis.denoising import (
    DENOISING_COMPONENTS,
    AffineMap,
    denoising_floor,
    psnr,
)
from autoencoder.analysis.pca import LARGEST, PrincipalComponents, pca_mse
from autoencoder.analysis.probes import knn_accuracy, linear_probe_accuracy
from autoencoder.data import ImageDataModule, to_float
from autoencoder.data.noise import GaussianNoise
from autoencoder.report.measure.evaluation import Floors
from autoencoder.report.measure.settings import Settings

# Copies of the training images, each with noise of its own, that the affine map is fitted on. On
# Fashion-MNIST the second gains .02 to .03 dB of test PSNR; infinitely many would gain .02 more.
COPIES = 2
# Of the noise on them; that on test images comes from small seeds.
_FITTING_SEED = 2**31 - 1
# Of the PCA curve, as far as there are pixels; the latent sizes of the runs come on top.
CURVE_COMPONENTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class LinearMethods:
    """PCA and what can be done with it, fitted on the images that the networks are trained on.

    Args:
        data: Loaded and split; its noise is not used.
        settings: How runs are evaluated.
    """

    def __init__(self, data: ImageDataModule, settings: Settings) -> None:
        self._train_images, self._train_labels = data.examined.images, data.examined.labels
        self._test_images, self._test_labels = data.test.images, data.test.labels
        self._settings = settings
        self.pixels = math.prod(data.image_shape)
        # Methods that are asked the same by every run of the data.
        self.accuracies = cache(self._accuracies)
        self._denoising_psnr = cache(self._gaussian_psnr)
        self._affine_maps: dict[str, AffineMap] = {}
        self._linear_psnr: dict[str, float] = {}

    @cached_property
    def pca(self) -> PrincipalComponents:
        """The principal components of the training images; of large ones, the leading ones."""
        images = to_float(self._train_images).numpy()
        return PrincipalComponents.of_images(images)

    def _has(self, n_components: int) -> bool:
        """Whether PCA has so many components, or all that there are."""
        known = len(self.pca.components)
        return n_components <= known or known == min(self.pixels, len(self._train_images) - 1)

    def floors(self, latent_sizes: list[int]) -> Floors:
        """The floors of this data, with the PCA error at each of the latent sizes."""
        test = self._images
        counts = {n for n in (*CURVE_COMPONENTS, *latent_sizes) if n < self.pixels and self._has(n)}
        errors = pca_mse(self.pca, test, sorted(counts))
        errors |= {n: math.nan for n in latent_sizes if n not in counts}
        noisy = {std: self._denoising_psnr(std) for std in self._settings.noise_stds if std > 0}
        small = noisy if self.pixels <= LARGEST else {}
        return Floors(
            pca_mse=dict(sorted(errors.items())),
            do_nothing_psnr={std: values[0] for std, values in noisy.items()},
            pca_psnr={std: values[1] for std, values in noisy.items()},
            wiener_psnr={std: values[2] for std, values in small.items()},
            affine_psnr={std: values[3] for std, values in small.items()},
        )

    def linear_psnr(self, noise: nn.Module, corrupted: Tensor) -> float:
        """PSNR in dB of the best linear method on test images that a run's noise corrupted.

        The best of the affine map fitted for this noise and of the best PCA projection; for
        Gaussian noise of one strength also of PCA and of the Wiener filter on the same noise
        before it is clipped, which serves them better.

        Args:
            noise: The same on the same data for every module that prints and holds the same.
            corrupted: The test images as it leaves them.
        """
        key = _key(noise)
        if key not in self._linear_psnr:
            points = corrupted.numpy()
            projected = denoising_floor(self.pca, points, self._images, self._components).pca_psnr
            best = projected
            if self.pixels <= LARGEST:
                best = max(best, self._affine_map(noise).psnr(points, self._images))
            if isinstance(noise, GaussianNoise) and 0 < noise.low == noise.high:
                _, *unclipped, _ = self._denoising_psnr(noise.low)
                best = max(best, *(psnr for psnr in unclipped if not math.isnan(psnr)))
            self._linear_psnr[key] = best
        return self._linear_psnr[key]

    def _gaussian_psnr(self, std: float) -> tuple[float, float, float, float]:
        """PSNR in dB of doing nothing (but clip), PCA, the Wiener filter and the affine map.

        NaN for the last two where images are large.
        """
        noisy = gaussian(self._test_images, std, self._settings.seed, clip=False).numpy()
        of_all = (
            psnr(noisy, self._images, clip=True),
            denoising_floor(self.pca, noisy, self._images, self._components).pca_psnr,
        )
        if self.pixels > LARGEST:
            return (*of_all, math.nan, math.nan)
        return (
            *of_all,
            AffineMap.wiener(self.pca, std).psnr(noisy, self._images),
            self._affine_map(GaussianNoise(std, clip=True)).psnr(noisy.clip(0, 1), self._images),
        )

    def _affine_map(self, noise: nn.Module) -> AffineMap:
        """The affine map from corrupted training images to clean ones."""
        key = _key(noise)
        if key not in self._affine_maps:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(_FITTING_SEED)
                self._affine_maps[key] = AffineMap.fit(self._corrupted(noise))
        return self._affine_maps[key]

    def _corrupted(self, noise: nn.Module) -> Iterator[tuple[list[Array], Array]]:
        """Blocks of training images: corrupted, several times, and clean."""
        for block in blocks(len(self._train_images)):
            images = to_float(self._train_images[block])
            yield [noise(images).numpy() for _ in range(COPIES)], images.numpy()

    def _accuracies(self, n_components: int) -> tuple[float, float]:
        """k-NN and linear probe on PCA codes; on all of them for an overcomplete latent."""
        if n_components < self.pixels and not self._has(n_components):
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


def _key(noise: nn.Module) -> str:
    """Names a noise by all that it holds: its parameters may not be among what it prints."""
    return "; ".join(f"{module} {vars(module)}" for module in noise.modules())


def gaussian(images: Tensor, std: float, seed: int, *, clip: bool) -> Tensor:
    """uint8 images with Gaussian noise, the same for every run and every clip."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        corrupted: Tensor = GaussianNoise(std, clip)(to_float(images))
    return corrupted
