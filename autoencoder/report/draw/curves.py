"""Figures of lines: loss, rate and distortion, robustness to noise, use of the latent."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from autoencoder.analysis.plotting import RUN_COLORS, Chart, Curve, none_negative, shortened
from autoencoder.report.draw.groups import (
    Drawing,
    Groups,
    denoises,
    known,
    least,
    listed,
    mean,
    most,
)
from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.phrases import quoted

# A unit of at most this share of the largest variance is dead, as in `latent_use`.
_DEAD = 1e-4
# The noise level that the caption speaks of, or the nearest that was measured.
_TYPICAL_NOISE = 0.3


def loss_curves(groups: Groups) -> Iterator[Drawing]:
    """Loss of every run after each epoch: a figure for each likelihood, one for other runs."""
    caption = (
        "Training loss (dashed: the mean over an epoch, while the weights still change) and "
        "validation loss (solid: after the epoch). "
    )
    if len({run.likelihood for run in groups.all}) > 1:
        caption += (
            "Losses of different likelihoods, and squared errors, have nothing in common: each "
            "has a figure of its own. "
        )
    if any(map(denoises, groups.all)):
        caption += (
            "A run with noise has the harder task, as its input is corrupted: compare it with "
            "others of the same noise. "
        )
    for likelihood in dict.fromkeys(run.likelihood for run in groups.all):
        chosen = {
            group: alike
            for group, runs in groups.runs.items()
            if (alike := [run for run in runs if run.likelihood == likelihood])
        }
        unit = "loss, nats an image" if likelihood else "loss"
        yield _loss_curves(replace(groups, runs=chosen), unit, caption)
        caption = ""


def _loss_curves(groups: Groups, y_label: str, caption: str) -> Drawing:
    """Losses that can be compared."""
    curves: list[Curve] = []
    lowest: dict[str, float] = {}
    # Where colours repeat, markers tell the runs apart.
    marked = len(groups.styles) > len(RUN_COLORS)
    for group, runs in groups.runs.items():
        color, marker = groups.styles[group]
        for run in runs:
            epochs = [row.get("epoch", math.nan) for row in run.history]
            train, val = (
                [row.get(f"{stage}/loss", math.nan) for row in run.history]
                for stage in ("train", "val")
            )
            label = group if run is runs[0] else ""
            seed = f", seed {run.config['seed']}" if "seed" in run.config else ""
            shown = marker if marked else ""
            curves += [
                Curve(epochs, train, "", color, "--", of=group, what=f"training{seed}"),
                Curve(epochs, val, label, color, "-", shown, of=group, what=f"validation{seed}"),
            ]
        lowest[group] = mean(_lowest(run, "val/loss") for run in runs)
    if lowest := known(lowest):
        best = least(lowest)
        caption += f"The lowest validation loss is {lowest[best]:.3g}, of {quoted(best)}."
    chart = Chart(curves, "epoch", y_label, log_y=none_negative(curves), whole_x=True)
    return chart, caption


def rate_distortion(groups: Groups) -> Iterator[Drawing]:
    """Test error against latent size, over PCA's."""
    pixels = math.prod(groups.all[0].image_shape)
    floor = dict(sorted(groups.floors.pca_mse.items())) if groups.floors else {}
    # An error of rounding alone would stretch the axis over twenty decades.
    floor = {n: error for n, error in floor.items() if 0 < n < pixels and error > 1e-7}
    curves = [Curve(list(floor), list(floor.values()), "PCA, clipped", linestyle="--")]
    ratios: dict[str, float] = {}
    for group, runs in groups.runs.items():
        color, marker = groups.styles[group]
        sizes, clean, noisy, ratio = (
            [run.columns.get(column, math.nan) for run in runs]
            for column in ("latent_size", "clean_mse", "mse", "pca_ratio")
        )
        denoising = any(map(denoises, runs))
        what = "clean input" if denoising else ""
        curves.append(Curve(sizes, clean, group, color, "", marker, of=group, what=what))
        if denoising:
            what = "corrupted input"
            curves.append(Curve(sizes, noisy, "", color, "", marker, False, group, what))
        ratios[group] = mean(ratio)
    overcomplete = any(run.columns.get("latent_size", 0) >= pixels for run in groups.all)
    chart = Chart(
        curves if floor else curves[1:],
        "latent size",
        "test MSE",
        log_x=True,
        log_y=True,
        overcomplete_from=pixels if overcomplete else None,
    )
    caption = (
        "Test MSE of clean images against the size of the latent: a run is worth its cost where "
        "it lies below the curve of PCA. "
    )
    if any(map(denoises, groups.all)):
        caption += (
            "Filled marks are for clean input, as the curve is; hollow ones for the corrupted "
            "input that a denoising run was made for, to which the curve does not apply. "
        )
    ratios = known(ratios)
    below = [
        f"{quoted(group)} ({ratio:.2f} times PCA's error)"
        for group, ratio in ratios.items()
        if ratio < 1
    ]
    above = [
        f"{quoted(group)} ({ratio:.2f} times)" for group, ratio in ratios.items() if ratio >= 1
    ]
    if below:
        caption += f"Better than PCA of its size: {listed(below)}. "
    if above:
        caption += f"Not better: {listed(above)}. "
    if overcomplete:
        caption += (
            f"From {pixels:,} dimensions on, as many as there are pixels, a latent is "
            "overcomplete: PCA of that size has no error, so there is no floor."
        )
    yield chart, caption


