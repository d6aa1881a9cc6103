"""Which images are held out: drawn from a seed, each class in proportion where that is wanted."""

import torch
from torch import Tensor


def drawn_order(labels: Tensor, seed: int, stratified: bool) -> Tensor:
    """A permutation whose first images, however many, are a random choice.

    Args:
        labels: `(N,)`.
        seed: The same seed gives the same permutation.
        stratified: Whether any number of first images has the classes in the proportions of all.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    if not stratified:
        return order
    # How far through its own class each image comes, in (0, 1).
    through = torch.empty(len(labels), dtype=torch.float64)
    of_order = labels[order]
    for label in labels.unique():
        rows = (of_order == label).nonzero()[:, 0]
        through[rows] = (torch.arange(len(rows), dtype=torch.float64) + 0.5) / len(rows)
    return order[torch.argsort(through, stable=True)]


def count_of(key: str, share: float, n_images: int) -> int:
    """How many images a share is, or a number of them.

    Raises:
        ValueError: Which names the key, if it is neither, or leaves nothing.
    """
    is_number = isinstance(share, int | float) and not isinstance(share, bool)
    if not is_number or not (0 < share < 1 or (share >= 1 and share == int(share))):
        raise ValueError(
            f"data.{key} must be a share in (0, 1) or a whole number >= 1, got {share!r}"
        )
    count = max(1, round(share * n_images)) if share < 1 else int(share)
    if count >= n_images:
        raise ValueError(f"data.{key}={share} leaves no training image of {n_images:,}")
    return count
