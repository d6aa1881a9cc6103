"""The words of a report: what its numbers say, in sentences, and how they were made."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from autoencoder.report.measure.evaluation import Evaluation
from autoencoder.report.measure.judge import NEIGHBORS, RECIPE
from autoencoder.report.measure.settings import Settings
from autoencoder.report.write.table import Row, number
from autoencoder.runs.environment import environment, hardware
from autoencoder.runs.labels import NO_NOISE

# A ratio this near to 1 is called a match.
_MATCH = 0.005
# Errors that differ by a larger share than this were not measured on the same network or images.
_DRIFT = 0.01
# The share of its latent that a network uses, below which its posterior has collapsed.
_COLLAPSED = 0.5


def summary(rows: Sequence[Row], left_out: Mapping[Path, str]) -> list[str]:
    """What the numbers say, a sentence or two for each question."""
    sentences: list[str] = []
    for _, group in groupby(rows, key=lambda row: row.first.data_key):
        of_data = list(group)
        several = len({row.first.data_key for row in rows}) > 1
        prefix = f"{of_data[0].first.data.get('name', 'data')}: " if several else ""
        sentences += [prefix + text for text in _of_one_data_set(of_data)]
    sentences += _doubts(rows)
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
    for noise, (first, *others) in blocks.items():
        given = "Without noise" if noise == NO_NOISE else f"With {noise}"
        reached = f"a test MSE of {_mse(first)} ({number(first.mean('psnr'), 'psnr')} dB)"
        if not others:
            yield f"{given}, {_name(first)} has {reached}."
            continue
        last = others[-1]
        factor = last.mean("mse") / first.mean("mse")
        rest = _name(last) + (f", the last of {len(others) + 1}," if others[1:] else "")
        yield (
            f"{given}, {_name(first)} is best, with {reached}; {rest} has {_mse(last)}, "
            f"{factor:.3g} times the error."
        )
    if len(blocks) > 1:
        clean = min(rows, key=lambda row: row.mean("clean_mse"))
        yield (
            "Test MSEs of runs with different noise are not compared, as more noise is a harder "
            f"task. With clean images as input, {_name(clean)} has the least error of all: "
            f"{number(clean.mean('clean_mse'), 'clean_mse')}."
        )


def _against_pca(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        ratio, size = row.mean("pca_ratio"), int(row.mean("latent_size"))
        if math.isnan(ratio):
            continue
        verdict = "beats" if ratio < 1 else "loses to"
        if abs(ratio - 1) <= _MATCH:
            verdict = "matches"
        spread = row.std("pca_ratio")
        times = f"{ratio:.2f}" + (f" ± {spread:.1g}" if spread > 0 else "")
        tested = "" if row.noise == NO_NOISE else ", on clean images"
        yield (f"{_name(row)} {verdict} PCA at {size:,} components: {times} x its error{tested}.")
    wide = [row for row in rows if row.overcomplete]
    if wide:
        sizes = sorted({int(row.mean("latent_size")) for row in wide})
        pixels = math.prod(wide[0].first.image_shape)
        many = len(wide) > 1
        yield (
            f"{_listed(map(_name, wide))} {'are' if many else 'is'} "
            f"overcomplete: {'their latents hold' if many else 'its latent holds'} "
            f"{_listed(f'{size:,}' for size in sizes)} numbers for {pixels:,} pixels, so nothing "
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
        yield (
            f"What compression costs{given}: from {sizes[-1]:,.0f} to {sizes[0]:,.0f} numbers "
            f"({sizes[-1] / sizes[0]:.3g} times fewer) the test MSE goes from {_mse(large)} to "
            f"{_mse(small)}, {small.mean('mse') / large.mean('mse'):.3g} times as much "
            f"({change:+.1f} dB)."
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
        trained = _mean(run.robustness[std] for run in row.evaluations)
        clean = _mean(run.robustness[std] for run in twin.evaluations)
        cost = row.mean("clean_mse") / twin.mean("clean_mse")
        yield (
            f"{text}. Training with noise gains {trained - clean:+.1f} dB there over the same "
            f"design trained clean ({clean:.1f} dB); on clean images its error is {cost:.2f} x "
            "that of its twin."
        )


def _classes(rows: Sequence[Row]) -> Iterator[str]:
    for column, reader in (("knn", "k-NN"), ("linear_probe", "a linear probe")):
        known = [row for row in rows if not math.isnan(row.mean(column))]
        if not known:
            continue
        first = max(known, key=lambda row: row.mean(column))
        text = (
            f"Classes are read best off the latents of {_name(first)} by {reader}: "
            if len(known) > 1
            else f"Classes are read off the latents by {reader}: "
        ) + f"{first.mean(column):.1%}"
        floor = first.mean(f"pca_{column}")
        if not math.isnan(floor):
            text += f"; off PCA of the same size, {floor:.1%}"
        yield text + "."


def _generation(rows: Sequence[Row]) -> Iterator[str]:
    known = sorted(
        (row for row in rows if row.values("frechet")), key=lambda row: row.mean("frechet")
    )
    if not known:
        return
    first, *others = known
    best = "the best images," if others else "images"
    text = (
        f"{_name(first)} generates {best} at a Fréchet distance of "
        f"{number(first.mean('frechet'), 'frechet')} from the training images, of latents from "
        f"{_prior(first)}"
    )
    if others:
        last = others[-1]
        rest = f"the last of {len(known)} is {_name(last)}" if others[1:] else _name(last)
        text += f" ({rest} at {number(last.mean('frechet'), 'frechet')})"
    floors = [first.mean(f"{column}_floor") for column in ("frechet", "precision", "recall")]
    yield (
        f"{text}; real test images are at {number(floors[0], 'frechet')}. "
        f"{first.mean('precision'):.1%} of the generated images lie among real images, and "
        f"{first.mean('recall'):.1%} of real images among these; of the test images, "
        f"{floors[1]:.1%} and {floors[2]:.1%}."
    )
    for row in known:
        if row.values("named_as_asked"):
            yield (
                f"Asked for a class, {_name(row)} generates images of which "
                f"{row.mean('named_as_asked'):.1%} are named as asked by the classifier, which "
                f"names {row.mean('named_as_asked_floor'):.1%} of real test images right."
            )


def _collapse(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        active, size = row.mean("active_units"), row.mean("latent_size")
        if active < _COLLAPSED * size:
            yield (
                f"The posterior of {_name(row)} has collapsed in most dimensions: "
                f"{active:.3g} of {size:,.0f} tell images apart, the others are noise."
            )


def _doubts(rows: Sequence[Row]) -> Iterator[str]:
    """What a reader should know before trusting a difference."""
    seeds = {len(row.evaluations) for row in rows}
    if seeds == {1} and len(rows) > 1:
        yield "Every row is one run: how far its numbers vary from seed to seed is not known."
    elif 1 in seeds and len(seeds) > 1:
        alone = [_name(row) for row in rows if len(row.evaluations) == 1]
        yield f"Only one run, so without a spread: {_listed(alone)}."
    for row in rows:
        for run in row.evaluations:
            told, found = run.metrics.get("test/mse", math.nan), run.columns["mse"]
            if abs(told - found) > _DRIFT * found:
                yield (
                    f"Doubtful: {run.label} was tested with an MSE of {told:.3g} when it was "
                    f"trained, but has {found:.3g} here."
                )
    judges = {(run.data_key, run.generation.get("classifier", "")) for run in _runs(rows)}
    if len(judges) > len({key for key, _ in judges}):
        yield (
            "Doubtful: not all generated images were judged by the same classifier, as runs were "
            "measured on different machines. Without their folders `cache`, all are measured again."
        )


def protocol(rows: Sequence[Row], settings: Settings) -> list[tuple[str, str]]:
    """How the numbers were made, a paragraph a topic."""
    found: list[tuple[str, str]] = []
    for key in dict.fromkeys(row.first.data_key for row in rows):
        data = next(row.first.data for row in rows if row.first.data_key == key)
        found.append(
            (
                "Data",
                f"{data['name']}: {data['train']} training, {data['val']} validation and "
                f"{data['test']} test images, from {data['origin']} (SHA-256 {data['checksum']}).",
            )
        )
    runs = _runs(rows)
    seeds = sorted({seed for row in rows for seed in row.seeds})
    epochs = sorted({int(run.metrics["epochs"]) for run in runs if "epochs" in run.metrics})
    levels = ", ".join(f"{std:g}" for std in settings.noise_stds)
    here = environment()
    return [
        *found,
        (
            "Training",
            f"Seed {_listed(map(str, seeds))}; {_listed(map(str, epochs)) or 'unknown'} epochs; "
            "the checkpoint of least validation error is evaluated. " + _trained_on(rows),
        ),
        (
            "Test",
            "All test images, each once. Pixels are in [0, 1]; MSE is the mean over all pixels, "
            "PSNR that of this pooled MSE, SSIM has a Gaussian window of 11 pixels. Test noise "
            "comes from a fixed seed: every network sees the same corrupted images. The target is "
            "always the clean image.",
        ),
        (
            "PCA",
            "Fitted on the same training images as the networks, on clean pixels; its "
            "reconstructions of the test images are clipped to [0, 1], as those of the networks "
            "are. A latent with as many numbers as pixels or more is overcomplete and has no such "
            "floor.",
        ),
        (
            "Noise floors",
            f"Gaussian noise of standard deviation {levels}. Networks and doing nothing get it "
            "clipped to [0, 1]; PCA (the best number of components, chosen on the test images) and "
            "the Wiener filter get it before it is clipped, which serves them better.",
        ),
        (
            "Latents",
            f"Of clean images. k-NN: 5 neighbours among the training latents, for "
            f"{settings.knn_points:,} test images at most. Linear probe: ridge classifier on "
            "standardised training latents, for all test images. Trustworthiness (5 neighbours) "
            "and silhouette: 2,000 test images at most. Classes are not read off the latents of a "
            "network that is told the label, which may repeat it. "
            f"Maps: {settings.max_points:,} test images at most; t-SNE after PCA to 50 dimensions, "
            f"seed {settings.seed}.",
        ),
        ("Generation", _generated(rows, settings)),
        (
            "Report",
            f"Made on {here['date']} with {_versions(here)}, on {hardware(here)}.",
        ),
    ]


def _generated(rows: Sequence[Row], settings: Settings) -> str:
    judged = [row for row in rows if row.values("frechet")]
    if not judged:
        return "Not measured: there are too few images or classes."
    priors: dict[str, list[Row]] = {}
    for row in judged:
        priors.setdefault(_prior(row), []).append(row)
    drawn = "; ".join(
        f"from {prior}, of {_listed(map(_name, of_prior))}" for prior, of_prior in priors.items()
    )
    accuracies = sorted({row.mean("named_as_asked_floor") for row in judged})
    return (
        f"{settings.samples_per_class:,} images for each class of the data, the means of what a "
        f"decoder gives, by seed {settings.seed}. Latents are drawn {drawn} (a Gaussian that is "
        "fitted after the training is the ex-post density estimation of Ghosh et al., 2020). A "
        "classifier that is trained on the same training images names "
        f"{_listed(f'{accuracy:.1%}' for accuracy in accuracies)} of the test images right. Its "
        f"{RECIPE.features} features stand for the images. Fréchet distance: to all training "
        "images; it is not the FID, which takes the features of Inception, and has another scale. "
        f"Precision and recall (Kynkäänniemi et al., 2019, {NEIGHBORS} neighbours): among as many "
        "training images. The floors are those of the real test images, at most as many."
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


def _runs(rows: Sequence[Row]) -> list[Evaluation]:
    return [run for row in rows for run in row.evaluations]


def _prior(row: Row) -> str:
    return row.first.generation.get("prior", "an unknown prior")


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


def _mse(row: Row) -> str:
    spread = row.std("mse")
    text = number(row.mean("mse"), "mse")
    return f"{text} ± {spread:.1g}" if spread > 0 else text


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)


def _listed(items: Iterable[str]) -> str:
    texts = list(items)
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _name(row: Row) -> str:
    """The group, in quotes: its commas would be taken for those of the sentence."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{row.group}\N{RIGHT DOUBLE QUOTATION MARK}"
