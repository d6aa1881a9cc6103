"""Figures of images and of classes: reconstructions, extremes, error by class, latent maps."""

import math
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from autoencoder.analysis import plotting
from autoencoder.analysis.plotting import ImageBlock, MapPanel, shortened
from autoencoder.data.packed import UNLABELLED
from autoencoder.report.draw.groups import (
    Drawing,
    Groups,
    known,
    least,
    listed,
    mean,
    most,
    pages,
)
from autoencoder.report.measure.evaluation import Evaluation, Examples
from autoencoder.report.phrases import quoted

_MOST_EXAMPLES = 10
_MOST_CLASSES = 30


def reconstructions(groups: Groups) -> Iterator[Drawing]:
    """Test images, of every class in turn, through every run."""
    run = groups.all[0]
    columns = slice(_MOST_EXAMPLES)
    labels = run.labels[run.shown.indices[columns]].tolist()
    headings = [_wrapped(run.classes[k], 11) for k in labels]
    if run.classes == UNLABELLED:
        headings, shown = [], "The first test images"
    elif len(set(labels)) < len(labels):
        shown = "Test images, of every class in turn"
    elif len(labels) < len(np.unique(run.labels)):
        shown = f"One test image of each of the first {len(labels)} classes"
    else:
        shown = "One test image of each class"
    errors = known(
        {
            group: float(
                np.square(first.shown.reconstructions - first.shown.images)[columns].mean()
            )
            for group, first in groups.first.items()
        }
    )
    caption = (
        f"{shown}, the same for all runs, and what each makes of it. Absolute error is black at 0 "
        f"and brightest at {plotting.LARGEST_ERROR} or more. "
    )
    if errors:
        low, high = least(errors), most(errors)
        caption += f"The MSE of these images is {errors[low]:.3g} with {quoted(low)}"
        caption += "." if low == high else f" and {errors[high]:.3g} with {quoted(high)}."
    for page in pages(groups.first):
        blocks = [ImageBlock("", headings, {"input": run.shown.images[columns]})]
        for group, first in page.items():
            rows = _rows(first.shown, columns)
            del rows["input"]
            blocks.append(ImageBlock(group, (), rows))
        yield plotting.image_blocks(blocks), caption
        caption = "The same for further runs."


def extremes(groups: Groups) -> Iterator[Drawing]:
    """The test images that each run reconstructs best and worst."""
    labelled = groups.all[0].classes != UNLABELLED
    caption = (
        "The test images of least, median and largest error, with their MSE"
        f"{' and class' if labelled else ''}: what the mean hides. "
    )
    for page in pages(groups.first):
        blocks = []
        for group, run in page.items():
            parts = {"best": run.best, "median": run.median, "worst": run.worst}
            headings = [
                f"{kind if kind != 'worst' else f'worst {rank}'}\n{run.image_mse[index]:.4f}"
                + (f"\n{shortened(run.classes[run.labels[index]], 12)}" if labelled else "")
                for kind, examples in parts.items()
                for rank, index in enumerate(examples.indices, start=1)
            ]
            images, corrupted, outputs = (
                np.concatenate([getattr(examples, name) for examples in parts.values()])
                for name in ("images", "corrupted", "reconstructions")
            )
            indices = np.concatenate([examples.indices for examples in parts.values()])
            rows = _rows(Examples(indices, images, corrupted, outputs), slice(None))
            blocks.append(ImageBlock(group, headings, rows))
        caption += " ".join(_worst_in_words(group, run) for group, run in page.items())
        yield plotting.image_blocks(blocks), caption
        caption = ""


def class_errors(groups: Groups) -> Iterator[Drawing]:
    """Test error of every group by class."""
    classes, present = groups.all[0].classes, np.unique(groups.all[0].labels)
    if classes == UNLABELLED:
        return
    errors = np.array(
        [
            [mean(float(run.image_mse[run.labels == k].mean()) for run in runs) for k in present]
            for runs in groups.runs.values()
        ]
    )
    totals = np.array(
        [[mean(float(run.image_mse.mean()) for run in runs)] for runs in groups.runs.values()]
    )
    ratios = np.divide(errors, totals, out=np.full(errors.shape, np.nan), where=totals > 0)
    overall = {int(k): mean(column) for k, column in zip(present, ratios.T, strict=True)}
    order = np.argsort([-np.nan_to_num(ratio) for ratio in overall.values()], kind="stable")
    order = order[:_MOST_CLASSES]
    texts = [[_thousandths(error) for error in row] for row in errors[:, order]]
    names = [shortened(classes[label], 18) for label in present[order]]
    heat = plotting.Heat(
        ratios[:, order], texts, list(groups.runs), names, "class MSE over the run's mean"
    )
    caption = (
        "Test MSE of each class in thousandths. The colour compares a class with the mean of its "
        "own run (1), so that what is hard shows for good and bad runs alike. "
    )
    if len(present) > len(order):
        caption += f"Only the {len(order)} classes of largest error are shown. "
    if len(order) > 1 and known(overall):
        lost = [f"{classes[k]} ({overall[int(k)]:.1f} times the mean)" for k in present[order][:3]]
        kept = min(known(overall), key=lambda k: overall[k])
        caption += f"Lost most: {listed(lost)}. "
        caption += f"Kept best: {classes[kept]} ({overall[kept]:.1f} times)."
    yield heat, caption


