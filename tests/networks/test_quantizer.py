"""The codebook: nearest codes, the gradient past them, and how it follows the vectors."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.multiprocessing as mp
from torch import Tensor

from autoencoder.networks.quantizer import VectorQuantizer


def made(codebook: Tensor, **changed: Any) -> VectorQuantizer:
    """A quantiser with this codebook, each code of which was used ten times a batch."""
    values = {"decay": 0.75, "dead_below": 0.01} | changed
    quantizer = VectorQuantizer(*codebook.shape, **values)
    quantizer.codebook.copy_(codebook)
    quantizer.uses.fill_(10)
    quantizer.sums.copy_(10 * codebook)
    return quantizer


def test_each_vector_becomes_its_nearest_code() -> None:
    torch.manual_seed(0)
    codebook, vectors = torch.randn(9, 4), torch.randn(2, 5, 3, 4)
    quantized, indices, loss = made(codebook).eval()(vectors)
    expected = torch.cdist(vectors.view(-1, 4), codebook).argmin(1).view(2, 5, 3)
    assert torch.equal(indices, expected)
    assert torch.equal(quantized, codebook[expected])  # to the last bit
    assert loss.item() == pytest.approx((vectors - quantized).square().mean().item())


def test_the_gradient_goes_straight_through_and_to_the_code() -> None:
    vectors = torch.tensor([[0.9, 0.0], [0.0, 1.2]], requires_grad=True)
    quantized, _, loss = made(torch.eye(2)).eval()(vectors)
    weights = torch.tensor([[2.0, 3.0], [5.0, 7.0]])
    (gradient,) = torch.autograd.grad((weights * quantized).sum(), vectors)
    assert torch.equal(gradient, weights)
    (drawn,) = torch.autograd.grad(loss, vectors)
    assert torch.allclose(drawn, (vectors - torch.eye(2)).detach() * 2 / 4)


def test_the_codebook_follows_as_the_appendix_says() -> None:
    quantizer = made(torch.tensor([[0.0], [10.0]]))
    quantizer(torch.tensor([[1.0], [2.0], [12.0]]))
    uses = [0.75 * 10 + 0.25 * 2, 0.75 * 10 + 0.25 * 1]
    sums = [0.75 * 0 + 0.25 * 3, 0.75 * 100 + 0.25 * 12]
    assert quantizer.uses.tolist() == pytest.approx(uses)
    expected = [m / n for m, n in zip(sums, uses, strict=True)]
    assert quantizer.codebook.flatten().tolist() == pytest.approx(expected)


def test_it_follows_in_training_alone() -> None:
    quantizer = made(torch.tensor([[0.0], [10.0]])).eval()
    before = {name: value.clone() for name, value in quantizer.state_dict().items()}
    quantizer(torch.rand(50, 1))
    assert all(torch.equal(before[name], value) for name, value in quantizer.state_dict().items())
    assert not list(quantizer.parameters())
    assert set(before) == {"codebook", "uses", "sums"}


def test_the_first_batch_makes_the_codebook() -> None:
    torch.manual_seed(0)
    quantizer = VectorQuantizer(8, 2, decay=0.9, dead_below=0.1)
    vectors = torch.randn(400, 2) + 50
    before = vectors.square().mean()
    quantized, indices, _ = quantizer(vectors)
    assert (quantized - vectors).square().mean() < before / 1000
    assert len(indices.unique()) == 8


def test_a_code_that_nothing_is_near_begins_anew() -> None:
    torch.manual_seed(0)
    quantizer = made(torch.tensor([[0.0], [1.0], [1000.0]]), decay=0.5, dead_below=0.1)
    for _ in range(20):
        quantizer(torch.rand(30, 1))
    assert quantizer.codebook.max() <= 1
    assert quantizer.uses.min() > 0.1 * 10 / 4


def test_a_code_that_is_used_stays() -> None:
    quantizer = made(torch.tensor([[0.0], [1.0]]), dead_below=0.5)
    for _ in range(20):
        quantizer(torch.tensor([[0.0], [0.0], [1.0]]))  # two thirds of an even use
    assert quantizer.codebook.flatten().tolist() == pytest.approx([0, 1])


def test_error_falls_with_the_number_of_codes() -> None:
    errors = []
    for codes in (2, 8, 32):
        torch.manual_seed(0)
        quantizer = VectorQuantizer(codes, 2, decay=0.8, dead_below=0.1)
        for _ in range(40):
            quantizer(torch.randn(256, 2))
        errors.append(quantizer.eval()(torch.randn(2000, 2)).loss.item())
    assert all(before > 2 * after for before, after in pairwise(errors))
    # Lloyd's best for two codes: a plane cut in two halves, 1 - 1 / pi of the variance is left.
    assert errors[0] == pytest.approx(1 - 1 / math.pi, rel=0.1)


def _follow(rank: int, address: str, folder: str) -> None:
    torch.distributed.init_process_group("gloo", address, world_size=2, rank=rank)
    torch.manual_seed(rank)
    quantizer = VectorQuantizer(4, 2, decay=0.9, dead_below=0.1)
    for _ in range(3):
        quantizer(torch.randn(20, 2) + 10 * rank)
    torch.save(quantizer.state_dict(), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_have_one_codebook(tmp_path: Any) -> None:
    arguments = f"file://{tmp_path}/meeting", str(tmp_path)
    mp.spawn(_follow, arguments, nprocs=2)  # type: ignore[no-untyped-call]
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(one[name], other[name]) for name in one)
    # The vectors of the second are far from those of the first, and are followed as well.
    assert one["codebook"].max() > 2.5
    assert one["uses"].sum().item() == pytest.approx(40)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"codes": 0}, "codes must be a whole number > 0, got 0"),
        ({"code_dim": 2.5}, "code_dim must be a whole number > 0, got 2.5"),
        ({"decay": 1.0}, "decay must be between 0 and 1, got 1"),
        ({"dead_below": 0}, "dead_below must be between 0 and 1, got 0"),
    ],
)
def test_bad_values_are_named(changed: dict[str, Any], said: str) -> None:
    values: dict[str, Any] = {"codes": 4, "code_dim": 2, "decay": 0.9, "dead_below": 0.1}
    with pytest.raises(ValueError, match=said):
        VectorQuantizer(**values | changed)
