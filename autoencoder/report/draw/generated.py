"""Figures of what models generate: samples, ways between images, traversals, grids, neighbours."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from autoencoder.analysis import gallery_blocks as blocks
from autoencoder.analysis import plotting
from autoencoder.analysis.gallery import Gallery
from autoencoder.analysis.plotting import ImageBlock
from autoencoder.models.variational import ACTIVE_VARIANCE
from autoencoder.report.draw.groups import (
    Drawing,
    Groups,
    known,
    least,
    listed,
    most,
    pages,
)
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.phrases import quoted

_SAMPLE_ROWS = 2
_PAIRS = 2
# Runs of which a caption names each.
_FEW = 2
_DIMENSIONS = 5
_MANIFOLDS_A_PAGE = 2


def samples(groups: Groups) -> Iterator[Drawing]:
    """Images that each run generates, and real ones."""
    runs = {group: run for group, run in groups.first.items() if len(run.generated.samples)}
    caption = f"Images decoded from latents that no image was encoded to. {_priors(runs)} "
    conditional = [quoted(group) for group, run in runs.items() if run.generated.is_conditional]
    if conditional:
        caption += f"The samples of {listed(conditional)} are asked to be of every class in turn. "
    values = {group: run.generated.sharpness["sample"] for group, run in runs.items()}
    if known(values):
        test = next(iter(runs.values())).generated.sharpness["test"]
        caption += (
            f"From pixel to pixel, test images change by {test:.3f} on average, samples by "
            f"{_told(values, '.3f')}: less is blur."
        )
    for page in pages(runs):
        shown = [blocks.samples(run.generated, group, _SAMPLE_ROWS) for group, run in page.items()]
        shown.append(blocks.test_images(next(iter(page.values())).generated))
        yield plotting.image_blocks(shown, 0.5), caption
        caption = "The same for further runs."


def interpolation(groups: Groups) -> Iterator[Drawing]:
    """Ways between the latents of test images, through every run."""
    runs = {group: run for group, run in groups.first.items() if len(run.generated.ends)}
    caption = (
        "Images decoded from latents between those of two test images, which stand at the ends: on "
        "the straight line, and on the arc that keeps its distance from 0. "
    )
    conditional = [quoted(group) for group, run in runs.items() if run.generated.is_conditional]
    if conditional:
        caption += f"With {listed(conditional)} the label changes after 1/2. "
    caption += _middles(runs)
    for page in pages(runs):
        shown: list[ImageBlock] = []
        for group, run in page.items():
            shown += blocks.interpolations(run.generated, group, run.classes, _PAIRS)
        yield plotting.image_blocks(shown, 0.55), caption
        caption = "The same for further runs."


def traversals(groups: Groups) -> Iterator[Drawing]:
    """Latents of which one dimension changes, of the runs that have a prior."""
    runs = {group: run for group, run in groups.first.items() if run.generated.has_prior}
    caption = (
        "The latent of one test image with one dimension set to the value above, in standard "
        "deviations of the prior. Shown are the dimensions whose posterior means vary most over "
        f"test images; one of a variance under {ACTIVE_VARIANCE} says nothing of the image. "
    )
    active = {
        group: int((run.latent_variances > ACTIVE_VARIANCE).sum()) for group, run in runs.items()
    }
    used = [f"{active[group]} of {run.latent_shape[0]} with {quoted(group)}"
            for group, run in runs.items()]  # fmt: skip
    if used:
        caption += f"Dimensions that say something: {listed(used)}."
    for page in pages(runs):
        shown = [blocks.traversed(next(iter(page.values())).generated, "")]
        shown += [
            blocks.traversals(run.generated, group, _DIMENSIONS) for group, run in page.items()
        ]
        yield plotting.image_blocks(shown, 0.55), caption
        caption = "The same for further runs."


def class_grids(groups: Groups) -> Iterator[Drawing]:
    """The same latents decoded as each class, of the runs that see labels."""
    runs = {group: run for group, run in groups.first.items() if run.generated.is_conditional}
    caption = (
        "Each column is one latent from the prior, decoded with the label of each row: the class "
        "should change and the style stay. "
    )
    shares = {group: _label_share(run.generated) for group, run in runs.items()}
    if known(shares):
        caption += (
            "Of the variance of the pixels, the label makes "
            f"{_told(shares, '.0%')}; a model that ignores it shows the same in every row. "
        )
    means = groups.means("named_as_asked")
    named = {group: means[group] for group in runs}
    if known(named):
        caption += f"A classifier finds the class that was asked for in {_told(named, '.0%')}."
    for page in pages(runs, _MANIFOLDS_A_PAGE):
        shown = [
            blocks.class_grid(run.generated, group, run.classes) for group, run in page.items()
        ]
        yield plotting.image_blocks(shown, 0.5), caption
        caption = "The same for further runs."


def manifolds(groups: Groups) -> Iterator[Drawing]:
    """The plane of each latent of two dimensions."""
    runs = {group: run for group, run in groups.first.items() if len(run.generated.manifold)}
    caption = (
        "The whole latent of two dimensions: the first grows to the right, the second upwards, at "
        "even quantiles of the prior, so that each image stands for an equal share of it. "
    )
    conditional = [
        f"{quoted(group)} as {run.classes[0]}"
        for group, run in runs.items()
        if run.generated.is_conditional
    ]
    if conditional:
        caption += f"Decoded with one label: {listed(conditional)}. "
    means = groups.means("knn")
    accuracy = {group: means[group] for group in runs}
    if known(accuracy):
        caption += (
            "How well classes keep apart on it: k-NN names the right one in "
            f"{_told(accuracy, '.0%')}."
        )
    for page in pages(runs, _MANIFOLDS_A_PAGE):
        shown = [blocks.manifold(run.generated, group) for group, run in page.items()]
        yield plotting.image_blocks(shown, 0.4), caption
        caption = "The same for further runs."


def neighbours(groups: Groups) -> Iterator[Drawing]:
    """The samples nearest to a training image, beside it."""
    runs = {group: run for group, run in groups.first.items() if len(run.generated.neighbours)}
    if not runs:
        return
    first = next(iter(runs.values())).generated
    caption = (
        f"Of {len(first.samples)} samples, those nearest to a training image, with their squared "
        "error to it: a copy would have none. "
    )
    closest = {group: float(run.generated.neighbour_mse[0]) for group, run in runs.items()}
    typical = {group: run.generated.nearest_mse["sample"] for group, run in runs.items()}
    if known(closest):
        blurred = {
            group: run.generated.nearest_mse["reconstruction"] for group, run in runs.items()
        }
        caption += (
            f"The least is {_told(closest, '.4f')}; the median of all samples "
            f"{_told(typical, '.4f')}. That of test images, which no model has seen, is "
            f"{first.nearest_mse['test']:.4f}, and of their reconstructions, which are smoother, "
            f"{_told(blurred, '.4f')}: far below is memorised, far above is like no image of the "
            "data."
        )
    for page in pages(runs):
        shown = [blocks.neighbours(run.generated, group) for group, run in page.items()]
        yield plotting.image_blocks(shown, 0.55), caption
        caption = "The same for further runs."


def _priors(runs: Mapping[str, Evaluation]) -> str:
    """What latents are drawn from, run by run."""
    by_prior: dict[str, list[str]] = {}
    for group, run in runs.items():
        prior = run.generation.get("prior", "an unknown distribution")
        by_prior.setdefault(prior, []).append(quoted(group))
    sentences = (f"Those of {listed(names)} are drawn from {p}." for p, names in by_prior.items())
    return " ".join(sentences)


def _middles(runs: Mapping[str, Evaluation]) -> str:
    """How far the middle of a way is from real images, in words; nothing where it is not known."""
    distances = {group: run.generated.nearest_mse for group, run in runs.items()}
    linear, spherical, smooth = (
        {group: of[kind] for group, of in distances.items()}
        for kind in ("linear", "spherical", "reconstruction")
    )
    if not known(linear):
        return ""
    first = next(iter(distances.values()))
    return (
        "The squared error of the image at 1/2 to the nearest training image says whether it could "
        f"be a real one; its median is {_told(linear, '.4f')} on the line, "
        f"{_told(spherical, '.4f')} on the arc. At the ends, which are reconstructions, it is "
        f"{_told(smooth, '.4f')}; that of two images laid over each other {first['mix']:.4f}."
    )


def _label_share(gallery: Gallery) -> float:
    """The share of the variance of the grid's pixels that is between the classes."""
    images = gallery.class_grid.astype(np.float64)
    total = images.var(axis=(0, 1)).mean()
    return float(images.mean(axis=1).var(axis=0).mean() / total) if total > 0 else math.nan


def _told(values: Mapping[str, float], form: str) -> str:
    """The values that are known, each with its group; of many, the least and the most."""
    found = known(values)
    groups = list(found) if len(found) <= _FEW else [least(found), most(found)]
    texts = [f"{found[group]:{form}} with {quoted(group)}" for group in groups]
    return " to ".join(texts) if len(found) > _FEW else listed(texts)
