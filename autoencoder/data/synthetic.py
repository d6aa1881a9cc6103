"""Garments drawn by this module: labelled images of any size that need no download.

Each class is a painter that lays shapes on a batch of canvases, and draws its measures (width,
sleeve length, ...) from a range for each image. A shape is a signed distance, negative inside,
so that edges are smooth at every image size. Coordinates run from -1 to 1, x to the right and y
down.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from autoencoder.data.module import ImageDataModule
from autoencoder.data.sources import FASHION_MNIST, ImageData

# Images drawn at once: about this many pixels, so that the working set stays in the cache.
PIXELS_AT_ONCE = 2**18

# NumPy, as torch spreads such small operations over threads at many times their cost.
Array = npt.NDArray[np.floating[Any]]
# A coordinate: one for all images, or one for each, (B, 1, 1).
Measure = float | Array


def synthetic_garments(
    n: int, image_size: int = 28, channels: int = 1, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Drawn garments, grey on black, in the ten classes of Fashion-MNIST.

    The classes are as equal in number as `n` allows, in an order shuffled by the seed.

    Args:
        n: Number of images.
        image_size: Height and width in pixels, at least 8.
        channels: Number of channels; all hold the same grey.
        seed: The same arguments and seed give the same images; at least 0.

    Returns:
        Images, uint8 `(n, channels, image_size, image_size)`, and labels, int64 `(n,)`.

    Raises:
        ValueError: If `n` or `channels` is below 1, `image_size` below 8, or `seed` below 0.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    if image_size < 8:
        raise ValueError(f"image_size must be at least 8 to show a garment, not {image_size}")
    if channels < 1:
        raise ValueError(f"channels must be at least 1, not {channels}")
    if seed < 0:
        raise ValueError(f"seed must be at least 0, not {seed}")
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(n) % len(PAINTERS))
    images = np.empty((n, image_size, image_size), np.uint8)
    at_once = max(1, PIXELS_AT_ONCE // image_size**2)
    for label, paint in enumerate(PAINTERS):
        of_class = np.flatnonzero(labels == label)
        for start in range(0, len(of_class), at_once):
            indices = of_class[start : start + at_once]
            canvas = _Canvas(len(indices), image_size, generator)
            paint(canvas)
            images[indices] = np.rint(255 * canvas.image)
    grey = torch.from_numpy(images).unsqueeze(1)
    return grey.repeat(1, channels, 1, 1), torch.from_numpy(labels).long()


def load_synthetic(
    train: int, test: int, image_size: int = 28, channels: int = 1, seed: int = 0
) -> ImageData:
    """A data set of drawn garments whose training and test images are drawn apart.

    Args:
        train: Number of training images.
        test: Number of test images.
        image_size: Height and width in pixels, at least 8.
        channels: Number of channels.
        seed: Another seed shares no images with this one, neither for training nor for testing.

    Raises:
        ValueError: As `synthetic_garments`.
    """
    # Even seeds for training and odd ones for testing: no seed's test is another's training.
    train_images, train_labels = synthetic_garments(train, image_size, channels, 2 * seed)
    test_images, test_labels = synthetic_garments(test, image_size, channels, 2 * seed + 1)
    checksum = hashlib.sha256()
    for tensor in (train_images, train_labels, test_images, test_labels):
        checksum.update(tensor.numpy().tobytes())
    return ImageData(
        train_images,
        train_labels,
        test_images,
        test_labels,
        FASHION_MNIST.classes,
        f"drawn by {__name__}, seed {seed}",
        checksum.hexdigest(),
    )


class SyntheticGarments(ImageDataModule):
    """Garments drawn by this package: ten classes, any size, no files.

    Args:
        train_size: Images drawn for training and validation.
        test_size: Images drawn for the test.
        image_size: Height and width in pixels.
        channels: Channels of the images.
        **kwargs: As for `ImageDataModule`.
    """

    def __init__(
        self, train_size: int, test_size: int, image_size: int, channels: int, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]  # checked where they are named
        self.sizes = train_size, test_size, image_size, channels

    def load(self) -> ImageData:
        """Draws the images."""
        return load_synthetic(*self.sizes, seed=self.split_seed)


class _Canvas:
    """A batch of black images in slightly varied poses, with the shapes to paint on them.

    Attributes:
        image: float32 in [0, 1], `(B, S, S)`: what is painted so far.
        x: The horizontal coordinate of each pixel, `(B, S, S)`.
        y: The vertical one.
        side: Its absolute value: shapes in `(side, y)` are symmetrical.
    """

    def __init__(self, batch: int, size: int, generator: np.random.Generator) -> None:
        self.batch = batch
        self.generator = generator
        self.image = np.zeros((batch, size, size), np.float32)
        self.pixel = 2 / size
        ticks = (np.arange(size, dtype=np.float32) + 0.5) * self.pixel - 1
        angle, zoom = self.between(-0.06, 0.06), self.between(0.88, 1.0)
        x = (ticks - self.between(-0.05, 0.05)) / zoom
        y = (ticks[:, None] - self.between(-0.05, 0.05)) / zoom
        self.x = x * np.cos(angle) + y * np.sin(angle)
        self.y = y * np.cos(angle) - x * np.sin(angle)
        self.side = np.abs(self.x)

    def between(self, low: float, high: float) -> Array:
        """A number for each image, `(B, 1, 1)`, uniform in [low, high]."""
        return low + (high - low) * self.generator.random((self.batch, 1, 1), np.float32)

    def sometimes(self, share: float) -> Array:
        """1 for about this share of the images and 0 for the others, `(B, 1, 1)`."""
        return (self.between(0, 1) < share).astype(np.float32)

    def paint(self, shape: Array, grey: Measure, opacity: Measure = 1.0) -> None:
        """Lays a grey over the inside of a shape, with an edge one pixel wide."""
        cover = np.clip(0.5 - shape / self.pixel, 0, 1) * opacity
        self.image = np.clip(self.image + cover * (grey - self.image), 0, 1)

    def cloth(self, patterned: float = 0.4) -> Array:
        """A grey for each pixel, `(B, S, S)`: a soft shade, and stripes or checks on some."""
        grey = self.between(0.35, 0.95)
        shade = 1 + self.between(-0.2, 0.2) * self.x + self.between(-0.2, 0.2) * self.y
        folds = 1 + 0.06 * np.sin(self.between(5, 9) * self.x + self.between(0, 6))
        depth = self.between(0.25, 0.6) * self.sometimes(patterned)
        across, down = self.sometimes(0.4), self.sometimes(0.7)
        # Never finer than three pixels a stripe: beyond, there would be nothing to learn.
        pitch = np.minimum(self.between(8, 16), 2.1 / self.pixel)
        stripes = across * np.sin(pitch * self.x) + down * np.sin(pitch * self.y)
        dark = depth * np.clip(0.5 + 0.5 * stripes, 0, 1)
        return np.clip(grey * shade * folds * (1 - dark), 0, 1)

    def polygon(self, *corners: tuple[Measure, Measure], mirrored: bool = False) -> Array:
        """The signed distance to a polygon; mirrored, its right half is given, from x = 0 on.

        The algorithm is Inigo Quilez's `sdPolygon`: the least distance to an edge, its sign from
        the number of edges that a ray crosses.
        """
        x, y = (self.side if mirrored else self.x), self.y
        square = np.full_like(self.image, 1e3)
        outside = np.ones_like(self.image)
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            edge_x, edge_y = bx - ax, by - ay
            from_x, from_y = x - ax, y - ay
            along = (from_x * edge_x + from_y * edge_y) / (edge_x**2 + edge_y**2)
            along = np.clip(along, 0, 1)
            gap = (from_x - along * edge_x) ** 2 + (from_y - along * edge_y) ** 2
            square = np.minimum(square, gap)
            left = edge_x * from_y > edge_y * from_x
            crossed = np.where(y >= ay, (y < by) & left, (y >= by) & ~left)
            outside = np.where(crossed, -outside, outside)
        return outside * np.sqrt(square)

    def ellipse(self, x: Measure, y: Measure, width: Measure, height: Measure) -> Array:
        """The signed distance to an ellipse by its half axes (exact on a circle)."""
        radius = np.hypot((self.x - x) / width, (self.y - y) / height)
        return (radius - 1) * np.minimum(width, height, dtype=np.float32)

    def line(
        self, *points: tuple[Measure, Measure], width: Measure, mirrored: bool = False
    ) -> Array:
        """The signed distance to a line through the points, `width` across, with round ends."""
        doubled_back = points + points[-2:0:-1]
        return np.abs(self.polygon(*doubled_back, mirrored=mirrored)) - width / 2


def _top(
    canvas: _Canvas, sleeve: Array, angle: Array, hem: Array, chest: Array, cloth: Array
) -> Array:
    """A garment with sleeves, painted; `angle` is the sleeve's from the vertical."""
    shoulder, shoulder_y, cuff = chest + 0.04, -0.72, canvas.between(0.17, 0.23)
    end_x, end_y = shoulder + sleeve * np.sin(angle), shoulder_y + sleeve * np.cos(angle)
    # A sleeve narrows from the armhole to the cuff, which lies square to it.
    body = canvas.polygon(
        (-0.5, -0.86),
        (0.2, -0.88),
        (shoulder, shoulder_y),
        (end_x, end_y),
        (end_x - cuff * np.cos(angle), end_y + cuff * np.sin(angle)),
        (chest - 0.03, shoulder_y + 0.34),
        (chest * canvas.between(0.92, 1.0), 0.3),
        (chest * canvas.between(0.95, 1.08), hem),
        (-0.5, hem),
        mirrored=True,
    )
    canvas.paint(body, cloth)
    return body


