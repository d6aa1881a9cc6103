"""A strided convolutional encoder and the transposed convolutions that mirror it."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

Shape = tuple[int, int, int]


class ConvEncoder(nn.Sequential):
    """Strided convolutions, each followed by a ReLU.

    Args:
        image_shape: `(C, H, W)` of the images.
        channels: Output channels of each convolution.
        kernel_size: Side of the square kernels.
        stride: Stride of each convolution.
        padding: Zeros added on each side of each input.

    Attributes:
        shapes: `(C, H, W)` of the images and of each layer's output; the last is the latent's.

    Raises:
        ValueError: If a layer's input is smaller than its kernel, or an argument is not positive.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        channels: Sequence[int],
        kernel_size: int,
        stride: int,
        padding: int,
    ) -> None:
        self.shapes = layer_shapes(image_shape, channels, kernel_size, stride, padding)
        layers: list[nn.Module] = []
        for (inputs, _, _), (outputs, _, _) in pairwise(self.shapes):
            convolution = nn.Conv2d(inputs, outputs, kernel_size, stride, padding)
            layers += [convolution, nn.ReLU(inplace=True)]
        super().__init__(*layers)

    @property
    def latent_shape(self) -> Shape:
        """`(C, H, W)` of the latent."""
        return self.shapes[-1]

    def forward(self, images: Tensor) -> Tensor:
        """Maps images (B, C, H, W) to latents (B, *latent_shape)."""
        expected = self.shapes[0]
        if images.shape[1:] != expected:
            raise ValueError(f"expected images (B, {expected}), got {tuple(images.shape)}")
        latent: Tensor = super().forward(images)  # type: ignore[no-untyped-call]
        return latent


class ConvDecoder(nn.Sequential):
    """Transposed convolutions with ReLUs between them and a sigmoid at the end.

    Mirrors a `ConvEncoder` of the same arguments: output padding gives back what a stride that
    does not divide the size has cut off, so each layer restores the size of the encoder's.

    Args:
        image_shape: `(C, H, W)` of the images.
        channels: Output channels of the *encoder's* convolutions, in the encoder's order.
        kernel_size: Side of the square kernels.
        stride: Stride of each convolution.
        padding: Padding of each of the encoder's convolutions.

    Raises:
        ValueError: As for `ConvEncoder`.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        channels: Sequence[int],
        kernel_size: int,
        stride: int,
        padding: int,
    ) -> None:
        shapes = layer_shapes(image_shape, channels, kernel_size, stride, padding)[::-1]
        layers: list[nn.Module] = []
        for (inputs, _, _), (outputs, height, width) in pairwise(shapes):
            # The rows and columns that the encoder's convolution had left over at the far edges.
            rest = [(side + 2 * padding - kernel_size) % stride for side in (height, width)]
            layers += [
                nn.ConvTranspose2d(
                    inputs, outputs, kernel_size, stride, padding, (rest[0], rest[1])
                ),
                nn.ReLU(inplace=True),
            ]
        layers[-1] = nn.Sigmoid()
        super().__init__(*layers)


def layer_shapes(
    image_shape: Sequence[int], channels: Sequence[int], kernel_size: int, stride: int, padding: int
) -> list[Shape]:
    """Shapes `(C, H, W)` of the images and of each convolution's output."""
    if len(channels) == 0 or not all(is_count(count) for count in channels):
        raise ValueError(
            f"channels must be a list of whole numbers > 0, as in [16,32,64]; got {channels}"
        )
    if not (is_count(kernel_size) and is_count(stride)) or padding < 0:
        raise ValueError(
            f"kernel_size and stride must be whole numbers > 0 and padding >= 0, "
            f"got {kernel_size}, {stride} and {padding}"
        )
    image_channels, height, width = image_shape
    shapes = [(image_channels, height, width)]
    for outputs in channels:
        _, height, width = shapes[-1]
        if min(height, width) + 2 * padding < kernel_size:
            raise ValueError(
                f"a {height} x {width} input of layer {len(shapes)} is too small for "
                f"kernel_size={kernel_size} with padding={padding}; use a smaller kernel or fewer "
                f"layers than the {len(channels)} in channels={list(channels)}"
            )
        sizes = [(size + 2 * padding - kernel_size) // stride + 1 for size in (height, width)]
        shapes.append((outputs, sizes[0], sizes[1]))
    return shapes


def is_count(value: object) -> bool:
    """Whether a value is a whole number > 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
