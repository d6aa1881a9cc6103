"""What the page shows of runs: their images beside the floors, as HTML. It knows no browser."""

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from autoencoder.analysis import walks
from autoencoder.analysis.denoising import AffineMap, psnr
from autoencoder.analysis.latents import latent_use
from autoencoder.analysis.pca import LARGEST, PrincipalComponents
from autoencoder.data import ImageDataModule, to_float
from autoencoder.data.pictures import ImageFileError, read_image
from autoencoder.data.sources import DataNotFoundError
from autoencoder.report.measure.linear import gaussian
from autoencoder.runs.labels import describe, labels, noise_in_words
from autoencoder.trained.arrays import InputError, as_batch
from autoencoder.trained.demo import figures
from autoencoder.trained.demo.figures import Figure, document, heading, row, words
from autoencoder.trained.run import Run

# Sliders, and training images that say which dimensions are used.
DIMENSIONS, _LOOKED_AT = 8, 2000
SAMPLES, _STYLES = 8, 6

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Sliders(NamedTuple):
    """The dimensions of a latent that vary most.

    Attributes:
        dimensions: Their numbers in the flat latent, by falling variance.
        shares: Of the variance of the whole latent.
        mean: Of each over the training images.
        std: The same.
    """

    dimensions: list[int]
    shares: list[float]
    mean: Floats
    std: Floats


