"""Models: LightningModules that own the step, the loss and the optimiser."""

from autoencoder.models.autoencoder import Autoencoder
from autoencoder.models.convolutional import ConvAutoencoder

__all__ = ["Autoencoder", "ConvAutoencoder"]