def noise_robustness(groups: Groups) -> Iterator[Drawing]:
    """PSNR of every group against the noise of its input."""
    floors: dict[str, tuple[str, Mapping[float, float]]] = {}
    if groups.floors:
        floors = {
            "doing nothing": (":", groups.floors.do_nothing_psnr),
            "the best PCA projection": ("--", groups.floors.pca_psnr),
            "the Wiener filter": ("-.", groups.floors.wiener_psnr),
            "the least-squares map": ("-", groups.floors.affine_psnr),
        }
        # Of large images, some are not made.
        floors = {name: floor for name, floor in floors.items() if floor[1]}
    curves = [
        Curve(sorted(psnr), [psnr[std] for std in sorted(psnr)], name, linestyle=linestyle)
        for name, (linestyle, psnr) in floors.items()
    ]
    measured: dict[str, dict[float, float]] = {}
    for group, runs in groups.runs.items():
        color, marker = groups.styles[group]
        measured[group] = {
            std: mean(run.robustness.get(std, math.nan) for run in runs)
            for std in sorted({std for run in runs for std in run.robustness})
        }
        psnr = measured[group]
        curves.append(Curve(list(psnr), list(psnr.values()), group, color, "-", marker, of=group))
    stds = {std for psnr in measured.values() for std in known(psnr) if std > 0}
    if not stds:
        return
    std = min(stds, key=lambda value: abs(value - _TYPICAL_NOISE))
    at = known({group: psnr.get(std, math.nan) for group, psnr in measured.items()})
    best, worst = most(at), least(at)
    beside = [
        f"{abs(at[best] - psnr[std]):.1f} dB {'over' if at[best] >= psnr[std] else 'under'} {name}"
        for name, (_, psnr) in floors.items()
        if std in psnr
    ]
    caption = (
        "PSNR against the clean image when Gaussian noise, clipped to [0, 1], is added to the "
        "input; higher is better. The grey lines need no network: a run below doing nothing makes "
        "noisy images worse, and a denoiser should beat all of them. At a standard "
        f"deviation of {std:.2g}, {quoted(best)} is best with {at[best]:.1f} dB"
    )
    caption += f": {listed(beside)}. " if beside else ". "
    if worst != best:
        caption += f"Lowest is {quoted(worst)} with {at[worst]:.1f} dB."
    yield Chart(curves, "standard deviation of the noise", "PSNR in dB"), caption


def latent_use(groups: Groups) -> Iterator[Drawing]:
    """Variance of every group's latent by dimension."""
    curves: list[Curve] = []
    used: dict[str, float] = {}
    dead_units: dict[str, float] = {}
    ratios, dead_of = groups.means("participation_ratio"), groups.means("dead_units")
    for group, run in groups.first.items():
        color, marker = groups.styles[group]
        variances = np.sort(run.latent_variances.ravel())[::-1]
        if not variances.size or not np.isfinite(variances).all():
            continue
        # The scale of a latent is a model's own: only shares can be compared. One of no variance
        # at all would fall off a logarithmic axis.
        shares = np.maximum(variances / (variances[0] or 1), _DEAD / 10)
        ratio, dead = ratios[group], dead_of[group]
        size = len(variances)
        label = shortened(group, 32)
        if math.isfinite(dead):
            label += f": {_tenths(dead)} of {size:,} dead"
            dead_units[group] = dead
        if math.isfinite(ratio):
            label += f", {ratio:.3g} effective"
            used[group] = ratio / size
        thin = marker if size < 40 else ""
        dimensions = list(range(1, size + 1))
        curves.append(Curve(dimensions, shares.tolist(), label, color, "-", thin, of=group))
    if not curves:
        return
    chart = Chart(
        curves,
        "dimension, by falling variance",
        "share of the largest variance",
        log_x=True,
        log_y=True,
        level=(_DEAD, "dead up to here"),
    )
    caption = (
        "Variance of each latent dimension over the clean test images, as a share of the largest "
        f"(a share below {_DEAD / 10:g} is drawn there). A flat line uses all dimensions alike; "
        "one that drops has dead units. The legend has the effective number of dimensions: the "
        "participation ratio, which counts correlated ones once. "
    )
    if any(len(runs) > 1 for runs in groups.runs.values()):
        caption += (
            "Of runs that differ in the seed the line is that of the first, the numbers are means. "
        )
    if dead_units:
        worst = most(dead_units)
        caption += (
            f"{quoted(worst)} has the most dead units: {_tenths(dead_units[worst])}. "
            if dead_units[worst]
            else "No unit is dead. "
        )
    if used:
        caption += (
            f"{quoted(most(used))} uses the largest share of its latent, {used[most(used)]:.0%}"
        )
        caption += (
            "."
            if len(used) == 1
            else f"; {quoted(least(used))} the smallest, {used[least(used)]:.0%}."
        )
    yield chart, caption


def _tenths(count: float) -> str:
    """A mean of counts, without a tenth where it is whole."""
    return f"{count:,.1f}".removesuffix(".0")


def _lowest(run: Evaluation, key: str) -> float:
    """The smallest value in the run's history; NaN where there is none."""
    return min(
        known({i: row.get(key, math.nan) for i, row in enumerate(run.history)}).values(),
        default=math.nan,
    )
