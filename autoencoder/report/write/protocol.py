"""The protocol of a report: how its numbers were made."""

import math
from collections.abc import Mapping, Sequence

from autoencoder.analysis.pca import LARGEST, LEADING
from autoencoder.data.packed import UNLABELLED
from autoencoder.report.measure.judge import NEIGHBORS, RECIPE
from autoencoder.report.measure.linear import COPIES
from autoencoder.report.measure.settings import Settings
from autoencoder.report.phrases import listed, quoted
from autoencoder.report.write.recipes import recipes
from autoencoder.report.write.rows import Row
from autoencoder.runs.environment import environment, hardware

_NO_LABELS = (
    " They have no labels, so that all that needs classes is left out: k-NN, linear probe and "
    "silhouette, what a classifier says of generated images, and the error by class."
)

_LARGE = (
    f" Their images have more than {LARGEST:,} numbers, so that PCA is that of the leading "
    f"{LEADING} components, and the least-squares map and the Wiener filter are left out."
)


def protocol(rows: Sequence[Row], settings: Settings) -> list[tuple[str, str]]:
    """How the numbers were made, a paragraph a topic."""
    found: list[tuple[str, str]] = []
    for key in dict.fromkeys(row.first.data_key for row in rows):
        first = next(row.first for row in rows if row.first.data_key == key)
        data = first.data
        found.append(
            (
                "Data",
                f"{data['name']}: {data['train']} training, {data['val']} validation and "
                f"{data['test']} test images, from {data['origin']} (SHA-256 {data['checksum']})."
                + _chosen(data)
                + (_NO_LABELS if first.classes == UNLABELLED else "")
                + (_LARGE if math.prod(first.image_shape) > LARGEST else ""),
            )
        )
    runs = [run for row in rows for run in row.evaluations]
    seeds = sorted({seed for row in rows for seed in row.seeds})
    epochs = sorted({int(run.metrics["epochs"]) for run in runs if "epochs" in run.metrics})
    levels = ", ".join(f"{std:g}" for std in settings.noise_stds)
    here = environment()
    return [
        *found,
        (
            "Training",
            f"Seed {listed(map(str, seeds))}; {listed(map(str, epochs)) or 'unknown'} epochs; "
            "the checkpoint of least validation error is evaluated. "
            + _partial(rows)
            + _trained_on(rows),
        ),
        *([("Recipes", listing)] if (listing := recipes(rows)) else []),
        (
            "Test",
            "Each of these test images once. Pixels are in [0, 1]; MSE is the mean over all "
            "pixels, PSNR that of this pooled MSE, SSIM has a Gaussian window of 11 pixels and the "
            "image mirrored beyond its border (scikit-image leaves the border out, which makes "
            "other numbers). Test noise comes from a fixed seed: every network sees the same "
            "corrupted images. The target is always the clean image.",
        ),
        (
            "PCA",
            "Fitted on the same training images as the networks, on clean pixels; its "
            "reconstructions of the test images are clipped to [0, 1], as those of the networks "
            "are. A latent with as many numbers as pixels or more is overcomplete: PCA leaves no "
            "error, and reads classes off the pixels. Of all linear methods PCA has the "
            "least error before clipping; after it, a decoder fitted for the clipped error would "
            "have up to a tenth less on Fashion-MNIST.",
        ),
        (
            "Noise floors",
            "The least-squares map is the affine map of least squared error from training images, "
            f"corrupted {COPIES} times by the very noise, to clean ones. For figures: Gaussian "
            f"noise of standard deviation {levels}, which networks, doing nothing and this map get "
            "clipped to [0, 1]; PCA (the best number of components, chosen on the test images) and "
            "the Wiener filter get it before it is clipped, which serves them better. The best "
            "linear method of a run's own noise is the best of the map and of PCA, and for "
            "Gaussian noise of one strength of the Wiener filter. All outputs are clipped.",
        ),
        (
            "Latents",
            f"Of clean images. k-NN: 5 neighbours among the training latents, for "
            f"{settings.knn_points:,} test images at most. Linear probe: ridge classifier on "
            "standardised training latents, for all test images. Trustworthiness of the latent "
            "(5 neighbours) and silhouette: 2,000 test images at most. Classes are not read off "
            "the latents of a network that is told the label, which may repeat it. "
            f"Maps: {settings.max_points:,} test images at most; t-SNE after PCA to 50 dimensions, "
            f"seed {settings.seed}.",
        ),
        ("Generation", _generated(rows, settings)),
        (
            "Report",
            f"Made on {here['date']} with {_versions(here)}, on {hardware(here)}.",
        ),
    ]


