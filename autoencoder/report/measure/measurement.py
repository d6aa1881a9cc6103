"""The measurement of one run: its network on all test images of its data."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from autoencoder.analysis.codes import usual
from autoencoder.analysis.denoising import psnr
from autoencoder.analysis.gallery import SAMPLES, Gallery, gallery, in_turn
from autoencoder.analysis.latents import latent_use, silhouette, trustworthiness
from autoencoder.analysis.maps import pca_map, tsne_map
from autoencoder.data import ImageDataModule, in_batches, to_bytes, to_float
from autoencoder.experiment.build import LoadedRun
from autoencoder.metrics import image_mse, reconstruction_metrics
from autoencoder.models import Autoencoder
from autoencoder.report.measure.evaluation import Examples, Measurement
from autoencoder.report.measure.fitted import (
    Priors,
    columns_of,
    measure_priors,
    reconstructed_frechet,
)
from autoencoder.report.measure.judge import Judge, generate, prior_in_words
from autoencoder.report.measure.linear import LinearMethods, gaussian, probes
from autoencoder.report.measure.outliers import outlier_columns
from autoencoder.report.measure.settings import Settings

# What a stage of the work is called while it runs.
Say = Callable[[str], None]
STAGES = 9

N_WORST = 10
N_SHOWN = 10


def measure(
    run: LoadedRun, linear: LinearMethods, judge: Judge, settings: Settings, say: Say
) -> Measurement:
    """Measures a run.

    Args:
        run: Its model and its data.
        linear: The linear methods on the same data.
        judge: Of generated images, on the same data.
        settings: How runs are evaluated.
        say: Is told of each of the `STAGES`.
    """
    network = _Network(run.model, settings)
    data = run.data
    test, corrupted, labels = data.test.images, data.test.corrupted, data.test.labels
    assert corrupted is not None  # those of the test are, once and for all
    images = to_float(test)
    say(f"reconstructing {len(images):,} test images")
    reconstructions = network.reconstruct(corrupted, labels)
    errors = image_mse(reconstructions, images).numpy()
    columns = _errors(run.model, network, data, reconstructions, linear)
    say(f"denoising at {len(settings.noise_stds)} levels of noise")
    robustness = {
        std: psnr(
            network.reconstruct(gaussian(test, std, settings.seed, clip=True), labels).numpy(),
            images.numpy(),
        )
        for std in settings.noise_stds
    }
    say(f"encoding {len(data.examined):,} training images")
    train_latents = network.encode(data.examined.images, data.examined.labels)
    latents = network.encode(test, labels)
    say("reading classes off the latents")
    use = latent_use(latents)
    columns |= _qualities(run, latents, train_latents, linear, settings) | {
        "dead_units": use.dead_units,
        "participation_ratio": use.participation_ratio,
    }
    judged, generation, generated, priors, fitted_samples = _generation(
        run, train_latents, judge, settings, say
    )
    columns |= judged
    columns |= outlier_columns(run, errors, train_latents, latents, settings)
    say(f"mapping {min(settings.max_points, len(test)):,} latents with t-SNE")
    chosen, tsne = tsne_map(latents, seed=settings.seed, max_points=settings.max_points)
    pca = pca_map(latents)[chosen].astype(np.float32)

    def examples(indices: np.ndarray) -> Examples:
        rows = torch.from_numpy(indices)
        return Examples(
            indices, images[rows].numpy(), corrupted[rows].numpy(), reconstructions[rows].numpy()
        )

    order = errors.argsort(kind="stable")
    return Measurement(
        data=_facts(data),
        data_key=data_key(data),
        classes=data.classes,
        labels=labels.numpy(),
        image_shape=data.image_shape,
        latent_shape=tuple(run.model.latent_shape),
        columns=columns,
        image_mse=errors,
        latents=latents,
        latent_variances=use.variances.astype(np.float32),
        robustness=robustness,
        shown=examples(in_turn(labels, max(N_SHOWN, len(labels.unique()))).numpy()),
        best=examples(order[:1]),
        median=examples(order[len(order) // 2 :][:1]),
        worst=examples(order[::-1][:N_WORST].copy()),
        map_indices=chosen,
        map_images=test[torch.from_numpy(chosen)].numpy(),
        map_reconstructions=to_bytes(reconstructions[torch.from_numpy(chosen)]).numpy(),
        pca_map=pca,
        tsne_map=tsne,
        map_trustworthiness={
            "pca": _or_nan(lambda: trustworthiness(latents[chosen], pca, seed=settings.seed)),
            "tsne": _or_nan(lambda: trustworthiness(latents[chosen], tsne, seed=settings.seed)),
        },
        generated=generated,
        fitted_samples=fitted_samples,
        generation=generation,
        priors=priors,
    )


def data_key(data: ImageDataModule) -> str:
    """Names a data set, its split, and how many images are looked at, where not all are."""
    counts = len(data.examined), len(data.test)
    all_are = counts == (len(data.train), len(data.source.test_images))
    chosen = "" if all_are else "-{}-{}".format(*counts)
    if data.trained_on is not None:
        chosen += f"-of-{'-'.join(map(str, data.trained_on))}"
    return f"{data.source.checksum[:16]}-{data.split_seed}-{data.val_size}{chosen}"


class _Network:
    """A model that takes whole splits, on the device and in batches of the settings."""

    def __init__(self, model: Autoencoder, settings: Settings) -> None:
        self.model = model.to(settings.torch_device)
        self._batches = partial(
            in_batches, device=settings.torch_device, batch_size=settings.batch_size
        )

    def reconstruct(self, images: Tensor, labels: Tensor) -> Tensor:
        """Reconstructions of float images (N, C, H, W)."""
        return self._batches(self.model, images, labels)

    def encode(self, images: Tensor, labels: Tensor) -> np.ndarray:
        """Latents (N, latent_size) of uint8 images (N, C, H, W)."""
        return self._batches(self.model.encode, images, labels).flatten(1).numpy()


def _errors(
    model: Autoencoder,
    network: _Network,
    data: ImageDataModule,
    reconstructions: Tensor,
    linear: LinearMethods,
) -> dict[str, float]:
    """The columns on reconstructions."""
    images, corrupted, labels = to_float(data.test.images), data.test.corrupted, data.test.labels
    assert corrupted is not None
    noisy = not torch.equal(corrupted, images)
    metrics = reconstruction_metrics(data.image_shape)
    for batch, target in zip(reconstructions.split(500), images.split(500), strict=True):
        metrics.update(batch, target)
    values = {name: value.item() for name, value in metrics.compute().items()}
    clean = network.reconstruct(images, labels) if noisy else reconstructions
    pixels = math.prod(data.image_shape)
    return {
        "latent_size": model.latent_size,
        "latent_bits": model.latent_bits,
        "compression": pixels / model.latent_size,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "ssim": math.nan,
        **values,
        "clean_mse": image_mse(clean, images).double().mean().item(),
        "input_psnr": psnr(corrupted.numpy(), images.numpy(), clip=True) if noisy else math.nan,
        "linear_psnr": linear.linear_psnr(data.noise, corrupted) if noisy else math.nan,
    }


def _qualities(
    run: LoadedRun,
    latents: np.ndarray,
    train_latents: np.ndarray,
    linear: LinearMethods,
    settings: Settings,
) -> dict[str, float]:
    """The columns on latents; NaN where the data has too few images or classes for one."""
    data = run.data
    train_labels, labels = data.examined.labels.numpy(), data.test.labels.numpy()
    images = to_float(data.test.images).numpy()
    nothing = math.nan, math.nan
    try:
        knn, probe = probes(train_latents, train_labels, latents, labels, settings)
        pca_knn, pca_probe = linear.accuracies(run.model.latent_size)
    except ValueError:
        knn, probe, pca_knn, pca_probe = *nothing, *nothing
    return {
        "knn": knn,
        "pca_knn": pca_knn,
        "linear_probe": probe,
        "pca_linear_probe": pca_probe,
        "trustworthiness": _or_nan(lambda: trustworthiness(images, latents, seed=settings.seed)),
        "silhouette": _or_nan(lambda: silhouette(latents, labels, seed=settings.seed)),
    }


def _generation(
    run: LoadedRun, train_latents: np.ndarray, judge: Judge, settings: Settings, say: Say
) -> tuple[dict[str, float], dict[str, str], Gallery, Priors, np.ndarray]:
    """The columns on generated images, how they came about, pictures, and what others give."""
    n_classes = len(run.data.classes)
    say(f"generating {settings.samples_per_class * n_classes:,} images")
    shaped = train_latents.reshape(-1, *run.model.latent_shape)
    own = None if run.model.prior else usual(run.model.has_codes).fit(shaped)
    generated = generate(run.model, own, n_classes, settings)
    say("judging them by a classifier, which is trained once")
    columns = judge.columns(generated, asked=run.model.num_classes > 0)
    say(f"generating of {', '.join(settings.prior) or 'no other prior'}")
    priors, fitted_samples = measure_priors(run, judge, settings)
    columns |= columns_of(priors)
    columns["reconstructed_frechet"] = reconstructed_frechet(run, judge, settings)
    say("walking through the latent")
    shown = gallery(run.model, run.data, generated.images[:SAMPLES])
    first = next(iter(settings.priors().values()), None)
    generation = {
        "prior": generated.prior,
        "fitted_prior": prior_in_words(run.model, first) if first else "",
        "classifier": judge.fingerprint,
    }
    return columns, generation, shown, priors, fitted_samples


def _or_nan(measure: Callable[[], float]) -> float:
    """A measure, or NaN where there are too few points or classes for it."""
    try:
        return measure()
    except ValueError:
        return math.nan


def _facts(data: ImageDataModule) -> dict[str, str]:
    return {
        "name": data.title,
        "origin": data.source.origin,
        "checksum": data.source.checksum,
        "train": f"{len(data.train):,}",
        "examined": f"{len(data.examined):,}",
        "val": f"{len(data.val):,}",
        "test": f"{len(data.test):,}",
        "all_test": f"{len(data.source.test_images):,}",
        "split_seed": f"{data.split_seed}",
    }
