"""Models: LightningModules that own the step, the loss and the optimiser.

A model takes built networks, modules and plain values; what describes it is in `conf/model`.
"""

from autoencoder.models.autoencoder import Autoencoder
from autoencoder.models.convolutional import ConvAutoencoder
from autoencoder.models.residual import ResidualAutoencoder
from autoencoder.models.variational import VariationalAutoencoder

__all__ = [
    "Autoencoder",
    "ConvAutoencoder",
    "ResidualAutoencoder",
    "VariationalAutoencoder",
]
