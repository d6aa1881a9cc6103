"""The autoencoder with a linear bottleneck: as many numbers as one asks for."""

from collections.abc import Sequence

from torch import nn

from autoencoder.models.autoencoder import Autoencoder, OptimizerFactory, SchedulerFactory
from autoencoder.networks import BottleneckDecoder, BottleneckEncoder


class BottleneckAutoencoder(Autoencoder):
    """Normalised convolutions around a linear bottleneck.

    Args:
        channels: Output channels of the encoder's convolutions, which halve the sides.
        latent_dim: Numbers in a latent.
        image_shape: `(C, H, W)` of the images.
        optimizer: Makes the optimiser from the parameters.
        scheduler: Makes the learning rate's schedule.
    """

    def __init__(
        self,
        channels: Sequence[int],
        latent_dim: int,
        image_shape: tuple[int, int, int],
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory | None = None,
    ) -> None:
        encoder = BottleneckEncoder(image_shape, channels, latent_dim)
        decoder = BottleneckDecoder(image_shape, channels, latent_dim)
        super().__init__(
            encoder,
            nn.Sequential(decoder, nn.Sigmoid()),
            image_shape,
            (latent_dim,),
            optimizer,
            scheduler,
        )
