"""Images: where they come from, in memory, as a LightningDataModule."""

from autoencoder.data.module import (
    KMNIST,
    MNIST,
    Batch,
    FashionMNIST,
    ImageDataModule,
    SyntheticGarments,
)

__all__ = ["KMNIST", "MNIST", "Batch", "FashionMNIST", "ImageDataModule", "SyntheticGarments"]
