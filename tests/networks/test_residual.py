import pytest
import torch

from autoencoder.networks import ResidualDecoder, ResidualEncoder


@pytest.mark.parametrize("image_shape", [(1, 28, 28), (3, 32, 32), (1, 17, 23), (2, 64, 48)])
@pytest.mark.parametrize("channels", [[8], [8, 16], [4, 4, 4, 4]])
def test_decoder_restores_every_size(
    image_shape: tuple[int, int, int], channels: list[int]
) -> None:
    latent = ResidualEncoder(image_shape, channels, 5)(torch.rand(2, *image_shape))
    assert latent.shape == (2, 5)
    logits = ResidualDecoder(image_shape, channels, 5)(latent)
    assert logits.shape == (2, *image_shape)
    # Not behind an activation or a normalisation, which would bound or centre them.
    assert logits.min() < 0 < logits.max()


def test_no_pixel_of_the_decoder_is_left_out() -> None:
    # Where an odd side is cut, the last row and column must still depend on the latent.
    decoder = ResidualDecoder((1, 7, 5), [8, 8], 4)
    assert (decoder(torch.randn(64, 4)).std(0) > 1e-3).all()


@pytest.mark.parametrize("numbers", [0, -3, 2.5, True])
def test_sizes_must_be_whole(numbers: int) -> None:
    with pytest.raises(ValueError, match="latent_dim must be a whole number > 0"):
        ResidualEncoder((1, 28, 28), [8], numbers)
    with pytest.raises(ValueError, match="latent_dim must be a whole number > 0"):
        ResidualDecoder((1, 28, 28), [8], numbers)


def test_channels_must_be_whole() -> None:
    with pytest.raises(ValueError, match="channels must be a list of whole numbers"):
        ResidualEncoder((1, 28, 28), [], 4)
