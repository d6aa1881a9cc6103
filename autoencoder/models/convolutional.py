"""The convolutional autoencoder of the study: strided convolutions and their mirror."""

from collections.abc import Sequence
from typing import Unpack

from autoencoder.models.autoencoder import Autoencoder, Training
from autoencoder.networks import ConvDecoder, ConvEncoder


class ConvAutoencoder(Autoencoder):
    """Strided convolutions with ReLUs, mirrored by transposed convolutions; no bottleneck layer.

    The latent is the last feature map: `channels=[16, 32, 64]` makes (64, 4, 4) of 28 x 28 pixels.

    Args:
        channels: Output channels of the encoder's convolutions.
        kernel_size: Side of the square kernels.
        stride: Stride of each convolution.
        padding: Padding of each of the encoder's convolutions.
        image_shape: `(C, H, W)` of the images.
        **training: As for `Training`.
    """

    def __init__(
        self,
        channels: Sequence[int],
        kernel_size: int,
        stride: int,
        padding: int,
        image_shape: tuple[int, int, int],
        **training: Unpack[Training],
    ) -> None:
        encoder = ConvEncoder(image_shape, channels, kernel_size, stride, padding)
        decoder = ConvDecoder(image_shape, channels, kernel_size, stride, padding)
        super().__init__(encoder, decoder, image_shape, encoder.latent_shape, **training)