def latent_maps(groups: Groups) -> Iterator[Drawing]:
    """PCA and t-SNE of every group's latent."""
    classes = groups.all[0].classes
    caption = (
        "Latents of the same clean test images in two dimensions"
        f"{', coloured by class' if classes != UNLABELLED else ''}. "
        "Map trustworthiness says how far neighbours on the map are neighbours in the latent, 1 "
        "if all are. Distances between the clusters of t-SNE mean little. "
    )
    mapped = {group: run for group, run in groups.first.items() if len(run.map_indices)}
    for page in pages(mapped):
        panels = [
            [_panel(group, run, method) for group, run in page.items()]
            for method in ("pca", "tsne")
        ]
        # One run's two maps are beside each other, those of several below each other.
        if len(page) == 1:
            panels = [[panel for row in panels for panel in row]]
        caption += _mixed_in_words(page)
        yield plotting.latent_maps(panels, classes), caption
        caption = ""


def _panel(group: str, run: Evaluation, method: str) -> MapPanel:
    """A map of one run, its trustworthiness in the title."""
    points, title = (run.pca_map, "PCA") if method == "pca" else (run.tsne_map, "t-SNE")
    trustworthiness = run.map_trustworthiness.get(method, math.nan)
    if math.isfinite(trustworthiness):
        title += f", map trustworthiness {trustworthiness:.2f}"
    return MapPanel(f"{shortened(group, 48)}\n{title}", points, run.labels[run.map_indices])


def _worst_in_words(group: str, run: Evaluation) -> str:
    """How bad the worst images are, and of which class; nothing where no error is known."""
    worst, median = run.image_mse[run.worst.indices], np.median(run.image_mse)
    if not len(worst) or not np.isfinite(worst).all() or not median > 0:
        return ""
    classes = Counter(run.classes[label] for label in run.labels[run.worst.indices])
    name, count = classes.most_common(1)[0]
    sentence = f"{quoted(group)}: the worst has {worst[0] / median:.0f} times the median error"
    if run.classes == UNLABELLED:
        return f"{sentence}."
    return f"{sentence}; {count} of the {len(worst)} worst {'is' if count == 1 else 'are'} {name}."


def _mixed_in_words(runs: Mapping[str, Evaluation]) -> str:
    """Which two classes lie most among each other in each latent."""
    sentences = []
    for group, run in runs.items():
        latents = run.latents[run.map_indices].reshape(len(run.map_indices), -1)
        labels = run.labels[run.map_indices]
        if np.isfinite(latents).all() and len(np.unique(labels)) > 1 and len(labels) > 5:
            one, other, share = _most_mixed(latents, labels)
            pair = f"{run.classes[one]} are {run.classes[other]}"
            sentences.append(f"{share:.0%} of those of {pair} with {quoted(group)}")
    if not sentences:
        return ""
    return f"Of the five nearest neighbours in the latent, {listed(sentences)}."


def _most_mixed(latents: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[int, int, float]:
    """The class whose neighbours are most often of one other class, that class, and how often."""
    neighbors = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(latents)
    found = labels[neighbors.kneighbors(return_distance=False)]
    counts = np.zeros((labels.max() + 1,) * 2)
    np.add.at(counts, (labels[:, None], found), 1)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    np.fill_diagonal(shares, 0)
    one, other = np.unravel_index(shares.argmax(), shares.shape)
    return int(one), int(other), float(shares[one, other])


def _rows(examples: Examples, columns: slice) -> dict[str, NDArray[np.float32]]:
    """Rows of a block of images: the corrupted input only where it differs."""
    rows = {"input": examples.images[columns]}
    if not np.array_equal(examples.images, examples.corrupted):
        rows["corrupted"] = examples.corrupted[columns]
    rows["reconstruction"] = examples.reconstructions[columns]
    error = np.abs(examples.reconstructions - examples.images).mean(axis=1)
    rows["absolute error"] = error[columns]
    return rows


def _wrapped(text: str, width: int) -> str:
    """A name in at most two lines of about that width."""
    lines = textwrap.wrap(text.replace("/", "/ "), width)
    return "\n".join(shortened(line.replace("/ ", "/"), width + 2) for line in lines[:2])


def _thousandths(error: float) -> str:
    """An error in thousandths, in two digits or three."""
    value = 1000 * error
    if not math.isfinite(value):
        return ""
    return f"{value:.2g}" if value < 0.95 else f"{value:.1f}" if value < 99.5 else f"{value:.0f}"