def _chosen(data: Mapping[str, str]) -> str:
    """Which images were looked at, where not all were; reports of before looked at all."""
    text = ""
    if data.get("examined", data["train"]) != data["train"]:
        text += (
            f" PCA, floors, probes, priors and the classifier are fitted on {data['examined']} of "
            f"the training images (data.max_examined), the first in the order of the split."
        )
    if data.get("all_test", data["test"]) != data["test"]:
        text += f" The test images are drawn from {data['all_test']} (data.max_test)."
    return text + f" Drawn by data.split_seed={data['split_seed']}." if text else ""


def _partial(rows: Sequence[Row]) -> str:
    """Of which rows an epoch was not all of the training images."""
    found: dict[str, list[str]] = {}
    for row in rows:
        trainer = row.first.config.get("trainer") or {}
        for key, whole in (("limit_train_batches", 1.0), ("overfit_batches", 0.0)):
            part = trainer.get(key)
            # 1 is one batch, 1.0 all of them.
            if part is not None and (part != whole or (isinstance(part, int) and part)):
                count = f"{part:,}" if isinstance(part, int) else f"{100 * part:.3g}% of the"
                text = f"was {count} batches of training images (trainer.{key}={part}). "
                found.setdefault(text, []).append(quoted(row.group))
    return "".join(f"An epoch of {listed(names)} {text}" for text, names in found.items())


def _generated(rows: Sequence[Row], settings: Settings) -> str:
    judged = [row for row in rows if row.has("frechet")]
    if not judged:
        return "Not measured: there are too few images or classes."
    priors: dict[str, list[Row]] = {}
    for row in judged:
        priors.setdefault(row.prior, []).append(row)
    drawn = "; ".join(
        f"from {prior}, of {listed(quoted(row.group) for row in of_prior)}"
        for prior, of_prior in priors.items()
    )
    accuracies = sorted({row.mean("named_as_asked_floor") for row in judged})
    return (
        f"{settings.samples_per_class:,} images for each class of the data, the means of what a "
        f"decoder gives, by seed {settings.seed}. Latents are drawn {drawn} (a Gaussian that is "
        "fitted after the training is the ex-post density estimation of Ghosh et al., 2020)."
        f"{_fitted(judged)} A "
        "classifier that is trained on the same training images names "
        f"{listed(f'{accuracy:.1%}' for accuracy in accuracies)} of the test images right. Its "
        f"{RECIPE.features} features stand for the images. Fréchet distance: to all training "
        "images; it is not the FID, which takes the features of Inception, and has another scale. "
        f"Precision and recall (Kynkäänniemi et al., 2019, {NEIGHBORS} neighbours): among as many "
        "training images. The floors are those of as many real test images, or of all if they are "
        "fewer: the Fréchet distance of fewer images is larger."
    )


def _fitted(rows: Sequence[Row]) -> str:
    """From what the latents of the columns on fitted priors are drawn."""
    priors = dict.fromkeys(row.fitted_prior for row in rows if row.has("fitted_frechet"))
    if not priors:
        return ""
    return (
        f" For the columns on a fitted prior, latents of as many images are drawn from "
        f"{listed(priors)}, one a class where the network is told the label; priors.csv has the "
        "numbers of every prior that was tried."
    )


def _trained_on(rows: Sequence[Row]) -> str:
    environments = [run.environment for row in rows for run in row.evaluations if run.environment]
    if not environments:
        return "Versions and hardware of the training were not recorded."
    described = dict.fromkeys(f"{_versions(one)}, on {hardware(one)}" for one in environments)
    days = sorted({one["date"][:10] for one in environments})
    return f"Trained {' to '.join(dict.fromkeys((days[0], days[-1])))} with " + "; ".join(described)


def _versions(environment: Mapping[str, str]) -> str:
    names = ("python", "torch", "lightning", "torchmetrics", "scikit-learn", "numpy")
    return ", ".join(f"{name} {environment[name]}" for name in names if name in environment)
