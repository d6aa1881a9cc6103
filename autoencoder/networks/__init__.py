"""Encoders and decoders: plain modules, built from plain values."""

from autoencoder.networks.convolutional import ConvDecoder, ConvEncoder
from autoencoder.networks.residual import Parts, ResidualDecoder, ResidualEncoder

__all__ = ["ConvDecoder", "ConvEncoder", "Parts", "ResidualDecoder", "ResidualEncoder"]
