"""Metrics: what each number is called, what it means and how it is compared, described once.

The metrics of reconstructions are computed here as well. Imports no torch before it computes one:
the end of a sweep needs the descriptions alone.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor
    from torchmetrics import MetricCollection

# The side of SSIM's Gaussian window (Wang et al., 2004); smaller images have no SSIM.
SSIM_WINDOW = 11
# A spread below this share of the mean is rounding: a constant has none.
_ROUNDING = 1e-9


class Metric(NamedTuple):
    """The description of a number, in `metrics.json`, in the report, or in both.

    Attributes:
        column: Its name among the report's columns; empty where the report has none.
        recorded: Its key in `metrics.json`; empty where the report alone measures it.
        title: Its heading.
        meaning: What the number is.
        better: -1 where less is better, 1 where more is, 0 where neither.
        format: Of a number.
        alike: What runs must share to be compared by it: their test `noise`; their `bound`, which
            is a likelihood, and whether it is told the labels; their `room`, which is whether the
            latent is overcomplete.
        floor: Column of what the number is held against.
        brief: Tables with room for few numbers that have it: `report`, `sweep`.
    """

    column: str
    recorded: str
    title: str
    meaning: str
    better: int = 0
    format: str = ",.0f"
    alike: tuple[str, ...] = ()
    floor: str = ""
    brief: tuple[str, ...] = ()


_BOTH = ("report", "sweep")
METRICS = (
    Metric("", "train/loss", "training loss", "mean over the epoch of the best checkpoint",
           format=".4g"),
    Metric("", "val/mse", "validation MSE", "mean squared error of the best checkpoint on the "
           "validation images; input as the run's noise leaves it, target clean", -1, "#.3g",
           alike=("noise", "room")),
    Metric("latent_size", "latent_size", "latent size", "numbers in a latent, or the codes "
           "that it is made of", brief=_BOTH),
    Metric("", "latent_bits", "bits of a latent", "fewer than 32 a number where it is one of few "
           "values"),
    Metric("compression", "", "compression", "pixels of an image / latent size", format=".3g"),
    Metric("parameters", "parameters", "parameters", "trained numbers of the network",
           brief=("sweep",)),
    Metric("mse", "test/mse", "test MSE", "mean squared error over all pixels; input as the run's "
           "noise leaves it, target clean", -1, "#.3g", alike=("noise", "room"), brief=_BOTH),
    Metric("psnr", "test/psnr", "PSNR, dB", "10 log10(1 / test MSE)", 1, ".2f",
           alike=("noise", "room"), floor="linear_psnr", brief=_BOTH),
    Metric("ssim", "test/ssim", "SSIM", "structural similarity, 1 is perfect; images are mirrored "
           "at their border, where scikit-image crops them", 1, ".3f", alike=("noise", "room")),
    Metric("clean_mse", "test/clean_mse", "clean MSE", "mean squared error with the clean image as "
           "input", -1, "#.3g", alike=("room",), floor="pca_mse", brief=_BOTH),
    Metric("", "test/input_mse", "MSE of doing nothing", "mean squared error of the corrupted "
           "input itself, clipped to [0, 1]", format="#.3g"),
    Metric("pca_mse", "", "PCA MSE", "clean images through PCA of the same latent size, fitted on "
           "the same training images, clipped to [0, 1]", format="#.3g", brief=("report",)),
    Metric("pca_ratio", "", "ratio to PCA", "clean MSE / PCA MSE; above 1 the network loses to PCA",
           -1, ".2f", brief=("report",)),
    Metric("input_psnr", "", "PSNR of doing nothing, dB", "of the corrupted images themselves, "
           "clipped to [0, 1]", format=".2f"),
    Metric("linear_psnr", "", "PSNR of the best linear, dB", "the best of linear denoisers of the "
           "same noise: the affine map of least squares, PCA, the Wiener filter", format=".2f"),
    Metric("knn", "", "k-NN", "accuracy of 5 nearest neighbours among the training latents", 1,
           ".3f", alike=("room",), floor="pca_knn", brief=("report",)),
    Metric("pca_knn", "", "k-NN on PCA", "the same on PCA of the same size, or on the pixels if "
           "they are fewer", format=".3f"),
    Metric("linear_probe", "", "linear probe", "accuracy of a ridge classifier on the latents", 1,
           ".3f", alike=("room",), floor="pca_linear_probe"),
    Metric("pca_linear_probe", "", "linear probe on PCA", "the same on PCA of the same size, "
           "or on the pixels if they are fewer", format=".3f"),
    Metric("trustworthiness", "", "trustworthiness of the latent", "whether neighbours in the "
           "latent are neighbours as images; 1 is perfect", 1, ".3f", alike=("room",)),
    Metric("silhouette", "", "silhouette", "how far the classes are apart in the latent, -1 to 1",
           1, ".3f"),
    Metric("dead_units", "", "dead units", "latent dimensions that don't vary"),
    Metric("participation_ratio", "", "participation ratio", "effective number of latent "
           "dimensions", format=".3g"),
    Metric("frechet", "", "Fréchet distance", "of generated images to the training images, by "
           "features of this report's own classifier: not the FID, which takes Inception's; "
           "latents are drawn from the prior or, where there is none, from a Gaussian, or a "
           "mixture of codes, fitted on the training latents", -1, ".3g", floor="frechet_floor",
           brief=("report",)),
    Metric("frechet_floor", "", "Fréchet distance of real images", "of the test images, by the "
           "same features", format=".3g"),
    Metric("precision", "", "precision", "share of generated images among the real ones, by the "
           "same features", 1, ".3f", floor="precision_floor"),
    Metric("precision_floor", "", "precision of real images", "of the test images", format=".3f"),
    Metric("recall", "", "recall", "share of real images among the generated ones, by the same "
           "features; high for images that are merely far apart, so read it beside the precision",
           1, ".3f", floor="recall_floor"),
    Metric("recall_floor", "", "recall of real images", "of the test images", format=".3f"),
    Metric("named_as_asked", "", "named as asked", "share of the images generated of a class that "
           "the classifier gives the name of it", 1, ".3f", floor="named_as_asked_floor"),
    Metric("named_as_asked_floor", "", "real images named right", "test accuracy of the classifier",
           format=".3f"),
    Metric("memorised", "", "nearer than unseen", "how often a generated image is nearer to a "
           "training image than a test image is to any, by the same features; 0.5 for images as "
           "near as those, 1 for copies", format=".3f"),
    Metric("fitted_frechet", "", "Fréchet distance, fitted prior", "of images of latents drawn "
           "from the report's first prior, fitted on the training latents", -1, ".3g",
           floor="reconstructed_frechet", brief=("report",)),
    Metric("reconstructed_frechet", "", "Fréchet distance of reconstructions", "of reconstructed "
           "training images: what no fitted prior can be expected to beat", format=".3g"),
    Metric("fitted_precision", "", "precision, fitted prior", "of the same images", 1, ".3f",
           floor="precision_floor"),
    Metric("fitted_recall", "", "recall, fitted prior", "of the same images", 1, ".3f",
           floor="recall_floor"),
    Metric("fitted_memorised", "", "nearer than unseen, fitted prior", "of the same images",
           format=".3f"),
    Metric("fitted_named_as_asked", "", "named as asked, fitted prior", "of the same images, of "
           "latents from the prior that is fitted on the class", 1, ".3f",
           floor="named_as_asked_floor"),
    Metric("auroc_error", "", "AUROC of the error", "of a network trained on some classes alone: "
           "the chance that a test image of another class has the larger reconstruction error", 1,
           ".3f", floor="auroc_pca"),
    Metric("auroc_latent", "", "AUROC of the latent", "the same of the Mahalanobis distance of the "
           "latent to the training latents", 1, ".3f", floor="auroc_pca"),
    Metric("auroc_both", "", "AUROC of both", "the same of the sum of the two, each in standard "
           "deviations of the validation images", 1, ".3f", floor="auroc_pca"),
    Metric("auroc_near", "", "AUROC of error and neighbours", "the same of the error in units of "
           "each pixel's in training, and the distance to the nearest training latents, added in "
           "standard deviations of the validation images", 1, ".3f", floor="auroc_pca_near"),
    Metric("auroc_bound", "", "AUROC of the bound", "the same of minus the ELBO, by one draw", 1,
           ".3f", floor="auroc_pca"),
    Metric("auroc_pca", "", "AUROC of PCA", "the same of the error of 32 principal components, "
           "fitted on the same images", format=".3f"),
    Metric("auroc_pca_near", "", "AUROC of PCA, error and neighbours", "the same of its error in "
           "units of each pixel's, and the distance to the nearest training codes", format=".3f"),
    Metric("elbo", "test/elbo", "ELBO, nats", "evidence lower bound of log p(x) of an image, or of "
           "log p(x|label) where the network sees labels", 1, ",.1f", alike=("noise", "bound")),
    Metric("iwae", "test/iwae", "IWAE bound, nats", "importance-weighted bound of the same: "
           "tighter than the ELBO", 1, ",.1f", alike=("noise", "bound")),
    Metric("reconstruction", "test/reconstruction", "reconstruction, nats", "minus E log p(x|z), "
           "an image", format=",.1f"),
    Metric("kl", "test/kl", "KL, nats", "KL(q(z|x) || p(z)), an image", format=",.1f"),
    Metric("active_units", "test/active_units", "active units", "latent dimensions whose posterior "
           "means vary by more than 0.01"),
    Metric("", "test/perplexity", "perplexity", "of the codes of a latent made of them: how many, "
           "used evenly, would say as much", format=",.1f"),
    Metric("", "epochs", "epochs", "times that the training images were seen"),
    Metric("", "best_epoch", "best epoch", "the epoch of the best checkpoint"),
    # Not marked as better: it depends on what else the machine did.
    Metric("train_seconds", "train_seconds", "training, s", "wall time of all epochs",
           brief=("sweep",)),
    Metric("images_per_second", "images_per_second", "images/s", "training images a second"),
)  # fmt: skip
COLUMNS = {metric.column: metric for metric in METRICS if metric.column}
# What the columns of a report are about, in its order.
TOPICS = {
    "latent": ("latent_size", "compression", "knn", "pca_knn", "linear_probe", "pca_linear_probe",
               "trustworthiness", "silhouette", "dead_units", "participation_ratio"),
    "error": ("mse", "psnr", "ssim", "clean_mse"),
    "against PCA": ("pca_mse", "pca_ratio"),
    "noise": ("input_psnr", "linear_psnr"),
    "generation": ("frechet", "frechet_floor", "precision", "precision_floor", "recall",
                   "recall_floor", "named_as_asked", "named_as_asked_floor", "memorised"),
    "fitted prior": ("fitted_frechet", "reconstructed_frechet", "fitted_precision",
                     "fitted_recall", "fitted_named_as_asked", "fitted_memorised"),
    "unseen classes": ("auroc_error", "auroc_latent", "auroc_both", "auroc_near", "auroc_bound",
                       "auroc_pca", "auroc_pca_near"),
    "likelihood": ("elbo", "iwae", "reconstruction", "kl", "active_units"),
    "cost": ("parameters", "train_seconds", "images_per_second"),
}  # fmt: skip
RECORDED = {metric.recorded: metric for metric in METRICS if metric.recorded}


def in_words(mean: float, std: float, style: str) -> str:
    """A mean and its spread over seeds, rounded at the same place; a dash where there is no mean.

    The place is the last one of `style`, or the first of the spread where that is smaller.

    Args:
        mean: NaN if there is none.
        std: The standard deviation; NaN if there is none, and not shown where it is rounding.
        style: The format of the mean, such as `.2f`.
    """
    if math.isnan(mean):
        return "\N{EN DASH}"
    text = format(mean, style)
    if not std > _ROUNDING * abs(mean) or math.isinf(mean) or math.isinf(std):
        return text
    exponent = Decimal(text.replace(",", "")).as_tuple().exponent
    assert isinstance(exponent, int)
    places = max(-exponent, -Decimal(f"{std:.0e}").adjusted())
    comma = "," if "," in style else ""
    return " ± ".join(f"{round(value, places):{comma}.{max(places, 0)}f}" for value in (mean, std))


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
    import torchmetrics
    from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure

    metrics: dict[str, torchmetrics.Metric | MetricCollection] = {
        "mse": torchmetrics.MeanSquaredError(),
        "psnr": PeakSignalNoiseRatio(data_range=1.0),
    }
    if min(image_shape[1:]) >= SSIM_WINDOW:
        metrics["ssim"] = StructuralSimilarityIndexMeasure(data_range=1.0)
    # Without compute groups: MSE and PSNR keep different states.
    return torchmetrics.MetricCollection(metrics, compute_groups=False)


def image_mse(reconstructions: Tensor, images: Tensor) -> Tensor:
    """Mean squared error of each image: two (B, C, H, W) tensors to (B,)."""
    return (reconstructions - images).square().flatten(1).mean(1)
