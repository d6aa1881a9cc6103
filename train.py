"""Trains an autoencoder: `python train.py model=compact4layer noise=gaussian`."""

from autoencoder.cli import train

if __name__ == "__main__":
    train()
