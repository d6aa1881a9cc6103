"""A batch of small canvases: poses, cloths, and shapes as signed distances.

A distance is negative inside, so that edges are smooth at every image size. Coordinates run from
-1 to 1, x to the right and y down.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

# NumPy, as torch spreads such small operations over threads at many times their cost.
Array = npt.NDArray[np.floating[Any]]
# A coordinate: one for all images, or one for each, (B, 1, 1).
Measure = float | Array


class Canvas:
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
