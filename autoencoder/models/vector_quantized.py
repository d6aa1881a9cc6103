"""The vector-quantised autoencoder, VQ-VAE (van den Oord et al., 2017): a latent of codes."""

import math
from collections.abc import Sequence
from typing import Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric

from autoencoder.data import Batch
from autoencoder.models.autoencoder import Autoencoder, Training
from autoencoder.networks import ResidualDecoder, ResidualEncoder
from autoencoder.networks.quantizer import Quantized, VectorQuantizer


class Perplexity(Metric):
    """`exp(-sum_i p_i log p_i)` of the shares p of codes: how many, used evenly, would be as many.

    Updated with indices of codes, of any shape.

    Args:
        codes: How many there are.
    """

    full_state_update = False
    higher_is_better = None

    def __init__(self, codes: int) -> None:
        super().__init__()
        self.counts: Tensor
        self.add_state("counts", torch.zeros(codes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, indices: Tensor) -> None:
        """Counts these."""
        self.counts += _counts(indices, len(self.counts))

    def compute(self) -> Tensor:
        """Of all that were counted."""
        return _perplexity(self.counts)


class VectorQuantizedAutoencoder(Autoencoder):
    """Convolutions to a grid of vectors, each of which is replaced by the nearest of a codebook.

    Minimises the mean squared error plus `commitment` times the mean squared distance of the
    vectors from their codes; the codebook follows the vectors (`VectorQuantizer`).

    A latent is the grid of codes, given as their vectors (H, W, code_dim), so that distances
    between latents mean something: its size is the number of codes, and its bits theirs. `decode`
    takes any vectors, and puts the nearest code in the place of each.

    Args:
        channels: As for `ResidualEncoder`; each halves the sides, and the last ones are the grid's.
        blocks: As for `ResidualEncoder`.
        codes: As for `VectorQuantizer`.
        code_dim: As for `VectorQuantizer`.
        decay: As for `VectorQuantizer`.
        dead_below: As for `VectorQuantizer`.
        commitment: Weight of the distance of the vectors from their codes.
        image_shape: `(C, H, W)` of the images.
        **training: As for `Training`.

    Raises:
        ValueError: If a number is out of its range, or as for `ResidualEncoder`.
    """

    def __init__(
        self,
        channels: Sequence[int],
        blocks: int,
        codes: int,
        code_dim: int,
        decay: float,
        dead_below: float,
        commitment: float,
        image_shape: tuple[int, int, int],
        **training: Unpack[Training],
    ) -> None:
        if not commitment > 0:
            raise ValueError(f"commitment must be a number > 0, got {commitment}")
        quantizer = VectorQuantizer(codes, code_dim, decay, dead_below)
        features = ResidualEncoder(image_shape, channels, None, blocks)
        width, *grid = features.latent_shape
        encoder = nn.Sequential(features, nn.Conv2d(width, code_dim, 1), _ChannelsLast())
        images = ResidualDecoder(image_shape, channels, None, blocks)
        decoder = nn.Sequential(
            _ChannelsFirst(), nn.Conv2d(code_dim, width, 1), images, nn.Sigmoid()
        )
        super().__init__(encoder, decoder, image_shape, (*grid, code_dim), **training)
        self.quantizer = quantizer
        self.commitment = commitment
        self.val_metrics.add_metrics({"commitment": MeanMetric(), "perplexity": Perplexity(codes)})
        self.test_metrics.add_metrics({"perplexity": Perplexity(codes)})

    @property
    def latent_size(self) -> int:
        """How many codes a latent has."""
        return math.prod(self.latent_shape[:-1])

    @property
    def latent_bits(self) -> float:
        """How many bits the codes of a latent take, if all codes take as many."""
        return self.latent_size * math.log2(self.quantizer.codes)

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps images (B, C, H, W) to the vectors (B, *latent_shape) of their codes."""
        return self._codes(self.encoder(images))

    def decode(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps the codes nearest to vectors (B, *latent_shape) to images (B, C, H, W)."""
        images: Tensor = self.decoder(self._codes(latent))
        return images

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The error of a batch and the commitment; the codebook follows the batch."""
        found: Quantized = self.quantizer(self.encoder(batch.corrupted))
        mse = F.mse_loss(self.decoder(found.quantized), batch.images)
        commitment = self.commitment * found.loss
        loss = mse + commitment
        perplexity = _perplexity(_counts(found.indices, self.quantizer.codes))
        logged = {"loss": loss, "commitment": commitment, "perplexity": perplexity}
        self.log_train(logged, len(batch.images), first=batch_idx == 0)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Updates the validation error, the commitment and the perplexity."""
        super().validation_step(batch, batch_idx)
        vectors = self.encoder(batch.corrupted)
        indices = self.quantizer.nearest(vectors)
        distance = F.mse_loss(vectors, F.embedding(indices, self.quantizer.codebook))
        self.val_metrics["commitment"].update(self.commitment * distance, len(vectors))
        self.val_metrics["perplexity"].update(indices)

    def validation_loss(self) -> Tensor:
        """The error and the commitment over the whole validation split."""
        commitment: Tensor = self.val_metrics["commitment"].compute()
        return super().validation_loss() + commitment

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Updates the test metrics, and the perplexity of the codes of clean images."""
        super().test_step(batch, batch_idx)
        self.test_metrics["perplexity"].update(self.quantizer.nearest(self.encoder(batch.images)))

    def _codes(self, vectors: Tensor) -> Tensor:
        return F.embedding(self.quantizer.nearest(vectors), self.quantizer.codebook)


class _ChannelsLast(nn.Module):
    """Feature maps (B, C, H, W) as grids (B, H, W, C) of vectors."""

    def forward(self, features: Tensor) -> Tensor:
        return features.permute(0, 2, 3, 1)


class _ChannelsFirst(nn.Module):
    """Grids (B, H, W, C) of vectors as feature maps (B, C, H, W)."""

    def forward(self, vectors: Tensor) -> Tensor:
        return vectors.permute(0, 3, 1, 2)


def _counts(indices: Tensor, codes: int) -> Tensor:
    return F.one_hot(indices.flatten(), codes).sum(0)


def _perplexity(counts: Tensor) -> Tensor:
    shares = counts / counts.sum()
    perplexity: Tensor = torch.special.entr(shares).sum().exp()
    return perplexity
