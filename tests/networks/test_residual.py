import pytest
import torch

from autoencoder.networks import ResidualDecoder, ResidualEncoder
from autoencoder.networks.residual import ContextBlock


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


@pytest.mark.parametrize("value", [-1, 1.5, True])
@pytest.mark.parametrize("name", ["blocks", "context"])
def test_counts_must_be_whole(name: str, value: int) -> None:
    for network in (ResidualEncoder, ResidualDecoder):
        with pytest.raises(ValueError, match=f"{name} must be a whole number >= 0"):
            network((1, 28, 28), [8], 4, **{"blocks": 1, name: value})


def test_context_needs_a_residual_block() -> None:
    with pytest.raises(ValueError, match="context=8 needs blocks of at least 1, got 0"):
        ResidualEncoder((1, 28, 28), [8], None, blocks=0, context=8)


def test_with_context_each_position_sees_all_others() -> None:
    torch.manual_seed(0)
    block = ContextBlock((8, 9, 9), 16).eval()
    torch.nn.init.ones_(block.expand[-1].weight)
    features = torch.randn(1, 8, 9, 9, requires_grad=True)
    block(features)[0, :, 0, 0].sum().backward()
    assert features.grad is not None
    assert (features.grad[0].abs().sum(0) > 0).all()


def test_a_context_block_starts_as_the_identity() -> None:
    features = torch.randn(4, 8, 3, 3)
    assert torch.equal(ContextBlock((8, 3, 3), 16)(features), features)
