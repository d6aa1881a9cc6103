"""The variational autoencoder (Kingma & Welling, 2014), conditional on labels where it is told to.

All terms are in nats an image: summed over pixels and latent dimensions, averaged over images.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, Normal, kl_divergence
from torchmetrics import CatMetric, MeanMetric, MetricCollection

from autoencoder.data import Batch
from autoencoder.models.autoencoder import Autoencoder, Training
from autoencoder.networks import ResidualDecoder, ResidualEncoder
from autoencoder.networks.convolutional import is_count

# A latent dimension is active if the posterior means vary by more (Burda et al., 2016).
ACTIVE_VARIANCE = 0.01
# Of a posterior: its logarithm must stay finite.
_SMALLEST_STD = 1e-6


class Terms(NamedTuple):
    """The terms of the bound, of each image, in nats.

    Attributes:
        log_likelihood: `(B,)`, `log p(x|z)` of a latent drawn from the posterior.
        kl: `(B, latent_dim)`, `KL(q(z|x) || p(z))` of each dimension.
    """

    log_likelihood: Tensor
    kl: Tensor

    @property
    def elbo(self) -> Tensor:
        """`(B,)`, the evidence lower bound `E[log p(x|z)] - KL`, by one sample."""
        return self.log_likelihood - self.kl.sum(1)


class ActiveUnits(CatMetric):
    """How many latent dimensions tell images apart (Burda et al., 2016): their means vary.

    Updated with the means (B, latent_dim) of posteriors.
    """

    def compute(self) -> Tensor:
        """The number of dimensions in which the means have a variance above `ACTIVE_VARIANCE`."""
        return (super().compute().var(0) > ACTIVE_VARIANCE).sum().float()


class VariationalAutoencoder(Autoencoder):
    """A Gaussian posterior over latents, and a decoder that gives a distribution over images.

    Minimises `-E[log p(x|z)] + beta * KL(q(z|x) || N(0, 1))` (Higgins et al., 2017, for beta other
    than 1). `encode` gives the posterior's mean, `decode` the likelihood's. With `num_classes`
    both networks see the label as well (Sohn et al., 2015): the encoder as a further channel, a
    learnt image a class, the decoder as further latent dimensions, one-hot.

    Args:
        channels: As for `ResidualEncoder`.
        blocks: As for `ResidualEncoder`.
        latent_dim: Dimensions of the latent.
        likelihood: Module from logits (B, C, H, W) to a distribution over images.
        beta: Weight of the KL divergence.
        warmup_epochs: Epochs in which beta grows from 0 to its value; 0 for none.
        free_bits: Nats of each latent dimension's KL, averaged over a batch, that cost nothing
            (Kingma et al., 2016).
        importance_samples: K of the importance-weighted bound, which the test measures.
        num_classes: Of the labels that the networks see; 0 for none.
        image_shape: `(C, H, W)` of the images.
        **training: As for `Training`.

    Raises:
        ValueError: If a number is out of its range, or as for `ResidualEncoder`.
    """

    def __init__(
        self,
        channels: Sequence[int],
        blocks: int,
        latent_dim: int,
        likelihood: nn.Module,
        image_shape: tuple[int, int, int],
        beta: float,
        warmup_epochs: int,
        free_bits: float,
        importance_samples: int,
        num_classes: int,
        **training: Unpack[Training],
    ) -> None:
        _check_least(0, beta=beta, warmup_epochs=warmup_epochs, free_bits=free_bits)
        _check_least(0, num_classes=num_classes)
        _check_least(1, importance_samples=importance_samples)
        # None has no meaning here: a posterior is of numbers, not of a feature map.
        if not is_count(latent_dim):
            raise ValueError(f"latent_dim must be a whole number > 0, got {latent_dim}")
        image_channels, height, width = image_shape
        seen = (image_channels + (num_classes > 0), height, width)
        encoder = ResidualEncoder(seen, channels, 2 * latent_dim, blocks)
        decoder = ResidualDecoder(image_shape, channels, latent_dim + num_classes, blocks)
        super().__init__(encoder, decoder, image_shape, (latent_dim,), **training)
        self.num_classes = num_classes
        self.label_images = nn.Embedding(num_classes, height * width) if num_classes else None
        self.likelihood = likelihood
        self.beta = beta
        self.warmup_epochs = warmup_epochs
        self.free_bits = free_bits
        self.importance_samples = importance_samples
        names = ("elbo", "reconstruction", "kl")
        self.val_metrics.add_metrics({name: MeanMetric() for name in names})
        self.test_metrics.add_metrics({name: MeanMetric() for name in (*names, "iwae")})
        self.test_metrics.add_metrics({"active_units": ActiveUnits()})

    @property
    def prior(self) -> Normal:  # type: ignore[override]  # it lies on the model's device
        """The standard normal distribution of one latent dimension."""
        zero = torch.zeros((), device=self.device)
        return Normal(zero, zero + 1, validate_args=False)

    def posterior(self, images: Tensor, labels: Tensor | None = None) -> Normal:
        """`q(z|x)` of images (B, C, H, W): a Gaussian of each dimension, (B, latent_dim)."""
        if self.label_images is not None:
            planes = self.label_images(_needed(labels)).view(-1, 1, *images.shape[2:])
            images = torch.cat([images, planes], 1)
        # A softplus instead of the usual exp(logvar / 2), which overflows at high learning rates.
        mean, raw_std = self.encoder(images).chunk(2, dim=1)
        return Normal(mean, F.softplus(raw_std) + _SMALLEST_STD, validate_args=False)

    def distribution(self, latent: Tensor, labels: Tensor | None = None) -> Distribution:
        """`p(x|z)` of latents (B, latent_dim): a distribution over images (B, C, H, W)."""
        if self.num_classes:
            one_hot = F.one_hot(_needed(labels), self.num_classes)
            latent = torch.cat([latent, one_hot.to(latent.dtype)], 1)
        found: Distribution = self.likelihood(self.decoder(latent))
        return found

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps images (B, C, H, W) to the means (B, latent_dim) of their posteriors."""
        return self.posterior(images, labels).mean

    def draw(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Draws latents (B, latent_dim) of images (B, C, H, W) from their posteriors."""
        drawn: Tensor = self.posterior(images, labels).sample()
        return drawn

    def decode(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps latents (B, latent_dim) to mean images (B, C, H, W) in [0, 1]."""
        return self.distribution(latent, labels).mean

    def sample(self, count: int, labels: Tensor | None = None) -> Tensor:
        """Mean images (count, C, H, W) of latents drawn from the prior, of the given labels."""
        return self.decode(self.prior.sample((count, self.latent_size)), labels)

    def terms(self, batch: Batch) -> Terms:
        """The terms of the bound for a batch, with one sample of each image's latent."""
        posterior = self.posterior(batch.corrupted, batch.labels)
        images = self.distribution(posterior.rsample(), batch.labels)
        return Terms(images.log_prob(batch.images), kl_divergence(posterior, self.prior))

    def importance_weighted_bound(self, batch: Batch, samples: int) -> Tensor:
        """`log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x)` of each image (B,), in nats.

        A lower bound of the log-likelihood, on average not below the ELBO, and tighter for more
        samples (Burda et al., 2016).
        """
        posterior = self.posterior(batch.corrupted, batch.labels)
        weights = []
        for _ in range(samples):
            latent = posterior.rsample()
            images = self.distribution(latent, batch.labels)
            ratio = self.prior.log_prob(latent) - posterior.log_prob(latent)
            weights.append(images.log_prob(batch.images) + ratio.sum(1))
        return torch.stack(weights).logsumexp(0) - math.log(samples)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Minus the bound of a batch, with beta and free bits; nats an image."""
        terms = self.terms(batch)
        reconstruction = -terms.log_likelihood.mean()
        # Of a batch, not of an image: a dimension may be busy for some images alone.
        kl = terms.kl.mean(0)
        loss = reconstruction + self._beta_now() * kl.clamp(min=self.free_bits).sum()
        logged = {"loss": loss, "reconstruction": reconstruction, "kl": kl.sum()}
        self.log_train(logged, len(batch.images), first=batch_idx == 0)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Updates the validation error and the terms of the bound."""
        super().validation_step(batch, batch_idx)
        _update(self.val_metrics, self.terms(batch))

    def validation_loss(self) -> Tensor:
        """Minus the bound of the whole validation split, with the final beta."""
        reconstruction, kl = (self.val_metrics[n].compute() for n in ("reconstruction", "kl"))
        loss: Tensor = reconstruction + self.beta * kl
        return loss

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Updates the test metrics, the terms of the bound, and the importance-weighted bound."""
        super().test_step(batch, batch_idx)
        _update(self.test_metrics, self.terms(batch))
        self.test_metrics["iwae"].update(
            self.importance_weighted_bound(batch, self.importance_samples)
        )
        self.test_metrics["active_units"].update(self.encode(batch.images, batch.labels))

    def _beta_now(self) -> float:
        if self.current_epoch >= self.warmup_epochs:
            return self.beta
        return self.beta * (self.current_epoch + 1) / (self.warmup_epochs + 1)


def _update(metrics: MetricCollection, terms: Terms) -> None:
    metrics["elbo"].update(terms.elbo)
    metrics["reconstruction"].update(-terms.log_likelihood)
    metrics["kl"].update(terms.kl.sum(1))


def _check_least(least: int, **values: float) -> None:
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")


def _needed(labels: Tensor | None) -> Tensor:
    if labels is None:
        raise ValueError("a conditional autoencoder needs the labels of the images")
    return labels
