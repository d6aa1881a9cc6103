"""A prior over codes, for latents that are made of the vectors of a codebook."""

from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import softmax
from torch import Tensor

from autoencoder.analysis.arrays import Array, subset
from autoencoder.analysis.priors import Draw, Gaussian, Latents, Prior

# Of a component's shares of codes: those of all latents, so that none is 0 where one was seen.
_OF_ALL = 1.0
# Codes of a codebook that is met in fewer vectors than this many times its size are no codes.
_LEAST_USE = 2


class Codes(Prior):
    """Components, in each of which the code of every position is drawn for itself.

    `p(c) = sum_k w_k prod_i p_ki(c_i)` of the codes c_i at the positions i, fitted by expectation
    maximisation: latent class analysis (Lazarsfeld & Henry, 1968), which is for codes what a
    mixture of Gaussians is for numbers. With one component the codes are independent.

    It wants latents `(N, ..., code_dim)` of vectors out of a codebook, and finds that by itself.

    Args:
        components: Shared out equally among the classes where there are labels.
        max_points: Latents that they are fitted on, at most.
        max_iter: Iterations.
        seed: Of the choice of latents, and of where the components start.
    """

    def __init__(self, components: int, max_points: int, max_iter: int, seed: int) -> None:
        self.components = components
        self.max_points = max_points
        self.max_iter = max_iter
        self.seed = seed

    def fit(self, latents: Latents, labels: NDArray[np.integer] | None = None) -> Self:
        """Fits it, or where there are labels one of it on the latents of each class.

        Args:
            latents: `(N, ..., code_dim)`.
            labels: As for `Prior`.

        Raises:
            ValueError: If latents are not finite, or not of codes.
        """
        self._code_dim = np.shape(latents)[-1]
        return super().fit(latents, labels)

    def fitted(self, points: Array, n_classes: int) -> Draw:
        """What draws from the components of these latents."""
        points = points[subset(len(points), self.max_points, self.seed)]
        vectors = points.reshape(-1, self._code_dim)
        codebook, flat = np.unique(vectors, axis=0, return_inverse=True)
        if len(vectors) < _LEAST_USE * len(codebook):
            raise ValueError(f"{len(codebook)} different vectors among {len(vectors)} are no codes")
        codes = flat.reshape(len(points), -1)
        components = min(max(1, round(self.components / n_classes)), len(points))
        weights, shares = _components(codes, len(codebook), components, self.max_iter, self.seed)
        chances, values = torch.from_numpy(weights), torch.from_numpy(codebook)
        # At each position, where the chances of the codes up to this one end.
        ends = torch.from_numpy(np.ascontiguousarray(shares.cumsum(2)))

        def draw(n: int, generator: torch.Generator) -> Tensor:
            chosen = torch.zeros(n, dtype=torch.int64)
            if n and len(chances) > 1:
                chosen = torch.multinomial(chances, n, replacement=True, generator=generator)
            heights = torch.rand(n, ends.shape[1], 1, dtype=ends.dtype, generator=generator)
            drawn = torch.empty(n, ends.shape[1], dtype=torch.int64)
            # One component after the other: the chances of each of the latents are much memory.
            for k in chosen.unique().tolist():
                rows = chosen == k
                within = heights[rows] * ends[k, :, -1:]
                places = torch.searchsorted(
                    ends[k], within.transpose(0, 1).squeeze(2).contiguous(), right=True
                )
                drawn[rows] = places.T.clamp(max=len(values) - 1)
            return values[drawn].flatten(1)

        return draw

    def __str__(self) -> str:
        if self.components == 1:
            return "independent codes at each position, as often as in the training latents"
        return (
            f"a mixture of {self.components} distributions of independent codes, fitted on the "
            "training latents"
        )


def usual(discrete: bool) -> Prior:
    """What a model without a prior generates from: a Gaussian, or a mixture for codes.

    As in `conf/prior`. Independent codes make no garments.
    """
    return Codes(500, max_points=20_000, max_iter=20, seed=0) if discrete else Gaussian()


def _components(
    codes: Array, n_codes: int, components: int, max_iter: int, seed: int
) -> tuple[Array, Array]:
    """Weights `(components,)` and shares of the codes `(components, positions, n_codes)`.

    Args:
        codes: `(N, positions)`.
        n_codes: How many there are.
        components: At most N.
        max_iter: Iterations.
        seed: Of where they start: at one latent each.
    """
    n_points, positions = codes.shape
    columns = (codes + np.arange(positions) * n_codes).ravel()
    rows = np.arange(0, codes.size + 1, positions)
    one_hot = csr_array((np.ones(codes.size), columns, rows), shape=(n_points, positions * n_codes))
    of_all = one_hot.sum(axis=0) / n_points
    if components == 1:
        return np.ones(1), of_all.reshape(1, positions, n_codes)
    starts = np.random.default_rng(seed).choice(n_points, components, replace=False)
    counts, members = one_hot[starts].toarray(), np.ones(components)
    for _ in range(max_iter):
        shares = (counts + _OF_ALL * of_all) / (members + _OF_ALL)[:, None]
        with np.errstate(divide="ignore"):
            # A code that no latent has at a position has no chance there, and is never asked for.
            logs = np.log(shares, where=of_all > 0, out=np.zeros_like(shares))
        belongs = softmax(one_hot @ logs.T + np.log(members / members.sum()), axis=1)
        members = belongs.sum(axis=0) + np.finfo(float).tiny
        counts = (one_hot.T @ belongs).T
    shares = (counts + _OF_ALL * of_all) / (members + _OF_ALL)[:, None]
    return members / members.sum(), shares.reshape(components, positions, n_codes)
