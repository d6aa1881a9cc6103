"""Images: where they come from, how they are split and corrupted, as LightningDataModules.

Tensors in, batches out; no network and no metric is known here.
"""

from autoencoder.data.module import (
    KMNIST,
    MNIST,
    FashionMNIST,
    ImageDataModule,
    SyntheticGarments,
)
from autoencoder.data.split import Batch, Split, in_batches, to_float

__all__ = [
    "KMNIST",
    "MNIST",
    "Batch",
    "FashionMNIST",
    "ImageDataModule",
    "Split",
    "SyntheticGarments",
    "in_batches",
    "to_float",
]
