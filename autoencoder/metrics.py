"""Metrics of reconstructions, pooled over a whole split."""

import torch
from torch import Tensor
from torchmetrics import MeanSquaredError, Metric, MetricCollection
from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure

# The side of SSIM's Gaussian window (Wang et al., 2004); smaller images have no SSIM.
SSIM_WINDOW = 11


def reconstruction_metrics(image_shape: tuple[int, int, int]) -> MetricCollection:
    """MSE, PSNR and SSIM of reconstructions against clean images in [0, 1].

    - `mse`: mean squared error over all pixels of the split.
    - `psnr`: `10 log10(1 / mse)` of that pooled MSE, in dB.
    - `ssim`: mean structural similarity of the images, Gaussian window of 11 pixels and sigma 1.5,
      `data_range=1`, over all pixels, with the image mirrored beyond its border; left out for
      images smaller than the window.

    Args:
        image_shape: `(C, H, W)` of the images.
    """
    metrics: dict[str, Metric | MetricCollection] = {
        "mse": MeanSquaredError(),
        "psnr": PeakSignalNoiseRatio(data_range=1.0),
    }
    if min(image_shape[1:]) >= SSIM_WINDOW:
        metrics["ssim"] = StructuralSimilarityIndexMeasure(data_range=1.0)
    # Without compute groups: MSE and PSNR keep different states.
    return MetricCollection(metrics, compute_groups=False)


def image_mse(reconstructions: Tensor, images: Tensor) -> Tensor:
    """Mean squared error of each image: two (B, C, H, W) tensors to (B,)."""
    return torch.square(reconstructions - images).flatten(1).mean(1)
