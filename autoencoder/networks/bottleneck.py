"""Normalised convolutions around a linear bottleneck of any size."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from autoencoder.networks.convolutional import is_count, layer_shapes

# Kernel, stride and padding: a 4 x 4 transposed convolution of stride 2 covers every pixel twice,
# where one of 3 x 3 covers them unevenly and leaves a checkerboard.
_DOWN = (3, 2, 1)
_UP = (4, 2, 1)


class BottleneckEncoder(nn.Sequential):
    """Strided convolutions, each with batch normalisation and a SiLU, and a linear layer.

    Args:
        image_shape: `(C, H, W)` of the images.
        channels: Output channels of each convolution, which halves the sides, rounded up.
        outputs: Numbers that an image is mapped to; the result is (B, outputs).

    Raises:
        ValueError: If `channels` or `outputs` are not whole numbers > 0.
    """

    def __init__(self, image_shape: Sequence[int], channels: Sequence[int], outputs: int) -> None:
        shapes = layer_shapes(image_shape, channels, *_DOWN)
        layers: list[nn.Module] = []
        for (before, _, _), (after, _, _) in pairwise(shapes):
            layers += [nn.Conv2d(before, after, *_DOWN, bias=False), *_activated(after)]
        layers += [nn.Flatten(), nn.Linear(math.prod(shapes[-1]), _checked(outputs))]
        super().__init__(*layers)


class BottleneckDecoder(nn.Sequential):
    """A linear layer and transposed convolutions with batch normalisation and SiLUs.

    Ends in logits (B, C, H, W): images are their sigmoid.

    Args:
        image_shape: `(C, H, W)` of the images.
        channels: Output channels of the *encoder's* convolutions, in the encoder's order.
        inputs: Numbers that an image is made from; the input is (B, inputs).

    Raises:
        ValueError: If `channels` or `inputs` are not whole numbers > 0.
    """

    def __init__(self, image_shape: Sequence[int], channels: Sequence[int], inputs: int) -> None:
        shapes = layer_shapes(image_shape, channels, *_DOWN)[::-1]
        layers: list[nn.Module] = [
            nn.Linear(_checked(inputs), math.prod(shapes[0]), bias=False),
            nn.Unflatten(1, shapes[0]),
            *_activated(shapes[0][0]),
        ]
        for (before, *small), (after, *large) in pairwise(shapes):
            kernel_size, stride, padding = _UP
            # Twice the side, or one less where the encoder's layer had rounded up.
            cut = [2 * side - size for side, size in zip(small, large, strict=True)]
            layers += [
                nn.ConvTranspose2d(before, after, kernel_size, stride, padding, bias=False),
                nn.ZeroPad2d((0, -cut[1], 0, -cut[0])) if any(cut) else nn.Identity(),
                *_activated(after),
            ]
        last = image_shape[0]
        layers[-4:] = [nn.ConvTranspose2d(before, last, *_UP), layers[-3]]
        super().__init__(*layers)


def _activated(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.SiLU(inplace=True)]


def _checked(numbers: int) -> int:
    if not is_count(numbers):
        raise ValueError(f"latent_dim must be a whole number > 0, got {numbers}")
    return numbers
