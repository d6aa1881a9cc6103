import pytest
import torch
from torch import nn

from autoencoder.networks import Parts, ResidualDecoder, ResidualEncoder
from autoencoder.networks.residual import ContextBlock, ResidualBlock


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


OFF = [
    Parts(activation="relu"),
    Parts(activation="gelu"),
    Parts(normalized=False),
    Parts(upsampling="nearest"),
    Parts("relu", False, "nearest"),
]


@pytest.mark.parametrize("parts", OFF, ids=str)
@pytest.mark.parametrize("image_shape", [(1, 28, 28), (3, 17, 23)])
def test_other_parts_make_networks_of_the_same_shapes(
    parts: Parts, image_shape: tuple[int, int, int]
) -> None:
    encoder = ResidualEncoder(image_shape, [4, 8], 5, 1, 3, parts)
    decoder = ResidualDecoder(image_shape, [4, 8], 5, 1, 3, parts)
    logits = decoder(encoder(torch.rand(4, *image_shape)))
    assert logits.shape == (4, *image_shape)
    logits.square().sum().backward()
    # The first layers of a block start behind weights of 0.
    assert all(p.grad is not None for p in [*encoder.parameters(), *decoder.parameters()])


@pytest.mark.parametrize("parts", OFF, ids=str)
def test_a_part_that_is_left_out_is_nowhere(parts: Parts) -> None:
    networks = [network((1, 28, 28), [4, 8], 5, 1, 3, parts) for network in (
        ResidualEncoder, ResidualDecoder)]  # fmt: skip
    kinds = {type(layer) for network in networks for layer in network.modules()}
    names = {"silu": nn.SiLU, "relu": nn.ReLU, "gelu": nn.GELU}
    assert kinds & set(names.values()) == {names[parts.activation]}
    assert (nn.BatchNorm2d in kinds) == parts.normalized
    assert (nn.ConvTranspose2d in kinds) == (parts.upsampling == "transposed")
    assert (nn.Upsample in kinds) == (parts.upsampling == "nearest")
    if not parts.normalized:  # what shifts the features otherwise
        first = next(layer for layer in networks[0].modules() if isinstance(layer, nn.Conv2d))
        assert first.bias is not None


def test_without_normalisation_a_block_starts_as_its_activation_too() -> None:
    features = torch.randn(4, 8, 3, 3)
    block = ResidualBlock(8, Parts(normalized=False))
    assert torch.equal(block(features), nn.functional.silu(features))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"activation": "tanh"}, "activation must be silu, relu or gelu, got tanh"),
        ({"upsampling": "cubic"}, "upsampling must be transposed or nearest, got cubic"),
    ],
)
def test_unknown_parts_are_refused(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Parts(**wrong)  # type: ignore[arg-type]
