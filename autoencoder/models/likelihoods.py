"""Likelihoods: what a decoder's output says of the probability of an image.

Each module maps a decoder's logits (B, C, H, W) to a distribution over images (B, C, H, W), whose
mean is `sigmoid(logits)` and whose `log_prob` is in nats an image, summed over the pixels.
"""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal


class GaussianLikelihood(nn.Module):
    """Pixels with Gaussian noise of one standard deviation, `p(x|z) = N(x; sigmoid(logits), std)`.

    A learnt standard deviation balances the reconstruction against the KL divergence by itself
    (Rybkin et al., 2021, "Simple and Effective VAE Training with Calibrated Decoders").

    Args:
        std: Standard deviation of a pixel, in units of the pixel range [0, 1].
        learnt: Whether it is trained with the network; `std` is then where it starts.

    Raises:
        ValueError: If `std` is not positive.
    """

    def __init__(self, std: float, learnt: bool) -> None:
        super().__init__()
        if not std > 0:
            raise ValueError(f"the likelihood's std must be a number > 0, got {std}")
        self.log_std: Tensor
        start = torch.tensor(math.log(std))
        if learnt:
            self.log_std = nn.Parameter(start)
        else:
            self.register_buffer("log_std", start)

    def forward(self, logits: Tensor) -> Distribution:
        """The distribution of images of which a decoder gave these logits."""
        return Independent(
            Normal(logits.sigmoid(), self.log_std.exp(), validate_args=False),
            3,
            validate_args=False,
        )


class BernoulliLikelihood(nn.Module):
    """Pixels that are on with probability `sigmoid(logits)`.

    Grey pixels count as the probability of being on, so `log_prob` is minus the cross-entropy. It
    is that of a distribution over binary images only: over grey ones it does not integrate to 1
    (Loaiza-Ganem & Cunningham, 2019), and can't be compared with that of a Gaussian.
    """

    def forward(self, logits: Tensor) -> Distribution:
        """The distribution of images of which a decoder gave these logits."""
        return Independent(Bernoulli(logits=logits, validate_args=False), 3, validate_args=False)
