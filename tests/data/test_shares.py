import pytest
import torch

from autoencoder.data.shares import count_of, drawn_order

LABELS = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)


@pytest.mark.parametrize("stratified", [True, False])
def test_is_a_permutation_of_the_seed(stratified: bool) -> None:
    order = drawn_order(LABELS, 3, stratified)
    assert order.sort().values.equal(torch.arange(100))
    assert order.equal(drawn_order(LABELS, 3, stratified))
    assert not order.equal(drawn_order(LABELS, 4, stratified))


@pytest.mark.parametrize("count", [10, 20, 50, 90])
def test_any_number_of_first_images_has_the_classes_in_proportion(count: int) -> None:
    found = LABELS[drawn_order(LABELS, 0, stratified=True)[:count]].bincount(minlength=3)
    expected = torch.tensor([0.6, 0.3, 0.1]) * count
    assert (found - expected).abs().max() <= 1


def test_unstratified_it_is_the_permutation_of_every_data_set() -> None:
    expected = torch.randperm(100, generator=torch.Generator().manual_seed(5))
    assert drawn_order(LABELS, 5, stratified=False).equal(expected)


@pytest.mark.parametrize(("share", "count"), [(0.1, 10), (0.25, 25), (0.001, 1), (7, 7), (99, 99)])
def test_count(share: float, count: int) -> None:
    assert count_of("val_size", share, 100) == count


@pytest.mark.parametrize("share", [0, -1, 1.5, True, "half", 100, 0.9999])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"data\.val_size"):
        count_of("val_size", share, 100)
