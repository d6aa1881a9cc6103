"""What a network generates of the priors that a report is asked for, fitted on its latents."""

import math
import time

import numpy as np
import torch

from autoencoder.analysis.gallery import SAMPLES
from autoencoder.data import in_batches, to_bytes
from autoencoder.experiment.build import LoadedRun
from autoencoder.report.measure.judge import COLUMNS, Judge, generate
from autoencoder.report.measure.settings import Settings

# By prior, by number.
Priors = dict[str, dict[str, float]]


def measure_priors(run: LoadedRun, judge: Judge, settings: Settings) -> tuple[Priors, np.ndarray]:
    """What each prior of the settings makes a network generate, and the seconds of its fit.

    With it come the first images of the first prior, uint8 (n, C, H, W).

    It is fitted on latents as the decoder is trained on them: of a variational model, draws from
    the posteriors of the training images. Fitted on their means, which lie closer together, the
    recall is lower. The numbers are NaN where there are too few images or classes for them.

    Args:
        run: On the device of the settings.
        judge: Of generated images, on the same data.
        settings: How runs are evaluated.
    """
    samples = np.empty((0, *run.data.image_shape), np.uint8)
    if not settings.prior:
        return {}, samples
    train_latents = _drawn(run, settings)
    labels = run.data.examined.labels.numpy() if run.model.num_classes else None
    found = {}
    for name, prior in settings.priors().items():
        start = time.perf_counter()
        try:
            prior.fit(train_latents, labels)
            seconds = time.perf_counter() - start
            generated = generate(run.model, prior, len(run.data.classes), settings)
        except ValueError:  # fewer latents than the prior needs, or not finite
            found[name] = dict.fromkeys((*COLUMNS, "fit_seconds"), math.nan)
            continue
        columns = judge.columns(generated, asked=run.model.num_classes > 0)
        if not found:
            samples = to_bytes(generated.images[:SAMPLES]).numpy()
        found[name] = {**columns, "fit_seconds": seconds}
    return found, samples


def columns_of(priors: Priors) -> dict[str, float]:
    """The columns `fitted_...`: those of the first prior; NaN if there is none."""
    first = next(iter(priors.values()), {})
    return {f"fitted_{name}": first.get(name, math.nan) for name in COLUMNS}


def reconstructed_frechet(run: LoadedRun, judge: Judge, settings: Settings) -> float:
    """The Fréchet distance of reconstructed training images, as many as are generated.

    No prior can be expected to do better: these are decoded from the very latents that it is
    fitted on.
    """
    count = settings.samples_per_class * len(run.data.classes)
    images, labels = run.data.examined.images[:count], run.data.examined.labels[:count]
    return judge.frechet(
        in_batches(
            run.model, images, labels, device=run.model.device, batch_size=settings.batch_size
        )
    )


def _drawn(run: LoadedRun, settings: Settings) -> np.ndarray:
    """Latents (N, *latent_shape) of the training images, the same draws in every call."""
    device = run.model.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(settings.seed)
        train = run.data.examined
        drawn = in_batches(
            run.model.draw,
            train.images,
            train.labels,
            device=device,
            batch_size=settings.batch_size,
        )
    return drawn.numpy()
