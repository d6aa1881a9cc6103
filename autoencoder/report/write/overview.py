"""The overview of a report: what was compared, the best of each kind, what came out, at a glance.

The findings say the same at length.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from autoencoder.metrics import COLUMNS
from autoencoder.report.phrases import listed, quoted
from autoencoder.report.write.doubts import doubts
from autoencoder.report.write.rows import Row
from autoencoder.report.write.sprites import strip, to_bytes
from autoencoder.report.write.table import number, spread
from autoencoder.runs.labels import NO_NOISE

# Sentences of an overview; it has room for no more.
MOST = 6
_IMAGES = 6


class Card(NamedTuple):
    """The best row of its kind.

    Attributes:
        heading: What it is the best at.
        row: The row.
        value: Its number, with the spread over seeds where there is one.
        unit: What the number is.
        floor: What it is held against.
        picture: The address of a picture of two rows of images.
        labels: What the two rows are.
        alt: What the picture shows.
    """

    heading: str
    row: Row
    value: str
    unit: str
    floor: str
    picture: str
    labels: tuple[str, str]
    alt: str


def compared(rows: Sequence[Row]) -> str:
    """What was compared, in one line."""
    runs = [run for row in rows for run in row.evaluations]
    names = dict.fromkeys(run.data.get("name", "data") for run in runs)
    seeds = {len(row.evaluations) for row in rows}
    designs = f"{len(rows)} design{'s' if len(rows) > 1 else ''}"
    if len(runs) > len(rows):
        each = f", {max(seeds)} seeds each" if len(seeds) == 1 else ""
        designs += f" in {len(runs)} runs{each},"
    keys = dict.fromkeys(key for row in rows for key in row.differences)
    differing = [k for k in keys if len({row.differences.get(k) for row in rows}) > 1]
    epochs = sorted({int(run.metrics["epochs"]) for run in runs if "epochs" in run.metrics})
    text = f"{designs} on {listed(names)}"
    if differing:
        text += f"; they differ in {listed(differing, limit=4)}"
    if epochs:
        told = " to ".join(dict.fromkeys(map(str, (epochs[0], epochs[-1]))))
        text += f"; trained for {told} epoch{'' if epochs == [1] else 's'}"
    return f"{text}."


def cards(rows: Sequence[Row]) -> list[Card]:
    """The best rows, of the data set that most rows are of; four at the most."""
    rows = _of_one_data_set(rows)
    makers = _reconstruction, _against_pca, _denoiser, _generator
    return [card for make in makers if (card := make(rows)) is not None]


def headlines(rows: Sequence[Row]) -> list[str]:
    """What came out, in six sentences at the most; a doubt is the last of them."""
    kept = _of_one_data_set(rows)
    sentences = [text for say in _TOPICS for text in say(kept)]
    doubtful = next(doubts(rows), None)
    return sentences[:MOST] if doubtful is None else [*sentences[: MOST - 1], doubtful]


def _of_one_data_set(rows: Sequence[Row]) -> list[Row]:
    keys = [row.first.data_key for row in rows]
    most = max(keys, key=keys.count) if keys else ""
    return [row for row in rows if row.first.data_key == most]


def _clean(rows: Sequence[Row]) -> tuple[list[Row], str]:
    """Rows whose errors can be compared, and what they have in common."""
    clean = [row for row in rows if row.noise == NO_NOISE] or list(rows)
    compressing = [row for row in clean if not row.overcomplete]
    if compressing and len(compressing) < len(clean):
        return compressing, " of designs that compress"
    return clean, ""


def _reconstruction(rows: Sequence[Row]) -> Card | None:
    alike, kind = _clean(rows)
    if not (row := _least(alike, "clean_mse")):
        return None
    floor = "room for every pixel, so no floor"
    if row.has("pca_mse"):
        floor = f"PCA of {row.mean('latent_size'):,.0f} numbers: {number(row, 'pca_mse')}"
    return _card(
        "Best reconstruction" + ", compressed" * bool(kind), row, "clean_mse", "MSE", floor
    )


def _against_pca(rows: Sequence[Row]) -> Card | None:
    if not (row := _least(rows, "pca_ratio")):
        return None
    floor = f"PCA of {row.mean('latent_size'):,.0f} numbers: 1"
    unit = "\N{MULTIPLICATION SIGN} PCA's error"
    return _card("Best against PCA", row, "pca_ratio", unit, floor)


def _denoiser(rows: Sequence[Row]) -> Card | None:
    noisy = [row for row in rows if row.has("linear_psnr")]
    if not noisy:
        return None
    row = max(noisy, key=lambda one: one.mean("psnr") - one.mean("linear_psnr"))
    floor = f"best linear method: {number(row, 'linear_psnr')} dB"
    return _card("Best denoiser", row, "psnr", "dB", floor)


def _generator(rows: Sequence[Row]) -> Card | None:
    if not (found := _best_generator(rows)):
        return None
    row, column = found
    fitted = column == "fitted_frechet"
    samples = row.first.fitted_samples if fitted else row.first.generated.samples
    if len(samples) < 2 * _IMAGES:
        return None
    return Card(
        "Best generator" + ", fitted prior" * fitted,
        row,
        spread(row, column),
        "Fréchet distance",
        f"real test images: {number(row, 'frechet_floor')}",
        strip([samples[:_IMAGES], samples[_IMAGES : 2 * _IMAGES]]),
        ("drawn", ""),
        f"Images that {row.group} generates",
    )


def _card(heading: str, row: Row, column: str, unit: str, floor: str) -> Card:
    shown = row.first.shown
    noisy = not np.array_equal(shown.images, shown.corrupted)
    kept = slice(_IMAGES)
    given = shown.corrupted if noisy else shown.images
    picture = strip([to_bytes(given[kept]), to_bytes(shown.reconstructions[kept])])
    labels = ("noisy" if noisy else "input", "output")
    alt = f"Test images, {'with noise, ' if noisy else ''}and what {row.group} makes of them"
    return Card(heading, row, spread(row, column), unit, floor, picture, labels, alt)


def _errors(rows: Sequence[Row]) -> Iterator[str]:
    alike, kind = _clean(rows)
    if not (first := _least(alike, "clean_mse")):
        return
    last = max(alike, key=lambda row: row.mean("clean_mse"))
    text = f"{quoted(first.group)} has the least error{kind}: {spread(first, 'clean_mse')}"
    if last is not first:
        times = last.mean("clean_mse") / first.mean("clean_mse")
        text += f"; the last of {len(alike)}, {quoted(last.group)}, has {times:.3g} times as much"
    yield f"{text}."


def _floors(rows: Sequence[Row]) -> Iterator[str]:
    known = [row for row in rows if row.has("pca_ratio")]
    losing = [row for row in known if row.mean("pca_ratio") >= 1]
    told = [f"{quoted(row.group)} ({number(row, 'pca_ratio')} times its error)" for row in losing]
    ahead = len(known) - len(losing)
    if losing:
        yield (
            f"{ahead or 'None'} of {len(known)} {'beats' if ahead == 1 else 'beat'} PCA of the "
            f"same latent size; {listed(told, limit=2)} {'does' if len(losing) == 1 else 'do'} not."
        )
    elif known:
        yield f"{_all(len(known))} PCA of the same latent size."


def _all(n: int) -> str:
    return {1: "The design beats", 2: "Both designs beat"}.get(n, f"All {n} designs beat")


def _denoising(rows: Sequence[Row]) -> Iterator[str]:
    gains = {row: row.mean("psnr") - row.mean("linear_psnr")
             for row in rows if row.has("linear_psnr")}  # fmt: skip
    if gains:
        first = max(gains, key=lambda row: gains[row])
        ahead = sum(gain > 0 for gain in gains.values())
        which, side = ("by", "") if ahead else ("comes nearest,", " below")
        yield (
            f"{ahead or 'None'} of {len(gains)} trained on noise {'is' if ahead == 1 else 'are'} "
            f"ahead of the best linear denoiser; {quoted(first.group)} {which} "
            f"{abs(gains[first]):.1f} dB{side}."
        )


def _classes(rows: Sequence[Row]) -> Iterator[str]:
    known = [row for row in rows if row.has("knn")]
    if known:
        first = max(known, key=lambda row: row.mean("knn"))
        text = f"Classes are read best off the latent of {quoted(first.group)}: "
        text += f"{first.mean('knn'):.1%} by k-NN"
        if first.has("pca_knn"):
            text += f", {first.mean('pca_knn'):.1%} off PCA"
        yield f"{text}."


def _generation(rows: Sequence[Row]) -> Iterator[str]:
    if found := _best_generator(rows):
        row, column = found
        source = f" from {row.fitted_prior}" if column == "fitted_frechet" else ""
        yield (
            f"{quoted(row.group)} generates the images nearest to real ones{source}, at a Fréchet "
            f"distance of {number(row, column)}; real test images are at "
            f"{number(row, 'frechet_floor')}."
        )


_TOPICS: tuple[Callable[[Sequence[Row]], Iterator[str]], ...] = (
    _errors, _floors, _denoising, _classes, _generation,
)  # fmt: skip


def _best_generator(rows: Sequence[Row]) -> tuple[Row, str] | None:
    """The row of the least Fréchet distance, and whether it is of its own prior or a fitted one."""
    found = [(row, column) for column in ("frechet", "fitted_frechet")
             if (row := _least(rows, column))]  # fmt: skip
    return min(found, key=lambda one: one[0].mean(one[1]), default=None)


def _least(rows: Sequence[Row], column: str) -> Row | None:
    assert COLUMNS[column].better == -1
    known = [row for row in rows if math.isfinite(row.mean(column))]
    return min(known, key=lambda row: row.mean(column), default=None)