class Views:
    """What is to be seen of runs that take the same images.

    Attributes:
        runs: As they are compared, the first one with its data.
        names: What tells them apart.
        data: The images of the first run, or None.
        missing: Why there are none.

    Raises:
        InputError: If the runs take images of different shapes or classes.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        first, *others = self.runs = list(runs)
        for other in others:
            if other.image_shape != first.image_shape or other.classes != first.classes:
                raise InputError(
                    f"{other.path} takes other images than {first.path}; runs are compared on the "
                    "same ones"
                )
        self.names = [label.run for label in labels([describe(run.path) for run in self.runs])]
        self.missing = ""
        self.data: ImageDataModule | None = None
        try:
            self.data = first.data
        except DataNotFoundError as error:
            self.missing = str(error)
        self._sliders: dict[int, Sliders] = {}

    @property
    def labelled(self) -> bool:
        """Whether a run sees the classes of images."""
        return any(run.model.num_classes for run in self.runs)

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each label."""
        return self.runs[0].classes

    @property
    def count(self) -> int:
        """Test images."""
        return 0 if self.data is None else len(self.data.test.images)

    def picked(self, number: int) -> tuple[Image, int]:
        """A test image `(C, H, W)`, and its label."""
        assert self.data is not None
        return self.data.test.images[number].numpy(), int(self.data.test.labels[number])

    def uploaded(self, path: str | Path) -> Image:
        """An image file as the runs take it.

        Raises:
            InputError: If it can't be read, or the runs take no squares, as image files become.
        """
        channels, height, width = self.runs[0].image_shape
        if height != width:
            raise InputError(f"image files become squares, and this model takes {height} x {width}")
        try:
            return read_image(Path(path), height, channels)
        except ImageFileError as error:  # it names where the server keeps it
            raise InputError(f"{Path(path).name} {error.reason}") from error

    @cached_property
    def pca(self) -> PrincipalComponents | None:
        """The principal components of the training images, if they are there."""
        if self.data is None:
            return None
        return PrincipalComponents.of_images(to_float(self.data.examined.images).numpy())

    def reconstruction(self, image: Image, label: int, std: float) -> str:
        """An image, with Gaussian noise on it, as the runs give it back, beside the floors.

        The networks are given it clipped to [0, 1], the linear methods as it was before, which
        serves them better.
        """
        pixels = torch.tensor(image[None])
        noisy = gaussian(pixels, std, 0, clip=False).numpy()
        target, given = to_float(pixels).numpy(), noisy.clip(0, 1)
        shown = [Figure(target[0], "image")]
        if std:
            shown.append(Figure(given[0], "with noise", _decibel(psnr(given, target))))
            if self.pca is not None and target.size <= LARGEST:
                wiener = AffineMap.wiener(self.pca, std)
                flat = noisy.reshape(1, -1) @ wiener.weights + wiener.offset
                shown.append(_rated(flat, target, "Wiener filter, the linear floor"))
        return document(
            row(shown, 3),
            *(
                self._reconstructed(run, name, given, noisy, target, label)
                for run, name in zip(self.runs, self.names, strict=True)
            ),
            ""
            if self.data is not None
            else words(f"Without the data there are no floors. {self.missing}"),
        )

    def _reconstructed(
        self, run: Run, name: str, given: Floats, noisy: Floats, target: Floats, label: int
    ) -> str:
        made = run.reconstruct(given, label)
        own = psnr(made, target)
        shown = [
            Figure(made[0], "reconstruction", _decibel(own)),
            Figure(
                figures.signed((made - target)[0]), "its error; red: too bright, blue: too dark"
            ),
        ]
        size = run.model.latent_size
        kind = "codes" if run.model.has_codes else "numbers"
        said = f"{size:,} {kind}, trained with {noise_in_words(run.config['noise'])}"
        if self.pca is not None and size < target.size and size <= len(self.pca.components):
            flat = self.pca.reconstruct(self.pca.project(noisy, size))
            shown.append(_rated(flat, target, f"PCA of {size:,}"))
            ahead = own - psnr(flat, target, clip=True)
            side = "ahead of" if ahead >= 0 else "behind"
            said += f"; on this image {abs(ahead):.1f} dB {side} PCA of as many numbers"
        elif size >= target.size:
            said += ", no fewer than pixels: PCA of as many would lose nothing"
        return heading(name, said) + row(shown, 3)

    def between(
        self, start: Image, start_label: int, end: Image, end_label: int, share: float, arc: bool
    ) -> str:
        """The image at a share of the way between two, in each run's latent, and in pixels."""
        pair = as_batch(np.stack([start, end]), self.runs[0].image_shape, "images")
        shown = []
        for run, name in zip(self.runs, self.names, strict=True):
            latents = run.encode(pair, [start_label, end_label])
            way = walks.slerp if arc else torch.lerp
            # A model that sees labels is told that of the nearer end.
            label = start_label if share < 0.5 else end_label
            made = run.decode(way(latents[:1], latents[1:], share), label).numpy()
            shown.append(Figure(made[0], f"{share:.0%}", name * (len(self.runs) > 1)))
        mixed = torch.lerp(pair[0], pair[1], share).numpy()
        return document(
            row([Figure(pair[0].numpy(), "start"), *shown, Figure(pair[1].numpy(), "end")]),
            heading("For comparison", "the pixels themselves, mixed in the same shares"),
            row([Figure(mixed, "mixed pixels")], 3),
        )

    def sliders(self, which: int) -> Sliders:
        """The most used dimensions of a run's latent; it takes the training images."""
        if which not in self._sliders:
            assert self.data is not None
            run, train = self.runs[which], self.data.train.in_memory(_LOOKED_AT)
            latents = run.encode(train.images.numpy(), train.labels).reshape(len(train), -1)
            variances = latent_use(latents).variances
            chosen = np.argsort(-variances, kind="stable")[:DIMENSIONS]
            self._sliders[which] = Sliders(
                chosen.tolist(),
                (variances[chosen] / (variances.sum() or 1)).tolist(),
                latents.mean(0)[chosen],
                np.sqrt(variances[chosen]).clip(1e-6).astype(np.float32),
            )
        return self._sliders[which]

    def places(self, which: int, image: Image, label: int) -> list[float]:
        """Where the sliders stand for an image, in standard deviations from the mean."""
        known = self.sliders(which)
        latent = self.runs[which].encode(image[None], label).reshape(-1)
        return list(map(float, (latent[known.dimensions] - known.mean) / known.std))

    def changed(self, which: int, image: Image, label: int, values: Sequence[float]) -> str:
        """What a run decodes of an image's latent with the most used dimensions set by hand.

        Args:
            which: Run.
            image: `(C, H, W)`.
            label: Of it.
            values: In standard deviations from the mean.
        """
        known, run = self.sliders(which), self.runs[which]
        latent = run.encode(image[None], label)
        same = run.decode(latent, label)
        flat = latent.copy().reshape(-1)
        flat[known.dimensions] = known.mean + known.std * np.asarray(values, np.float32)
        made = run.decode(flat[None], label)
        return document(
            row(
                [
                    Figure(image, "image"),
                    Figure(same[0], "reconstruction"),
                    Figure(made[0], "with the sliders"),
                ]
            )
        )

    def generated(self, label: int | None, seed: int) -> str:
        """New images of each run, of a class or of all, and the training images nearest to them."""
        parts = []
        for run, name in zip(self.runs, self.names, strict=True):
            parts.append(heading(name))
            try:
                made = run.sample(SAMPLES, label, seed=seed)
            except DataNotFoundError:
                parts.append(
                    words(
                        "This model has no prior of its own: its samples come from a Gaussian on "
                        f"the latents of the training images. {self.missing}"
                    )
                )
                continue
            parts.append(row([Figure(image, "") for image in made], alt="new image"))
            if self.data is not None:
                train = self.data.examined.images
                near = train[walks.nearest(torch.from_numpy(made), train)].numpy()
                parts.append(words("The nearest training image of each, by squared error:"))
                parts.append(row([Figure(image, "") for image in near], alt="training image"))
            if run.model.num_classes:
                parts.append(words("Styles: a column is one latent, decoded as each class."))
                parts.append(figures.grid(self.classes, self._styles(run, seed)))
        return document(*parts)

    def _styles(self, run: Run, seed: int) -> Floats:
        """The same latents decoded as each class, `(classes, styles, C, H, W)`."""
        assert run.model.prior is not None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            latents = run.model.prior.sample((_STYLES, run.model.latent_size)).cpu()
        every = range(len(self.classes))
        made: list[Any] = [run.decode(latents, number).numpy() for number in every]
        return np.stack(made)


def _rated(flat: NDArray[Any], target: Floats, caption: str) -> Figure:
    """What a linear method has made of an image, clipped as the networks' is."""
    made = flat.reshape(target.shape).clip(0, 1)
    return Figure(made[0], caption, _decibel(psnr(made, target)))


def _decibel(value: float) -> str:
    return "no error" if math.isinf(value) else f"{value:.1f} dB"
