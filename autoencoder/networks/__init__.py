"""Encoders and decoders: plain modules, built from plain values."""

from autoencoder.networks.bottleneck import BottleneckDecoder, BottleneckEncoder
from autoencoder.networks.convolutional import ConvDecoder, ConvEncoder

__all__ = ["BottleneckDecoder", "BottleneckEncoder", "ConvDecoder", "ConvEncoder"]