def _t_shirt(canvas: _Canvas) -> None:
    cloth = canvas.cloth()
    chest, hem = canvas.between(0.44, 0.54), canvas.between(0.75, 0.92)
    _top(canvas, canvas.between(0.3, 0.48), canvas.between(0.75, 1.0), hem, chest, cloth)
    canvas.paint(canvas.ellipse(0, -0.92, 0.2, canvas.between(0.1, 0.22)), 0)
    # A print on the chest.
    width, height = canvas.between(0.12, 0.26), canvas.between(0.08, 0.24)
    canvas.paint(
        canvas.ellipse(0, -0.2, width, height), canvas.between(0, 1), canvas.sometimes(0.4)
    )


def _trouser(canvas: _Canvas) -> None:
    cloth = canvas.cloth(patterned=0.15)
    waist, hip, ankle = (
        canvas.between(0.22, 0.3),
        canvas.between(0.3, 0.38),
        canvas.between(0.26, 0.44),
    )
    width, crotch = canvas.between(0.15, 0.24), canvas.between(-0.45, -0.3)
    legs = canvas.polygon(
        (-0.2, -0.92),
        (waist, -0.92),
        (hip, -0.5),
        (ankle, 0.92),
        (ankle - width, 0.92),
        (0.02, crotch),
        (-0.2, crotch),
        mirrored=True,
    )
    canvas.paint(legs, cloth)
    canvas.paint(np.maximum(legs, canvas.y + 0.82), 0.7 * cloth)


