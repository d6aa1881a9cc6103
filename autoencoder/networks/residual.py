"""Normalised convolutions and residual blocks around a linear bottleneck of any size."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from autoencoder.networks.convolutional import Shape, is_count, layer_shapes

# Kernel, stride and padding: a 4 x 4 transposed convolution of stride 2 covers every pixel twice,
# where one of 3 x 3 covers them unevenly and leaves a checkerboard.
_DOWN = (3, 2, 1)
_UP = (4, 2, 1)
_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "silu": lambda: nn.SiLU(inplace=True),
    "relu": lambda: nn.ReLU(inplace=True),
    "gelu": nn.GELU,
}


@dataclass(frozen=True)
class Parts:
    """What the layers are made of; docs/findings.md says what each is worth.

    Attributes:
        activation: `silu`, `relu` or `gelu`.
        normalized: Whether convolutions are followed by batch normalisation.
        upsampling: `transposed` convolutions, or `nearest`: pixels are doubled and a convolution
            of 3 x 3 follows.

    Raises:
        ValueError: If one is none of these.
    """

    activation: str = "silu"
    normalized: bool = True
    upsampling: str = "transposed"

    def __post_init__(self) -> None:
        if self.activation not in _ACTIVATIONS:
            raise ValueError(f"activation must be silu, relu or gelu, got {self.activation}")
        if self.upsampling not in ("transposed", "nearest"):
            raise ValueError(f"upsampling must be transposed or nearest, got {self.upsampling}")

    def activated(self, channels: int) -> list[nn.Module]:
        """Normalisation, if there is one, and activation of (B, channels, H, W)."""
        norms = [nn.BatchNorm2d(channels)] if self.normalized else []
        return [*norms, self.act()]

    def act(self) -> nn.Module:
        """An activation."""
        return _ACTIVATIONS[self.activation]()

    def from_zero(self, convolution: nn.Conv2d) -> list[nn.Module]:
        """The last convolution of a block, and its normalisation: their output starts as 0."""
        last = nn.BatchNorm2d(convolution.out_channels) if self.normalized else convolution
        nn.init.zeros_(last.weight)
        return [convolution] if last is convolution else [convolution, last]

    def up(self, before: int, after: int, bias: bool) -> list[nn.Module]:
        """Twice the side: (B, before, H, W) to (B, after, 2 H, 2 W)."""
        if self.upsampling == "transposed":
            return [nn.ConvTranspose2d(before, after, *_UP, bias=bias)]
        return [nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, padding=1, bias=bias)]


PARTS = Parts()


class ResidualBlock(nn.Module):
    """Two convolutions whose output is added to their input (He et al., 2016).

    Starts as no more than its activation: the last layer's weights are 0.

    Args:
        channels: Of input and output (B, channels, H, W).
        parts: What its layers are made of.
    """

    def __init__(self, channels: int, parts: Parts = PARTS) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=not parts.normalized),
            *parts.activated(channels),
            *parts.from_zero(nn.Conv2d(channels, channels, 3, padding=1, bias=False)),
        )
        self.activation = parts.act()

    def forward(self, features: Tensor) -> Tensor:
        """Maps (B, channels, H, W) to the same shape."""
        activated: Tensor = self.activation(features + self.residual(features))
        return activated


class ContextBlock(nn.Module):
    """Adds to each position what two linear layers make of all positions.

    A convolution sees as far as its kernel; what a noisy patch shows is told by the whole image.
    Starts as the identity: the last layer's weights are 0.

    Args:
        shape: `(C, H, W)` of input and output.
        numbers: Between the linear layers, which see a quarter of the channels.
        parts: What its layers are made of.
    """

    def __init__(self, shape: Shape, numbers: int, parts: Parts = PARTS) -> None:
        super().__init__()
        channels, height, width = shape
        squeezed = (max(1, channels // 4), height, width)
        self.squeeze = nn.Sequential(
            nn.Conv2d(channels, squeezed[0], 1, bias=not parts.normalized),
            *parts.activated(squeezed[0]),
        )
        self.mix = nn.Sequential(
            nn.Flatten(),
            nn.Linear(math.prod(squeezed), numbers),
            parts.act(),
            nn.Linear(numbers, math.prod(squeezed)),
            nn.Unflatten(1, squeezed),
        )
        self.expand = nn.Sequential(
            *parts.from_zero(nn.Conv2d(squeezed[0], channels, 1, bias=False))
        )

    def forward(self, features: Tensor) -> Tensor:
        """Maps (B, *shape) to the same shape."""
        squeezed = self.squeeze(features)
        added: Tensor = features + self.expand(squeezed + self.mix(squeezed))
        return added


class ResidualEncoder(nn.Sequential):
    """Strided convolutions, normalised and activated, residual blocks, a linear layer.

    Args:
        image_shape: `(C, H, W)` of the images.
        channels: Output channels of each convolution, which halves the sides, rounded up.
        outputs: Numbers that an image is mapped to; None leaves the linear layer out.
        blocks: Residual blocks after the last convolution.
        context: Numbers in the `ContextBlock` after each of them; 0 for no such blocks.
        parts: What the layers are made of.

    Attributes:
        latent_shape: `(outputs,)`, or `(C, H, W)` of the last convolution.

    Raises:
        ValueError: If `channels` or `outputs` are not whole numbers > 0, or `blocks` or
            `context` are none >= 0.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        channels: Sequence[int],
        outputs: int | None,
        blocks: int = 0,
        context: int = 0,
        parts: Parts = PARTS,
    ) -> None:
        shapes = _shapes(image_shape, channels, outputs)
        self.latent_shape: tuple[int, ...] = shapes[-1] if outputs is None else (outputs,)
        layers: list[nn.Module] = []
        for (before, _, _), (after, _, _) in pairwise(shapes):
            layers += [
                nn.Conv2d(before, after, *_DOWN, bias=not parts.normalized),
                *parts.activated(after),
            ]
        layers += _blocks(shapes[-1], blocks, context, parts)
        if outputs is not None:
            layers += [nn.Flatten(), nn.Linear(math.prod(shapes[-1]), outputs)]
        super().__init__(*layers)


