import pytest
import torch

from autoencoder.networks import ConvDecoder, ConvEncoder

KERNELS = (3, 2, 1)  # size, stride, padding
SHAPES = [(1, 28, 28), (3, 32, 32), (1, 17, 23), (2, 64, 48)]


@pytest.mark.parametrize("image_shape", SHAPES)
@pytest.mark.parametrize("channels", [[8], [16, 32, 64], [4, 4, 4, 4, 4]])
def test_decoder_restores_every_size(
    image_shape: tuple[int, int, int], channels: list[int]
) -> None:
    encoder = ConvEncoder(image_shape, channels, *KERNELS)
    decoder = ConvDecoder(image_shape, channels, *KERNELS)
    images = torch.rand(2, *image_shape)
    latent = encoder(images)
    assert latent.shape == (2, *encoder.latent_shape)
    reconstructions = decoder(latent)
    assert reconstructions.shape == images.shape
    assert reconstructions.min() >= 0
    assert reconstructions.max() <= 1


@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding"), [(3, 1, 1), (4, 2, 1), (5, 2, 2), (5, 3, 1), (2, 2, 0)]
)
def test_other_kernels(kernel_size: int, stride: int, padding: int) -> None:
    arguments = (1, 28, 28), [4, 8], kernel_size, stride, padding
    images = torch.rand(2, 1, 28, 28)
    assert ConvDecoder(*arguments)(ConvEncoder(*arguments)(images)).shape == images.shape


@pytest.mark.parametrize(
    ("channels", "latent_shape", "parameters"),
    [([16, 32, 64], (64, 4, 4), 46_529), ([16, 32, 64, 32], (32, 2, 2), 83_489)],
)
def test_the_networks_of_the_study(
    channels: list[int], latent_shape: tuple[int, int, int], parameters: int
) -> None:
    encoder = ConvEncoder((1, 28, 28), channels, *KERNELS)
    decoder = ConvDecoder((1, 28, 28), channels, *KERNELS)
    assert encoder.latent_shape == latent_shape
    count = sum(p.numel() for p in [*encoder.parameters(), *decoder.parameters()])
    assert count == parameters


@pytest.mark.parametrize("network", [ConvEncoder, ConvDecoder])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((1, 28, 28), [], *KERNELS), "channels"),
        (((1, 28, 28), [16, -3], *KERNELS), "channels"),
        (((1, 28, 28), [16, 2.5], *KERNELS), "channels"),
        (((1, 28, 28), [16], 0, 2, 1), "kernel_size"),
        (((1, 28, 28), [16, 32], 29, 2, 1), "layer 2 is too small"),
    ],
)
def test_bad_arguments_are_named(
    network: type, arguments: tuple[object, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        network(*arguments)


def test_encoder_names_the_shape_it_expects() -> None:
    with pytest.raises(ValueError, match=r"expected images \(B, \(1, 28, 28\)\)"):
        ConvEncoder((1, 28, 28), [4], *KERNELS)(torch.rand(2, 3, 28, 28))
