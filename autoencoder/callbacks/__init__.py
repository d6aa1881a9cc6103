"""Callbacks: what a run shows and writes while it trains."""

from autoencoder.callbacks.epoch_seed import EpochSeed
from autoencoder.callbacks.finite_loss import FiniteLoss, NonFiniteLossError
from autoencoder.callbacks.history import History
from autoencoder.callbacks.hyperparameters import HyperParameters
from autoencoder.callbacks.latents import LatentMaps
from autoencoder.callbacks.progress import Progress
from autoencoder.callbacks.reconstructions import Reconstructions
from autoencoder.callbacks.samples import Samples
from autoencoder.callbacks.signals import KeepSignals
from autoencoder.callbacks.tensorboard import TensorBoard

__all__ = [
    "EpochSeed",
    "FiniteLoss",
    "History",
    "HyperParameters",
    "KeepSignals",
    "LatentMaps",
    "NonFiniteLossError",
    "Progress",
    "Reconstructions",
    "Samples",
    "TensorBoard",
]
