import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from autoencoder.metrics import image_mse, reconstruction_metrics


@pytest.fixture
def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(12, 1, 28, 28, generator=generator)
    noise = torch.randn(images.shape, generator=generator)
    # Errors of different size from image to image tell a pooled PSNR from a mean one.
    strength = torch.linspace(0.02, 0.4, 12).reshape(-1, 1, 1, 1)
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
