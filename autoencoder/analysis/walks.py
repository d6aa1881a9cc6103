"""Walks through a latent space, and how far what they lead to is from the training images."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Normal

from autoencoder.data import to_float

# Radians between two latents: nearer to a line, or to opposite, the arc is not determined.
_SMALLEST_ANGLE = 1e-3
# Training images that are compared at once: 5,000 of 28 x 28 pixels are 16 MB.
_BLOCK = 5000


def interpolate(start: Tensor, end: Tensor, steps: int, *, spherical: bool = False) -> Tensor:
    """Latents on the way from one to another, evenly spaced, both ends among them.

    Args:
        start: Latents (n, *latent_shape).
        end: As many (n, *latent_shape).
        steps: Latents on each way.
        spherical: Whether the way is the arc of `slerp` instead of the straight line.

    Returns:
        `(n, steps, *latent_shape)`.

    Raises:
        ValueError: If there are less than two steps.

    Example:
        >>> interpolate(torch.tensor([[0.0, 4.0]]), torch.tensor([[2.0, 0.0]]), steps=3)
        tensor([[[0., 4.],
                 [1., 2.],
                 [2., 0.]]])
    """
    if steps < 2:
        raise ValueError(f"a way has at least two steps, its ends; got {steps}")
    way = slerp if spherical else torch.lerp
    shares = torch.linspace(0, 1, steps).tolist()
    return torch.stack([way(start, end, share) for share in shares], 1)


def slerp(start: Tensor, end: Tensor, share: float) -> Tensor:
    """`(sin((1 - t) a) start + sin(t a) end) / sin(a)`, with the angle a between them.

    Spherical interpolation (Shoemake, 1985), of each latent as one vector; for latents by White
    (2016, "Sampling Generative Networks"): a Gaussian of many dimensions has its mass near a
    sphere, and the middle of a straight line is far within it. Where there is no one arc, between
    latents that are parallel, opposite or zero, it is the straight line.

    Args:
        start: Latents (n, *latent_shape).
        end: As many (n, *latent_shape).
        share: t, the share of the way, from 0 to 1.
    """
    one, other = (latent.flatten(1).double() for latent in (start, end))
    angle = _angle(one, other)
    sine = angle.sin()
    arc = (((1 - share) * angle).sin() * one + (share * angle).sin() * other) / sine
    # The angle of a latent of zeros is of no meaning.
    shortest = torch.minimum(one.norm(dim=1), other.norm(dim=1))[:, None]
    found = (sine > _SMALLEST_ANGLE) & (shortest > 0)
    walked = torch.where(found, arc, torch.lerp(one, other, share))
    return walked.to(start.dtype).view_as(start)


def _angle(one: Tensor, other: Tensor) -> Tensor:
    """The angle between vectors (n, d), `(n, 1)`, exact for small ones also (Kahan, 2006)."""
    one = torch.nn.functional.normalize(one, dim=1)
    other = torch.nn.functional.normalize(other, dim=1)
    across, along = ((one - other).norm(dim=1), (one + other).norm(dim=1))
    return 2 * torch.atan2(across, along)[:, None]


def traversal(latent: Tensor, dimensions: Sequence[int], values: Sequence[float]) -> Tensor:
    """Copies of a latent of which one dimension has another value.

    Args:
        latent: `(latent_size,)`.
        dimensions: Which dimensions are changed, one at a time.
        values: What each is set to.

    Returns:
        `(dimensions, values, latent_size)`.

    Example:
        >>> traversal(torch.tensor([5.0, 6.0]), dimensions=[1], values=[-1, 0, 1])
        tensor([[[ 5., -1.],
                 [ 5.,  0.],
                 [ 5.,  1.]]])
    """
    copies = latent.repeat(len(dimensions), len(values), 1)
    settings = torch.tensor(list(values), dtype=latent.dtype, device=latent.device)
    for row, dimension in enumerate(dimensions):
        copies[row, :, dimension] = settings
    return copies


def manifold(side: int) -> Tensor:
    """A grid of latents of two dimensions, each for an equal share of a standard normal prior.

    The inverse of the normal distribution function, of an even grid on the unit square (Kingma &
    Welling, 2014, figure 4).

    Returns:
        `(side, side, 2)`: the first dimension grows from left to right, the second from the
        bottom to the top.
    """
    shares = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    quantiles = Normal(torch.zeros_like(shares), torch.ones_like(shares)).icdf(shares).float()
    second, first = torch.meshgrid(quantiles.flip(0), quantiles, indexing="ij")
    return torch.stack([first, second], 2)


def nearest(images: Tensor, training_images: Tensor) -> Tensor:
    """Which training image is nearest to each image, by the squared error.

    scikit-learn's `pairwise_distances_argmin` finds the same, but it refuses empty arrays and the
    NaN of a diverged model, and wants all training images as floats at once.

    Args:
        images: `(n, C, H, W)` in [0, 1].
        training_images: `(N, C, H, W)`, of the same range, or uint8 in 0..255.

    Returns:
        Indices `(n,)` of training images.

    Example:
        >>> nearest(torch.full((1, 1, 2, 2), 0.4), torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1, 1)
        ...         .expand(-1, 1, 2, 2))
        tensor([1])
    """
    rows = images.flatten(1)
    least = torch.full((len(rows),), torch.inf)
    found = torch.zeros(len(rows), dtype=torch.int64)
    for number, block in enumerate(training_images.split(_BLOCK)):
        pixels = (to_float(block) if block.dtype == torch.uint8 else block).flatten(1)
        # The squared error but for the image's own square, which is the same for all of them.
        errors = torch.addmm(pixels.square().sum(1), rows, pixels.T, alpha=-2)
        values, indices = errors.min(1)
        nearer = values < least
        least = torch.where(nearer, values, least)
        found = torch.where(nearer, indices + number * _BLOCK, found)
    return found