def _pullover(canvas: _Canvas) -> None:
    cloth = canvas.cloth()
    chest, hem = canvas.between(0.42, 0.52), canvas.between(0.65, 0.85)
    sleeve = canvas.between(1.25, 1.5)
    body = _top(canvas, sleeve, canvas.between(0.2, 0.3), hem, chest, cloth)
    # Ribbed hem and neck.
    canvas.paint(np.maximum(body, hem - 0.12 - canvas.y), 0.75 * cloth)
    canvas.paint(np.maximum(body, canvas.ellipse(0, -0.9, 0.27, 0.2)), 0.6 * cloth)
    canvas.paint(canvas.ellipse(0, -0.93, 0.18, 0.11), 0)


def _dress(canvas: _Canvas) -> None:
    cloth = canvas.cloth()
    bust, waist = canvas.between(0.26, 0.34), canvas.between(0.18, 0.26)
    waist_y, skirt = canvas.between(-0.3, -0.1), canvas.between(0.32, 0.62)
    body = canvas.polygon(
        (-0.3, -0.92),
        (0.2, -0.92),
        (bust, -0.5),
        (waist, waist_y),
        (skirt, 0.92),
        (-0.3, 0.92),
        mirrored=True,
    )
    canvas.paint(body, cloth)
    neck = canvas.between(-0.75, -0.55)
    canvas.paint(canvas.polygon((-0.3, -1.1), (0.16, -1.1), (0.0, neck), mirrored=True), 0)
    belt = np.maximum(body, np.abs(canvas.y - waist_y) - 0.05)
    canvas.paint(belt, 0.5 * cloth, canvas.sometimes(0.5))


