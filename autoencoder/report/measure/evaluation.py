"""Evaluations: what a report knows of a run, and the floors of the data that it was trained on."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoencoder.analysis.gallery import Gallery

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class Examples(NamedTuple):
    """Some test images, as one run saw them and what it made of them.

    Attributes:
        indices: `(n,)`, which test images.
        images: `(n, C, H, W)`, clean.
        corrupted: `(n, C, H, W)`, as the run's noise leaves them.
        reconstructions: `(n, C, H, W)`, of the corrupted ones.
    """

    indices: Integers
    images: Floats
    corrupted: Floats
    reconstructions: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Measurement:
    """What a network does on all test images of its data: of one run alone.

    Attributes:
        data: Facts of the data: its name, origin, checksum, and numbers of images.
        data_key: Names the data set and its split; runs of the same key share `Floors`.
        classes: The name of each label.
        labels: `(N,)`, of the test images.
        image_shape: `(C, H, W)`.
        latent_shape: Shape of one image's latent.
        columns: The numbers of the table by column; NaN where there is none.
        image_mse: `(N,)`, the error of each test image, corrupted as the run's noise does.
        latents: `(N, latent_size)`, of the clean test images.
        latent_variances: `(latent_size,)`.
        robustness: PSNR in dB by the standard deviation of Gaussian noise clipped to [0, 1].
        shown: An image of each class, or of fewer than ten classes ten in turn; the same for all
            runs of the same data.
        best: The test image of least error.
        median: The test image of median error.
        worst: The ten test images of largest error, the worst first.
        map_indices: `(n,)`, the test images in the maps.
        map_images: uint8 `(n, C, H, W)`, these images.
        map_reconstructions: uint8 `(n, C, H, W)`, what the run makes of them, corrupted as its
            noise does.
        pca_map: `(n, 2)`, the latents on their first two principal components.
        tsne_map: `(n, 2)`, their t-SNE map.
        map_trustworthiness: Of the two maps, by `pca` and `tsne`: whether neighbours on the map
            are neighbours in the latent.
        generation: How images were generated and judged: the `prior` that latents were drawn
            from, in words, the `fitted_prior` of the columns of that name, and the fingerprint of
            the `classifier`, empty if there is none.
        priors: The same numbers by each prior that was asked for, and the seconds of its fit.
        generated: Pictures of what it makes of latents that no image was encoded to, the first of
            the images that were judged among them.
        fitted_samples: uint8 `(n, C, H, W)`, of latents from the first prior that was asked for;
            empty if there is none.
    """

    data: dict[str, str]
    data_key: str
    classes: tuple[str, ...]
    labels: Integers
    image_shape: tuple[int, int, int]
    latent_shape: tuple[int, ...]
    columns: dict[str, float]
    image_mse: Floats
    latents: Floats
    latent_variances: Floats
    robustness: dict[float, float]
    shown: Examples
    best: Examples
    median: Examples
    worst: Examples
    map_indices: Integers
    map_images: NDArray[np.uint8]
    map_reconstructions: NDArray[np.uint8]
    pca_map: Floats
    tsne_map: Floats
    map_trustworthiness: dict[str, float]
    generated: Gallery
    fitted_samples: NDArray[np.uint8]
    generation: dict[str, str] = field(default_factory=dict)
    priors: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation(Measurement):
    """One run among others: what was measured, and what tells it apart.

    Attributes:
        path: The run directory.
        label: The overrides that differ between the runs of the report.
        group: The label without the seed.
        differences: The same overrides by key, without the seed.
        config: The run's config, as plain values.
        recipe: The choice of the config group `recipe`; empty if not recorded.
        metrics: Its `metrics.json`.
        history: The rows of its `metrics.csv`.
        environment: Versions and hardware that it was trained with; empty if not recorded.
    """

    path: Path
    label: str
    group: str
    differences: dict[str, str]
    config: dict[str, Any]
    metrics: dict[str, float]
    history: list[dict[str, float]]
    environment: dict[str, str] = field(default_factory=dict)
    recipe: str = ""

    @property
    def likelihood(self) -> str:
        """The likelihood of a variational model, as its config has it; empty for others."""
        likelihood = (self.config.get("model") or {}).get("likelihood")
        return repr(likelihood) if likelihood else ""

    @property
    def sees_labels(self) -> bool:
        """Whether the networks are given the label, so that bounds are those of log p(x|label)."""
        return bool((self.config.get("model") or {}).get("num_classes"))


@dataclass(frozen=True, eq=False)
class Floors:
    """What a network is held against on one data set: linear methods, and real images.

    All are fitted on the training images of the runs.

    Attributes:
        pca_mse: Test MSE of PCA, clipped to [0, 1], by number of components; NaN for as many
            components as pixels or more.
        do_nothing_psnr: PSNR in dB of the noisy images clipped to [0, 1], by the noise's standard
            deviation; none for 0.
        pca_psnr: Of the best PCA projection of the noisy images.
        wiener_psnr: Of the Wiener filter in the basis of PCA.
        affine_psnr: Of the affine map of least squares from noisy images clipped to [0, 1].
        generation: What the columns on generated images are for the real test images, by column;
            NaN where there are too few images or classes.
    """

    pca_mse: dict[int, float]
    do_nothing_psnr: dict[float, float]
    pca_psnr: dict[float, float]
    wiener_psnr: dict[float, float]
    affine_psnr: dict[float, float]
    generation: dict[str, float] = field(default_factory=dict)
