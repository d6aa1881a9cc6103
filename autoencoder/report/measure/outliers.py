"""How well a network that was trained on some classes alone tells images of the others."""

import math

import numpy as np
import torch
from torch import Tensor

from autoencoder.analysis.outliers import (
    auroc,
    mahalanobis,
    neighbour_distances,
    pca_errors,
    pca_near,
    together,
    weighted_errors,
)
from autoencoder.data import Batch, Split, in_batches, to_float
from autoencoder.experiment.build import LoadedRun
from autoencoder.models import VariationalAutoencoder
from autoencoder.report.measure.settings import Settings

COLUMNS = (
    *("auroc_error", "auroc_latent", "auroc_both", "auroc_near", "auroc_bound"),
    *("auroc_pca", "auroc_pca_near"),
)


def outlier_columns(
    run: LoadedRun,
    errors: np.ndarray,
    train_latents: np.ndarray,
    latents: np.ndarray,
    settings: Settings,
) -> dict[str, float]:
    """The areas under the curve of each score; NaN for a network that was trained on all classes.

    Args:
        run: On the device of the settings.
        errors: `(N,)`, of the test images.
        train_latents: `(M, latent_size)`, of the training images.
        latents: `(N, latent_size)`, of the test images.
        settings: How runs are evaluated.
    """
    found = dict.fromkeys(COLUMNS, math.nan)
    data = run.data
    if data.trained_on is None:
        return found
    strange = ~torch.isin(data.test.labels, torch.tensor(data.trained_on)).numpy()
    device, size = run.model.device, settings.batch_size

    def residuals(split: Split) -> Tensor:
        made = in_batches(run.model, split.images, split.labels, device=device, batch_size=size)
        return to_float(split.images) - made

    try:
        val = data.val.images, data.val.labels
        val_latents = in_batches(run.model.encode, *val, device=device, batch_size=size).flatten(1)
        left = residuals(data.val)
        val_errors = left.square().flatten(1).mean(1)
        distances = mahalanobis(train_latents, latents)
        both = together(
            (errors, distances),
            (val_errors.numpy(), mahalanobis(train_latents, val_latents.numpy())),
        )
        train_left = residuals(data.examined).numpy()
        near = together(
            (
                weighted_errors(train_left, residuals(data.test).numpy()),
                neighbour_distances(train_latents, latents),
            ),
            (
                weighted_errors(train_left, left.numpy()),
                neighbour_distances(train_latents, val_latents.numpy()),
            ),
        )
        scores = {"auroc_error": errors, "auroc_latent": distances, "auroc_both": both}
        scores["auroc_near"] = near
        if isinstance(run.model, VariationalAutoencoder):
            scores["auroc_bound"] = _minus_bound(run.model, data.test, settings)
        train = to_float(data.examined.images).numpy()
        test = to_float(data.test.images).numpy()
        scores["auroc_pca"] = pca_errors(train, test)
        scores["auroc_pca_near"] = pca_near(train, to_float(data.val.images).numpy(), test)
        return found | {name: auroc(score, strange) for name, score in scores.items()}
    except ValueError:  # too few images, or not finite
        return found


def _minus_bound(model: VariationalAutoencoder, test: Split, settings: Settings) -> np.ndarray:
    """Minus the evidence lower bound (N,) of each test image, in nats, by one draw."""

    def bound(images: Tensor, labels: Tensor) -> Tensor:
        return -model.terms(Batch(images, images, labels)).elbo

    on_gpu = model.device.type == "cuda"
    with torch.random.fork_rng(devices=[model.device] if on_gpu else []):
        torch.manual_seed(settings.seed)
        inputs = test.images, test.labels
        found = in_batches(bound, *inputs, device=model.device, batch_size=settings.batch_size)
    return found.numpy()