def _coat(canvas: _Canvas) -> None:
    cloth = canvas.cloth(patterned=0.2)
    chest, hem = canvas.between(0.46, 0.56), canvas.between(0.86, 0.95)
    sleeve = canvas.between(1.3, 1.5)
    _top(canvas, sleeve, canvas.between(0.12, 0.22), hem, chest, cloth)
    lapel = canvas.between(-0.4, 0.0)
    # The open front, wider at the hem, and the lapels folded back from it.
    canvas.paint(canvas.polygon((-0.3, -0.95), (0.3, -0.88), (0.02, lapel)), 0)
    opening = canvas.between(0.03, 0.12)
    front = canvas.polygon(
        (-0.2, -1), (0.14, -1), (0.03, lapel), (opening, 1), (-0.2, 1), mirrored=True
    )
    canvas.paint(front, 0)
    collar = canvas.polygon((0.12, -0.93), (0.27, -0.86), (0.3, -0.5), (0.05, lapel), mirrored=True)
    canvas.paint(collar, 0.6 * cloth)
    pocket = canvas.line((0.18, 0.4), (0.38, 0.36), width=0.06, mirrored=True)
    canvas.paint(pocket, 0.4 * cloth)


def _sandal(canvas: _Canvas) -> None:
    grey, heel = canvas.between(0.45, 1), canvas.between(0.02, 0.4)
    # The sole rises from the toe at the left to the heel at the right.
    top = 0.5 - heel
    sole = canvas.polygon(
        (-0.9, 0.47),
        (-0.25, 0.47),
        (0.4, top),
        (0.9, top),
        (0.88, 0.65),
        (0.68, 0.65),
        (0.55, top + 0.15),
        (-0.1, 0.65),
        (-0.88, 0.65),
    )
    strap, width = grey * canvas.between(0.6, 1), canvas.between(0.08, 0.15)
    instep, ankle = canvas.between(-0.1, 0.15), top - canvas.between(0.4, 0.6)
    canvas.paint(canvas.line((-0.75, 0.5), (-0.5, instep), (-0.25, 0.5), width=width), strap)
    canvas.paint(canvas.line((0.25, ankle + 0.05), (0.88, ankle), width=width), strap)
    canvas.paint(canvas.line((0.8, top), (0.88, ankle), width=width), strap)
    link = canvas.line((-0.5, instep), (0.25, ankle + 0.05), width=width)
    linked = canvas.sometimes(0.6)
    canvas.paint(link, strap, linked)
    # Something holds the ankle strap: the link, a post, or both.
    post = canvas.line((0.4, top), (0.25, ankle), width=width)
    canvas.paint(post, strap, np.maximum(1 - linked, canvas.sometimes(0.5)))
    canvas.paint(sole, grey)


def _shirt(canvas: _Canvas) -> None:
    cloth = canvas.cloth(patterned=0.6)
    chest, hem = canvas.between(0.4, 0.5), canvas.between(0.75, 0.92)
    long = canvas.sometimes(0.6)
    sleeve = long * canvas.between(1.1, 1.35) + (1 - long) * canvas.between(0.4, 0.6)
    angle = long * canvas.between(0.25, 0.4) + (1 - long) * canvas.between(0.5, 0.75)
    _top(canvas, sleeve, angle, hem, chest, cloth)
    canvas.paint(canvas.polygon((-0.2, -1), (0.12, -1), (0.0, -0.6), mirrored=True), 0)
    canvas.paint(
        canvas.polygon((0.08, -0.95), (0.22, -0.88), (0.2, -0.6), (0.0, -0.66), mirrored=True),
        np.minimum(1.3 * cloth + 0.1, 1),
    )
    placket = np.maximum(canvas.side - 0.05, np.abs(canvas.y - 0.05) - 0.65)
    canvas.paint(np.maximum(placket, canvas.y - hem), 0.45 * cloth)
    for button in range(5):
        canvas.paint(canvas.ellipse(0, -0.45 + 0.25 * button, 0.05, 0.05), 1)


