"""Corruptions of images: modules from (B, C, H, W) to (B, C, H, W), fresh at every call.

All draw from torch's global generator of the images' device, so `torch.manual_seed` fixes them.
"""

import math
from collections.abc import Sequence
from typing import TypeGuard

import torch
from torch import Tensor, nn


class GaussianNoise(nn.Module):
    """Additive Gaussian noise, `x + std * n` with `n ~ N(0, 1)` independent for each pixel.

    Args:
        std: Standard deviation in units of the pixel range [0, 1]; a pair `(low, high)` draws one
            uniformly for each image.
        clip: Whether to clip the result to [0, 1], as a camera would.
    """

    def __init__(self, std: float | Sequence[float], clip: bool) -> None:
        super().__init__()
        low, high = std if isinstance(std, Sequence) and len(std) == 2 else (std, std)
        if not (_is_number(low) and _is_number(high) and 0 <= low <= high < math.inf):
            raise ValueError(
                f"noise.std must be a number >= 0 or a pair [low, high] of them, got {std!r}"
            )
        if not isinstance(clip, bool):
            raise ValueError(f"noise.clip must be true or false, got {clip!r}")
        self.low, self.high, self.clip = low, high, clip

    def forward(self, images: Tensor) -> Tensor:
        """Corrupts images (B, C, H, W) in [0, 1]."""
        std: float | Tensor = self.low
        if self.low < self.high:
            std = torch.empty(len(images), 1, 1, 1, device=images.device)
            std.uniform_(self.low, self.high)
        corrupted = images + std * torch.randn_like(images)
        return corrupted.clamp_(0, 1) if self.clip else corrupted

    def extra_repr(self) -> str:  # noqa: D102
        std = self.low if self.low == self.high else [self.low, self.high]
        return f"std={std}, clip={self.clip}"


class SaltAndPepperNoise(nn.Module):
    """Impulse noise: a pixel becomes 0 or 1, each with probability `amount / 2`.

    Args:
        amount: Expected share of the pixels that are replaced, in [0, 1].
    """

    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = _share("amount", amount)

    def forward(self, images: Tensor) -> Tensor:
        """Corrupts images (B, C, H, W); all channels of a pixel share its fate."""
        draw = torch.rand_like(images[:, :1])
        corrupted = torch.where(draw < self.amount / 2, 0.0, images)
        return torch.where(draw > 1 - self.amount / 2, 1.0, corrupted)

    def extra_repr(self) -> str:  # noqa: D102
        return f"amount={self.amount}"


class MaskingNoise(nn.Module):
    """Masking noise: a pixel becomes 0 with probability `ratio` (Vincent et al., 2010).

    Args:
        ratio: Expected share of the pixels that are masked, in [0, 1].
    """

    def __init__(self, ratio: float) -> None:
        super().__init__()
        self.ratio = _share("ratio", ratio)

    def forward(self, images: Tensor) -> Tensor:
        """Corrupts images (B, C, H, W); all channels of a pixel share its fate."""
        return images * (torch.rand_like(images[:, :1]) >= self.ratio)

    def extra_repr(self) -> str:  # noqa: D102
        return f"ratio={self.ratio}"


def _share(name: str, value: float) -> float:
    if not _is_number(value) or not 0 <= value <= 1:
        raise ValueError(f"noise.{name} must be a number in [0, 1], got {value!r}")
    return value


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