class ResidualDecoder(nn.Sequential):
    """A linear layer, residual blocks, upsampling convolutions, normalised and activated.

    Ends in logits (B, C, H, W): images are their sigmoid.

    Args:
        image_shape: `(C, H, W)` of the images.
        channels: Output channels of the *encoder's* convolutions, in the encoder's order.
        inputs: Numbers that an image is made from; None leaves the linear layer out.
        blocks: Residual blocks before the first transposed convolution.
        context: As for `ResidualEncoder`.
        parts: As for `ResidualEncoder`.

    Raises:
        ValueError: As for `ResidualEncoder`.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        channels: Sequence[int],
        inputs: int | None,
        blocks: int = 0,
        context: int = 0,
        parts: Parts = PARTS,
    ) -> None:
        first, *others = _shapes(image_shape, channels, inputs)[::-1]
        layers: list[nn.Module] = []
        if inputs is not None:
            layers += [
                nn.Linear(inputs, math.prod(first), bias=not parts.normalized),
                nn.Unflatten(1, first),
                *parts.activated(first[0]),
            ]
        layers += _blocks(first, blocks, context, parts)
        for before, after in pairwise([first, *others]):
            # Normalised but for the last, whose output are the logits.
            is_last = after is others[-1]
            layers += [
                *parts.up(before[0], after[0], bias=is_last or not parts.normalized),
                # Twice the side, or one less where the encoder's layer had rounded up.
                nn.ZeroPad2d((0, after[2] - 2 * before[2], 0, after[1] - 2 * before[1])),
                *([] if is_last else parts.activated(after[0])),
            ]
        super().__init__(*layers)


def _shapes(
    image_shape: Sequence[int], channels: Sequence[int], numbers: int | None
) -> list[Shape]:
    """Shapes `(C, H, W)` of the images and of each convolution's output."""
    if numbers is not None and not is_count(numbers):
        raise ValueError(f"latent_dim must be a whole number > 0, got {numbers}")
    return layer_shapes(image_shape, channels, *_DOWN)


def _blocks(shape: Shape, blocks: int, context: int, parts: Parts) -> list[nn.Module]:
    """Residual blocks for features (B, *shape), each with its context block if there are any."""
    for name, value in {"blocks": blocks, "context": context}.items():
        if value != 0 and not is_count(value):
            raise ValueError(f"{name} must be a whole number >= 0, got {value}")
    if context and not blocks:
        raise ValueError(f"context={context} needs blocks of at least 1, got {blocks}")
    layers: list[nn.Module] = []
    for _ in range(blocks):
        layers.append(ResidualBlock(shape[0], parts))
        if context:
            layers.append(ContextBlock(shape, context, parts))
    return layers
