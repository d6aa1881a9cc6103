"""Encoders and decoders: plain modules, built from plain values."""

from autoencoder.networks.convolutional import ConvDecoder, ConvEncoder

__all__ = ["ConvDecoder", "ConvEncoder"]
