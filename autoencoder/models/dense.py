"""The fully connected autoencoder, which knows nothing of neighbouring pixels."""

import math
from collections.abc import Sequence
from typing import Unpack

from torch import nn
from torchvision.ops import MLP

from autoencoder.models.autoencoder import Autoencoder, Training


class DenseAutoencoder(Autoencoder):
    """Linear layers of falling widths with ReLUs between them, and their mirror.

    Args:
        widths: Of the encoder's layers between image and latent.
        latent_dim: Numbers in a latent.
        image_shape: `(C, H, W)` of the images.
        **training: As for `Training`.
    """

    def __init__(
        self,
        widths: Sequence[int],
        latent_dim: int,
        image_shape: tuple[int, int, int],
        **training: Unpack[Training],
    ) -> None:
        pixels = math.prod(image_shape)
        encoder = nn.Sequential(nn.Flatten(), MLP(pixels, [*widths, latent_dim]))
        mirror = MLP(latent_dim, [*widths[::-1], pixels])
        decoder = nn.Sequential(mirror, nn.Sigmoid(), nn.Unflatten(1, image_shape))
        super().__init__(encoder, decoder, image_shape, (latent_dim,), **training)
