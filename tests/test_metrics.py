"""The metrics, held against scikit-image, and their descriptions."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from autoencoder.metrics import COLUMNS, METRICS, image_mse, in_words, reconstruction_metrics


# The range of the images is no part of what is measured.
@pytest.fixture(params=[1.0, 0.4])
def pairs(request: pytest.FixtureRequest) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(12, 1, 28, 28, generator=generator)
    noise = torch.randn(images.shape, generator=generator)
    # Errors of different size from image to image tell a pooled PSNR from a mean one.
    strength = torch.linspace(0.02, 0.4, 12).reshape(-1, 1, 1, 1)
    images = request.param * images
    return (images + strength * noise).clamp(0, 1), images


def test_pooled_over_batches_and_equal_to_scikit_image(
    pairs: tuple[torch.Tensor, torch.Tensor],
) -> None:
    reconstructions, images = pairs
    metrics = reconstruction_metrics((1, 28, 28))
    for batch in (slice(0, 5), slice(5, 12)):
        metrics.update(reconstructions[batch], images[batch])
    values = {name: value.item() for name, value in metrics.compute().items()}

    a, b = images.numpy(), reconstructions.numpy()
    assert values["mse"] == pytest.approx(np.mean((a - b) ** 2), rel=1e-5)
    assert values["psnr"] == pytest.approx(peak_signal_noise_ratio(a, b, data_range=1), rel=1e-5)
    assert values["psnr"] == pytest.approx(10 * math.log10(1 / values["mse"]), rel=1e-5)
    # scikit-image leaves out a border of half a window: here, the one that is mirrored.
    mirrored = [[np.pad(image[0], 5, mode="reflect") for image in both] for both in (a, b)]
    ssim = [
        structural_similarity(
            x, y, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for x, y in zip(*mirrored, strict=True)
    ]
    assert values["ssim"] == pytest.approx(np.mean(ssim), abs=1e-4)


def test_small_images_have_no_ssim() -> None:
    assert set(reconstruction_metrics((1, 8, 8))) == {"mse", "psnr"}


def test_image_mse_is_one_number_an_image(pairs: tuple[torch.Tensor, torch.Tensor]) -> None:
    errors = image_mse(*pairs)
    assert errors.shape == (12,)
    assert errors[3].item() == pytest.approx(((pairs[0][3] - pairs[1][3]) ** 2).mean().item())


def test_each_number_is_described_once() -> None:
    for names in ([m.column for m in METRICS], [m.recorded for m in METRICS]):
        named = [name for name in names if name]
        assert len(set(named)) == len(named)
    for metric in METRICS:
        assert metric.title
        assert metric.meaning
        assert format(1234.5, metric.format)
        assert metric.better in (-1, 0, 1)
        assert not metric.floor or metric.floor in COLUMNS
        assert {*metric.alike} <= {"noise", "bound", "room"}
        assert {*metric.brief} <= {"report", "sweep"}
        # Where it is recorded it has the same name in both places, or one of them.
        assert not (metric.column and metric.recorded) or metric.recorded in (
            metric.column,
            f"test/{metric.column}",
        )


def test_of_errors_and_distances_the_least_is_best_of_the_rest_the_most() -> None:
    least = {"val/mse", "mse", "clean_mse", "pca_ratio", "frechet", "fitted_frechet"}
    most = {
        *("psnr", "ssim", "elbo", "iwae"),
        *("knn", "linear_probe", "trustworthiness", "silhouette"),
        *("precision", "recall", "named_as_asked"),
        *("auroc_error", "auroc_latent", "auroc_both", "auroc_near", "auroc_bound"),
        *("fitted_precision", "fitted_recall", "fitted_named_as_asked"),
    }
    signs = {metric.column or metric.recorded: metric.better for metric in METRICS}
    assert {name: sign for name, sign in signs.items() if sign} == (
        dict.fromkeys(least, -1) | dict.fromkeys(most, 1)
    )


def test_descriptions_need_no_torch() -> None:
    code = "import sys, autoencoder.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("mean", "std", "style", "words"),
    [
        (0.0022541, 0.0001863, "#.3g", "0.00225 ± 0.00019"),
        (0.0025917, 0.0000038, "#.3g", "0.002592 ± 0.000004"),
        (26.48016, 0.36083, ".2f", "26.48 ± 0.36"),
        (25.86416, 0.00636, ".2f", "25.864 ± 0.006"),
        (57.6667, 19.1398, ",.0f", "58 ± 19"),
        (7544.77, 653.75, ",.0f", "7,545 ± 654"),
        (1234.0, 51.0, ".3g", "1230 ± 50"),
        (12.79, 9e-14, ".2f", "12.79"),
        (12.79, 0.0, ".2f", "12.79"),
        (12.79, math.nan, ".2f", "12.79"),
        (math.inf, math.nan, ".2f", "inf"),
        (math.nan, math.nan, ".2f", "–"),  # noqa: RUF001  # what is shown
    ],
)
def test_mean_and_spread_are_rounded_at_the_same_place(
    mean: float, std: float, style: str, words: str
) -> None:
    assert in_words(mean, std, style) == words