def _sneaker(canvas: _Canvas) -> None:
    cloth = canvas.cloth(patterned=0.1)
    ankle, toe = canvas.between(-0.4, -0.2), canvas.between(0.05, 0.18)
    upper = canvas.polygon(
        (-0.9, toe + 0.2),
        (-0.75, toe),
        (-0.4, toe - 0.08),
        (0.15, ankle),
        (0.5, ankle + 0.08),
        (0.85, ankle - 0.06),
        (0.9, 0.45),
        (-0.9, 0.45),
    )
    canvas.paint(upper, cloth)
    # Laces, a stripe on the side, and the sole.
    for step in (0.0, 0.33, 0.66):
        x, y = -0.35 + 0.5 * step, toe - 0.04 + (ankle - toe + 0.04) * step
        canvas.paint(canvas.line((x - 0.02, y), (x + 0.16, y + 0.12), width=0.05), 1)
    mark = canvas.line((0.1, 0.3), (0.5, ankle + 0.25), width=0.1)
    canvas.paint(mark, canvas.between(0, 1), canvas.sometimes(0.6))
    sole = canvas.polygon((-0.93, 0.36), (0.93, 0.36), (0.9, 0.5), (-0.85, 0.5))
    canvas.paint(sole, canvas.between(0.3, 1))


def _bag(canvas: _Canvas) -> None:
    cloth = canvas.cloth(patterned=0.25)
    top, bottom = canvas.between(-0.35, -0.05), canvas.between(0.7, 0.85)
    width, taper = canvas.between(0.65, 0.88), canvas.between(-0.12, 0.08)
    handle = canvas.ellipse(0, top, canvas.between(0.3, 0.5), canvas.between(0.4, 0.6))
    canvas.paint(np.abs(handle) - 0.05, 0.8 * cloth.mean(axis=(1, 2), keepdims=True))
    body = canvas.polygon(
        (-0.2, top), (width + taper, top), (width, bottom), (-0.2, bottom), mirrored=True
    )
    canvas.paint(body - 0.04, cloth)
    flap = top + canvas.between(0.2, 0.45)
    canvas.paint(np.maximum(body, np.abs(canvas.y - flap) - 0.03), 0.4 * cloth)
    canvas.paint(canvas.ellipse(0, flap, 0.1, 0.1), canvas.between(0.3, 1))


def _ankle_boot(canvas: _Canvas) -> None:
    cloth = canvas.cloth(patterned=0.1)
    shaft, toe = canvas.between(-0.9, -0.6), canvas.between(0.2, 0.32)
    ankle, heel = canvas.between(-0.05, 0.15), canvas.between(0.02, 0.22)
    floor = 0.75
    boot = canvas.polygon(
        (-0.9, toe + 0.2),
        (-0.75, toe),
        (-0.3, toe - 0.12),
        (ankle, -0.1),
        (ankle - 0.05, shaft),
        (0.75, shaft),
        (0.78, 0.1),
        (0.85, floor - heel),
        (-0.1, floor - heel),
        (-0.2, floor - 0.08),
        (-0.9, floor - 0.08),
    )
    canvas.paint(boot, cloth)
    sole = canvas.polygon((-0.9, floor - 0.1), (-0.15, floor - 0.1), (-0.15, floor), (-0.9, floor))
    block = canvas.polygon((0.5, floor - heel), (0.85, floor - heel), (0.83, floor), (0.55, floor))
    canvas.paint(np.minimum(sole, block), canvas.between(0.2, 0.8))
    zip_line = canvas.line((0.4, shaft + 0.1), (0.45, 0.4), width=0.06)
    canvas.paint(zip_line, 0.3 * cloth, canvas.sometimes(0.5))


PAINTERS: tuple[Callable[[_Canvas], None], ...] = (
    _t_shirt,
    _trouser,
    _pullover,
    _dress,
    _coat,
    _sandal,
    _shirt,
    _sneaker,
    _bag,
    _ankle_boot,
)
