"""Callbacks: what a run shows and writes while it trains."""

from autoencoder.callbacks.epoch_seed import EpochSeed
from autoencoder.callbacks.finite_loss import FiniteLoss, NonFiniteLossError
from autoencoder.callbacks.history import History
from autoencoder.callbacks.hyperparameters import HyperParameters
from autoencoder.callbacks.latents import LatentMaps
from autoencoder.callbacks.mlflow import MLflow
from autoencoder.callbacks.progress import Progress
from autoencoder.callbacks.reconstructions import Reconstructions
from autoencoder.callbacks.samples import Samples
from autoencoder.callbacks.signals import KeepSignals
from autoencoder.callbacks.tensorboard import TensorBoard
from autoencoder.callbacks.trackers import TrackerError
from autoencoder.callbacks.wandb import Wandb

__all__ = [
    "EpochSeed",
    "FiniteLoss",
    "History",
    "HyperParameters",
    "KeepSignals",
    "LatentMaps",
    "MLflow",
    "NonFiniteLossError",
    "Progress",
    "Reconstructions",
    "Samples",
    "TensorBoard",
    "TrackerError",
    "Wandb",
]
