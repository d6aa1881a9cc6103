"""The residual autoencoder: a latent of as many numbers as one asks for."""

from collections.abc import Sequence
from typing import Unpack

from torch import nn

from autoencoder.models.autoencoder import Autoencoder, Training
from autoencoder.networks import Parts, ResidualDecoder, ResidualEncoder


class ResidualAutoencoder(Autoencoder):
    """Normalised convolutions and residual blocks around a linear bottleneck.

    Args:
        channels: Output channels of the encoder's convolutions, which halve the sides.
        blocks: Residual blocks after the last of them, and before the decoder's first.
        latent_dim: Numbers in a latent; None for no linear layers: the latent is the feature map.
        image_shape: `(C, H, W)` of the images.
        context: Numbers of the block after each residual one that lets every position see all
            others; 0 for no such blocks.
        activation: As for `autoencoder.networks.Parts`.
        normalized: As for `autoencoder.networks.Parts`.
        upsampling: As for `autoencoder.networks.Parts`.
        **training: As for `Training`.
    """

    def __init__(
        self,
        channels: Sequence[int],
        blocks: int,
        latent_dim: int | None,
        image_shape: tuple[int, int, int],
        context: int,
        activation: str = Parts.activation,
        normalized: bool = Parts.normalized,
        upsampling: str = Parts.upsampling,
        **training: Unpack[Training],
    ) -> None:
        parts = Parts(activation, normalized, upsampling)
        encoder = ResidualEncoder(image_shape, channels, latent_dim, blocks, context, parts)
        decoder = ResidualDecoder(image_shape, channels, latent_dim, blocks, context, parts)
        super().__init__(
            encoder,
            nn.Sequential(decoder, nn.Sigmoid()),
            image_shape,
            encoder.latent_shape,
            **training,
        )
