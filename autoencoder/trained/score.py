"""Scores: how odd images are to a trained model, by what it fails to give back and where they lie.

The error is the mean squared error of the reconstruction. The distance is that of Mahalanobis in
the latent: to the mean of the training images, in their standard deviations, so about the square
root of the latent's size for an ordinary image.
"""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoencoder.analysis.pca import PrincipalComponents
from autoencoder.data import Split
from autoencoder.runs.files import written_aside
from autoencoder.runs.rows import csv_text
from autoencoder.trained.arrays import InputError, Labels, as_batch
from autoencoder.trained.embed import labels_of
from autoencoder.trained.images import Block, open_images
from autoencoder.trained.make import SHOWN
from autoencoder.trained.options import STDOUT, Options, part_folder, standard_output
from autoencoder.trained.pixels import as_uint8, write_sheet
from autoencoder.trained.progress import Made, Parts, worked_through
from autoencoder.trained.run import Run

log = logging.getLogger(__name__)

# Directions of less variance than this share of the largest are rounding.
_LEAST_VARIANCE = 1e-6
# Lines that are written at once.
_LINES = 10_000

Floats = NDArray[np.float64]


class Scores(NamedTuple):
    """Of each image.

    Attributes:
        error: `(N,)`, the mean squared error of its reconstruction.
        distance: `(N,)`, from the training images, in the latent.
        reconstructions: `(N, C, H, W)`.
    """

    error: Floats
    distance: Floats
    reconstructions: NDArray[np.float32]


class Scorer:
    """Scores images as a run sees them.

    Args:
        run: Whose training images are what is ordinary.

    Raises:
        DataNotFoundError: If they are not to be found.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        train = run.data.examined
        latents = run.encode(train.images.numpy(), self._labels(train))
        pca = PrincipalComponents.fit(latents.reshape(len(latents), -1))
        kept = pca.variances > _LEAST_VARIANCE * pca.variances[0]
        self._mean = pca.mean
        self._whitening = pca.components[kept] / np.sqrt(pca.variances[kept])[:, None]

    def scores(self, images: NDArray[np.uint8], labels: Labels | None = None) -> Scores:
        """The scores of images `(N, C, H, W)`; labels for a model that sees them."""
        pixels = as_batch(images, self.run.image_shape, "images").numpy()
        latents = self.run.encode(pixels, labels)
        made = self.run.decode(latents, labels)
        error = np.square(made - pixels).reshape(len(pixels), -1).mean(1, dtype=float)
        codes = (latents.reshape(len(latents), -1) - self._mean) @ self._whitening.T
        return Scores(error, np.sqrt(np.square(codes).sum(1)), made)

    def threshold(self, by: str, quantile: float) -> float:
        """What this share of the validation images is below."""
        val = self.run.data.val
        scores = self.scores(val.images.numpy(), self._labels(val))
        return float(np.quantile(getattr(scores, by), quantile))

    def _labels(self, split: Split) -> Labels | None:
        return split.labels if self.run.model.num_classes else None


def score(
    options: Options,
    *,
    images: str | int | None,
    split: Literal["train", "val", "test"],
    label: str | int | None,
    skip_broken: bool,
    by: Literal["error", "distance"],
    quantile: float,
) -> None:
    """Writes how odd images are, the oddest first, and a sheet of these beside it.

    Args:
        options: Run, place, device.
        images: As for `open_images`.
        split: As for `open_images`.
        label: The class of all images, for a model that sees labels; None: that of their folders.
        skip_broken: As for `open_images`.
        by: What they are sorted by, and called odd by.
        quantile: The share of validation images that is not odd.
    """
    out = options.place(".csv", stdout="CSV")
    if not 0 < quantile < 1:
        raise InputError(f"quantile must be a number between 0 and 1, got {quantile}")
    run = options.load()
    source = open_images(run, images, split, skip_broken=skip_broken)
    scorer = Scorer(run)
    threshold = scorer.threshold(by, quantile)

    def make(block: Block) -> Made:
        found = scorer.scores(block.images, labels_of(run, block, label))
        oddest = np.argsort(-getattr(found, by), kind="stable")[:SHOWN]
        return {
            "error": found.error,
            "distance": found.distance,
            "shown": getattr(found, by)[oddest],
            "images": as_uint8(block.images[oddest]).reshape(-1, *run.image_shape),
            "made": as_uint8(found.reconstructions[oddest]),
        }

    with tempfile.TemporaryDirectory() as aside:
        to_stdout = str(out) == STDOUT
        folder = Path(aside) / "part" if to_stdout else part_folder(out)
        with worked_through(run, source, make, folder, ["score", by, label]) as parts:
            if not parts.count:
                raise InputError(f"{source.title}: no image in it")
            column = "path" if source.paths else "index"
            if to_stdout:
                for text in _texts(parts, column, by, threshold):
                    standard_output().write(text)
                return
            with written_aside(out) as file_aside, file_aside.open("w", encoding="utf-8") as file:
                file.writelines(_texts(parts, column, by, threshold))
            order = np.argsort(-parts.array("shown"), kind="stable")[:SHOWN]
            sheet = {"image": parts.array("images"), "reconstruction": parts.array("made")}
            write_sheet(
                out.with_suffix(".png"), {name: rows[order] for name, rows in sheet.items()}
            )
            odd = int((parts.array(by) > threshold).sum())
            log.info(
                "%s of %s images have a larger %s than %.4g, the %g quantile of validation: %s",
                f"{odd:,}", f"{parts.count:,}", by, threshold, quantile, out,
            )  # fmt: skip


def _texts(parts: Parts, column: str, by: str, threshold: float) -> Iterator[str]:
    """The lines of the table, in several texts."""
    numbers = {name: parts.array(name) for name in ("error", "distance")}
    names, labels = parts.array("names"), parts.array("labels")
    order = np.argsort(-numbers[by], kind="stable")
    for start in range(0, len(order), _LINES):
        lines = [
            {
                column: str(names[row]),
                "label": str(labels[row]),
                "error": float(numbers["error"][row]),
                "distance": float(numbers["distance"][row]),
                "odd": int(numbers[by][row] > threshold),
            }
            for row in order[start : start + _LINES]
        ]
        yield csv_text(lines, header=start == 0)
