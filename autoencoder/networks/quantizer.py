"""A vector quantiser: a codebook that follows the vectors that it stands for."""

import math
from typing import NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from autoencoder.networks.convolutional import is_count


class Quantized(NamedTuple):
    """What a quantiser makes of vectors.

    Attributes:
        quantized: `(..., code_dim)`, the nearest code in the place of each vector. Its gradient
            goes on to the vectors as if they were the same (straight through).
        indices: `(...)`, which code of the codebook that is.
        loss: Scalar, the mean squared distance of the vectors from their codes, which draws the
            vectors to the codes ("commitment").
    """

    quantized: Tensor
    indices: Tensor
    loss: Tensor


class VectorQuantizer(nn.Module):
    """Puts in the place of each vector the nearest of a codebook (van den Oord et al., 2017).

    The codebook has no gradient. In training it follows the vectors by moving averages (their
    appendix A.1): of a batch with `n_i` vectors `z` nearest to code `e_i`,

        N_i = decay * N_i + (1 - decay) * n_i
        m_i = decay * m_i + (1 - decay) * sum of these z
        e_i = m_i / N_i

    A code that stands for hardly any vectors begins anew as a random vector of the batch (Dhariwal
    et al., 2020, "Jukebox"): of the first batch, all do. In several processes the sums are those
    of all, and the new vectors those of the first, so that all have one codebook.

    Args:
        codes: How many there are.
        code_dim: Numbers of a vector.
        decay: Of the moving averages, a batch.
        dead_below: Share of an even use of all codes below which one begins anew.

    Attributes:
        codebook: `(codes, code_dim)`, state of the module.

    Raises:
        ValueError: If a number is out of its range.
    """

    def __init__(self, codes: int, code_dim: int, decay: float, dead_below: float) -> None:
        for name, value in {"codes": codes, "code_dim": code_dim}.items():
            if not is_count(value):
                raise ValueError(f"{name} must be a whole number > 0, got {value}")
        for name, share in {"decay": decay, "dead_below": dead_below}.items():
            if not 0 < share < 1:
                raise ValueError(f"{name} must be between 0 and 1, got {share}")
        super().__init__()
        self.codes = codes
        self.decay = decay
        self.dead_below = dead_below
        self.codebook: Tensor
        self.register_buffer("codebook", (2 * torch.rand(codes, code_dim) - 1) / codes)
        # N and m of the moving averages.
        self.uses: Tensor
        self.register_buffer("uses", torch.zeros(codes))
        self.sums: Tensor
        self.register_buffer("sums", torch.zeros(codes, code_dim))

    def nearest(self, vectors: Tensor) -> Tensor:
        """Indices `(...)` of the codes that are nearest to vectors `(..., code_dim)`."""
        flat = vectors.flatten(0, -2)
        # The squared distance but for the vector's own square, which is the same for all codes.
        distances = torch.addmm(
            self.codebook.square().sum(1), flat.to(self.codebook.dtype), self.codebook.T, alpha=-2
        )
        return distances.argmin(1).view(vectors.shape[:-1])

    def forward(self, vectors: Tensor) -> Quantized:
        """Quantises vectors `(..., code_dim)`; in training, the codebook then follows them."""
        flat = vectors.detach().flatten(0, -2).to(self.codebook.dtype)
        if self.training:
            self._restart(flat)
        indices = self.nearest(vectors.detach())
        chosen = F.embedding(indices, self.codebook)
        if self.training:
            self._follow(flat, indices.flatten())
        # The difference is 0, so that what comes out are codes to the last bit.
        quantized = chosen + (vectors - vectors.detach())
        return Quantized(quantized, indices, F.mse_loss(vectors, chosen))

    @torch.no_grad()
    def _restart(self, vectors: Tensor) -> None:
        """Codes that are hardly used become vectors (n, code_dim) of a batch, with an even use."""
        even = len(vectors) * _processes() / self.codes
        drawn = vectors[torch.randint(len(vectors), (self.codes,), device=vectors.device)]
        if _processes() > 1:
            dist.broadcast(drawn, src=0)
        dead = self.uses < self.dead_below * even
        self.uses.masked_fill_(dead, even)
        self.codebook.copy_(torch.where(dead[:, None], drawn, self.codebook))
        self.sums.copy_(torch.where(dead[:, None], drawn * even, self.sums))

    @torch.no_grad()
    def _follow(self, vectors: Tensor, indices: Tensor) -> None:
        """The step of the moving averages."""
        # A product, as sums by index have no fixed order on a GPU.
        one_hot = F.one_hot(indices, self.codes).to(vectors.dtype)
        uses, sums = one_hot.sum(0), one_hot.T @ vectors
        if _processes() > 1:
            dist.all_reduce(uses)
            dist.all_reduce(sums)
        self.uses.lerp_(uses, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        self.codebook.copy_(self.sums / self.uses[:, None])

    def extra_repr(self) -> str:
        """What printing it says."""
        bits = math.log2(self.codes)
        return f"{self.codes} codes of {self.codebook.shape[1]} numbers, {bits:.3g} bits each"


def _processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
