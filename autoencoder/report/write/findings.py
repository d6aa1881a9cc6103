"""The findings of a report: what its numbers say, in sentences."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from autoencoder.metrics import COLUMNS
from autoencoder.report.phrases import listed, quoted
from autoencoder.report.write.doubts import doubts
from autoencoder.report.write.rows import Row
from autoencoder.report.write.table import number, spread
from autoencoder.runs.labels import NO_NOISE

# A ratio this near to 1 is called a match.
_MATCH = 0.005
# The share of its latent that a network uses, below which its posterior has collapsed.
_COLLAPSED = 0.5


def findings(rows: Sequence[Row], left_out: Mapping[Path, str]) -> list[str]:
    """What the numbers say, a sentence or two for each question."""
    sentences: list[str] = []
    for _, group in groupby(rows, key=lambda row: row.first.data_key):
        of_data = list(group)
        several = len({row.first.data_key for row in rows}) > 1
        prefix = f"{of_data[0].first.data.get('name', 'data')}: " if several else ""
        sentences += [prefix + text for text in _of_one_data_set(of_data)]
    sentences += doubts(rows)
    # The first line says why; what follows is for whoever wants to run it again.
    first_lines = {path: reason.partition("\n")[0] for path, reason in left_out.items()}
    sentences += [f"Left out: {path.name}: {reason}." for path, reason in first_lines.items()]
    return sentences


def _of_one_data_set(rows: Sequence[Row]) -> Iterator[str]:
    yield from _best(rows)
    yield from _against_pca(rows)
    yield from _compression(rows)
    yield from _denoising(rows)
    yield from _classes(rows)
    yield from _generation(rows)
    yield from _collapse(rows)


def _best(rows: Sequence[Row]) -> Iterator[str]:
    blocks = _by_noise(rows)
    for noise, block in blocks.items():
        given = "Without noise" if noise == NO_NOISE else f"With {noise}"
        for kind, alike in _by_room(block).items():
            yield f"{given}, {_ranked(alike, kind)}."
    if len(blocks) > 1:
        least = [
            f"{_name(row)} has the least error{kind or ' of all'}: {number(row, 'clean_mse')}"
            for kind, alike in _by_room(rows).items()
            for row in [min(alike, key=lambda row: row.mean("clean_mse"))]
        ]
        yield (
            "Test MSEs of runs with different noise are not compared, as more noise is a harder "
            f"task. With clean images as input, {'; '.join(least)}."
        )


def _ranked(rows: Sequence[Row], kind: str) -> str:
    """Which is best of rows that can be compared, by how much, or that it is a tie."""
    first, last = rows[0], rows[-1]
    reached = f"a test MSE of {spread(first, 'mse')} ({number(first, 'psnr')} dB)"
    if len(rows) == 1:
        return f"{_name(first)} has {reached}"
    ahead = [row for row in rows if _matches(row.mean("mse") / first.mean("mse"))]
    names = listed(map(_name, ahead))
    if len(ahead) == len(rows):
        return f"{names} do equally well{kind}, with {reached}"
    rest = _name(last) + (f", the last of {len(rows)}," if len(rows) > 2 else "")
    return (
        f"{names} {'are' if len(ahead) > 1 else 'is'} best{kind}, with {reached}; {rest} has "
        f"{spread(last, 'mse')}, {last.mean('mse') / first.mean('mse'):.3g} times the error"
    )


def _against_pca(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if not row.has("pca_ratio"):
            continue
        ratio, size = row.mean("pca_ratio"), int(row.mean("latent_size"))
        verdict = "beats" if ratio < 1 else "loses to"
        if _matches(ratio):
            verdict = "matches"
        tested = "" if row.noise == NO_NOISE else ", on clean images"
        yield (
            f"{_name(row)} {verdict} PCA at {size:,} components: {spread(row, 'pca_ratio')} x its "
            f"error{tested}."
        )
    wide = [row for row in rows if row.overcomplete]
    if wide:
        sizes = sorted({int(row.mean("latent_size")) for row in wide})
        pixels = math.prod(wide[0].first.image_shape)
        many = len(wide) > 1
        yield (
            f"{listed(map(_name, wide))} {'are' if many else 'is'} "
            f"overcomplete: {'their latents hold' if many else 'its latent holds'} "
            f"{listed(f'{size:,}' for size in sizes)} numbers for {pixels:,} pixels, so nothing "
            "has to be left out, and PCA of that size, which makes no error, is no floor."
        )


def _compression(rows: Sequence[Row]) -> Iterator[str]:
    for noise, block in _by_noise(rows).items():
        sizes = sorted({row.mean("latent_size") for row in block})
        if len(sizes) < 2:
            continue
        # The best of each size: rows are sorted by error.
        large = next(row for row in block if row.mean("latent_size") == sizes[-1])
        small = next(row for row in block if row.mean("latent_size") == sizes[0])
        given = "" if noise == NO_NOISE else f", with {noise}"
        change = small.mean("psnr") - large.mean("psnr")
        factor = small.mean("mse") / large.mean("mse")
        times = "as much" if _matches(factor) else f"{factor:.3g} times as much"
        yield (
            f"What compression costs{given}: from {sizes[-1]:,.0f} to {sizes[0]:,.0f} numbers "
            f"({sizes[-1] / sizes[0]:.3g} times fewer) the test MSE goes from "
            f"{spread(large, 'mse')} to {spread(small, 'mse')}, {times} ({change:+.1f} dB)."
        )


def _denoising(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row.noise == NO_NOISE:
            continue
        psnr = row.mean("psnr")
        nothing, linear = row.mean("input_psnr"), row.mean("linear_psnr")
        text = (
            f"With {row.noise}, {_name(row)} reaches {psnr:.1f} dB: {_gain(psnr - nothing)} doing "
            f"nothing and {_gain(psnr - linear)} the best linear method"
        )
        twin, std = _twin(row, rows), _tested_std(row)
        if twin is None or std is None:
            yield text + "."
            continue
        trained = statistics.fmean(run.robustness[std] for run in row.evaluations)
        clean = statistics.fmean(run.robustness[std] for run in twin.evaluations)
        cost = row.mean("clean_mse") / twin.mean("clean_mse")
        yield (
            f"{text}. Training with noise gains {trained - clean:+.1f} dB there over the same "
            f"design trained clean ({clean:.1f} dB); on clean images its error is {cost:.2f} x "
            "that of its twin."
        )


def _classes(rows: Sequence[Row]) -> Iterator[str]:
    for column, reader in (("knn", "k-NN"), ("linear_probe", "a linear probe")):
        for kind, alike in _by_room([row for row in rows if row.has(column)]).items():
            first = max(alike, key=lambda row: row.mean(column))
            many = len(alike) > 1
            lead = f"{kind.strip().capitalize()}, classes" if kind and many else "Classes"
            text = (
                f"{lead} are read {'best ' * many}off the latents of {_name(first)} by {reader}: "
                f"{first.mean(column):.1%}"
            )
            floor = COLUMNS[column].floor
            if first.has(floor):
                other = "the pixels" if first.overcomplete else "PCA of the same size"
                text += f"; off {other}, {first.mean(floor):.1%}"
            yield text + "."


def _generation(rows: Sequence[Row]) -> Iterator[str]:
    known = sorted((row for row in rows if row.has("frechet")), key=lambda row: row.mean("frechet"))
    if not known:
        return
    first, *others = known
    best = "the best images," if others else "images"
    text = (
        f"{_name(first)} generates {best} at a Fréchet distance of "
        f"{number(first, 'frechet')} from the training images, of latents from "
        f"{first.prior}"
    )
    if others:
        last = others[-1]
        rest = f"the last of {len(known)} is {_name(last)}" if others[1:] else _name(last)
        text += f" ({rest} at {number(last, 'frechet')})"
    yield (
        f"{text}; real test images are at {number(first, 'frechet_floor')}. "
        f"{first.mean('precision'):.1%} of the generated images lie among real images, and "
        f"{first.mean('recall'):.1%} of real images among these; of the test images, "
        f"{first.mean('precision_floor'):.1%} and {first.mean('recall_floor'):.1%}."
    )
    yield from _fitted_priors(known)
    for row in known:
        if row.has("named_as_asked"):
            yield (
                f"Asked for a class, {_name(row)} generates images of which "
                f"{row.mean('named_as_asked'):.1%} are named as asked by the classifier, which "
                f"names {row.mean('named_as_asked_floor'):.1%} of real test images right."
            )


def _fitted_priors(rows: Sequence[Row]) -> Iterator[str]:
    """What a prior that is fitted afterwards gains over that of the first sentence."""
    known = [row for row in rows if row.has("fitted_frechet")]
    if not known:
        return
    first = min(known, key=lambda row: row.mean("fitted_frechet"))
    gained = (
        f"{_name(row)} comes to {number(row, 'fitted_frechet')} instead of {number(row, 'frechet')}"
        for row in sorted(known, key=lambda row: row.mean("fitted_frechet"))
    )
    text = (
        f"Of latents from {first.fitted_prior}, {listed(gained, 4)}; reconstructions of training "
        f"images, which no prior can be expected to beat, are at "
        f"{number(first, 'reconstructed_frechet')} for the first of these"
    )
    if first.has("fitted_memorised"):
        text += (
            f", and its images are nearer to a training image than a test image is in "
            f"{first.mean('fitted_memorised'):.0%} of comparisons (of the test images, 50%)"
        )
    yield text + "."


def _collapse(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        active, size = row.mean("active_units"), row.mean("latent_size")
        if active < _COLLAPSED * size:
            yield (
                f"The posterior of {_name(row)} has collapsed in most dimensions: "
                f"{active:.3g} of {size:,.0f} tell images apart, the others are noise."
            )


def _by_noise(rows: Sequence[Row]) -> dict[str, list[Row]]:
    blocks: dict[str, list[Row]] = {}
    for row in rows:
        blocks.setdefault(row.noise, []).append(row)
    return blocks


def _twin(row: Row, rows: Sequence[Row]) -> Row | None:
    """The same design, trained without noise."""

    def design(of: Row) -> list[object]:
        return [
            of.first.config.get(name) for name in ("model", "optimizer", "scheduler", "trainer")
        ]

    clean = (other for other in rows if other.noise == NO_NOISE and design(other) == design(row))
    return next(clean, None)


def _tested_std(row: Row) -> float | None:
    """The standard deviation of the row's noise, if networks were compared at it."""
    noise = row.first.config.get("noise") or {}
    std = noise.get("std") if noise.get("clip", True) else None
    if not isinstance(std, int | float) or std == 0:  # a pair draws one for each image
        return None
    return float(std) if all(std in run.robustness for run in row.evaluations) else None


def _gain(decibels: float) -> str:
    return f"{abs(decibels):.1f} dB {'above' if decibels >= 0 else 'below'}"


def _by_room(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows that compress, and overcomplete ones, by what sets them apart where there are both.

    A latent that leaves nothing out has no floor, and wins over those that have one.
    """
    kinds = {
        " of those that compress": [row for row in rows if not row.overcomplete],
        " of the overcomplete": [row for row in rows if row.overcomplete],
    }
    found = {kind: alike for kind, alike in kinds.items() if alike}
    return found if len(found) != 1 else {"": list(rows)}


def _matches(ratio: float) -> bool:
    return abs(ratio - 1) <= _MATCH


def _name(row: Row) -> str:
    return quoted(row.group)
