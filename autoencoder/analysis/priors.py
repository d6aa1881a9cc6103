"""Priors: what latents are drawn from, fitted on the latents of training images.

An autoencoder that is trained without a prior generates from one that is fitted afterwards, and a
variational one often generates better from such a one than from its own, as the latents of its
images don't fill that (ex-post density estimation: Ghosh et al., 2020, "From Variational to
Deterministic Autoencoders").
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from autoencoder.analysis.arrays import Array, labels_of, points_of, subset
from autoencoder.analysis.pca import PrincipalComponents

Latents = NDArray[np.floating]
# So many latents `(n, D)` of one class, drawn with a generator.
Draw = Callable[[int, torch.Generator], Tensor]


class Prior(ABC):
    """A distribution over latents; one a class where it is fitted with labels.

    A prior is one method, `fitted`, and its name in words, `__str__`; its arguments are plain
    values, so that a file in `conf/prior` describes it.
    """

    def fit(self, latents: Latents, labels: NDArray[np.integer] | None = None) -> Self:
        """Fits it, or where there are labels one of it on the latents of each class.

        Args:
            latents: `(N, ...)` of training images.
            labels: `(N,)`, whole numbers from 0, where the decoder is told them.

        Raises:
            ValueError: If latents are not finite, or too few for this prior.
        """
        points = points_of(latents, "latents")
        if labels is None:
            self._draws = {0: self.fitted(points, 1)}
            self._labelled = False
            return self
        classes = labels_of(labels, len(points))
        found = np.unique(classes)
        self._draws = {int(k): self.fitted(points[classes == k], len(found)) for k in found}
        self._labelled = True
        return self

    def sample(self, n: int, generator: torch.Generator, labels: Tensor | None = None) -> Tensor:
        """Latents `(n, D)`, float32.

        Args:
            n: How many.
            generator: On the CPU; all that is random comes from it.
            labels: `(n,)`, the class of each; only where it was fitted with labels.

        Raises:
            ValueError: If there are labels and it was fitted without, or the other way round, or
                a class was not among those that it was fitted on.
        """
        if (labels is not None) != self._labelled:
            raise ValueError(f"fitted {'with' if self._labelled else 'without'} labels")
        if labels is None:
            return self._draws[0](n, generator).float()
        classes, place = labels.cpu().unique(return_inverse=True)
        if unknown := set(classes.tolist()) - self._draws.keys():
            raise ValueError(f"no latents of the classes {sorted(unknown)} to draw from")
        # Each class draws all of its latents at once, which are then put into their places.
        parts = [
            self._draws[int(k)](int((place == i).sum()), generator) for i, k in enumerate(classes)
        ]
        latents = torch.empty(n, parts[0].shape[1])
        latents[place.argsort(stable=True)] = torch.cat(parts).float()
        return latents

    @abstractmethod
    def fitted(self, points: Array, n_classes: int) -> Draw:
        """What draws from the distribution of latents `(N, D)`, which are those of one class.

        Args:
            points: Floating and finite.
            n_classes: How many such classes there are; 1 where there are no labels.
        """

    @abstractmethod
    def __str__(self) -> str:
        """What it is, in words that follow "of latents drawn from"."""


class StandardNormal(Prior):
    """The standard normal distribution, whatever the latents are."""

    def fitted(self, points: Array, n_classes: int) -> Draw:
        """What draws from it."""
        size = points.shape[1]
        return lambda n, generator: torch.randn(n, size, generator=generator)

    def __str__(self) -> str:
        return "a standard normal distribution"


class Gaussian(Prior):
    """One Gaussian with the mean and the full covariance of the latents, however dependent."""

    def fitted(self, points: Array, n_classes: int) -> Draw:
        """What draws from the Gaussian of these latents."""
        pca = PrincipalComponents.fit(points)
        mean = torch.from_numpy(pca.mean)
        factor = torch.from_numpy(np.sqrt(pca.variances)[:, None] * pca.components)

        def draw(n: int, generator: torch.Generator) -> Tensor:
            noise = torch.randn(n, len(factor), dtype=factor.dtype, generator=generator)
            return mean + noise @ factor

        return draw

    def __str__(self) -> str:
        return "a Gaussian with full covariance, fitted on the training latents"


class Mixture(Prior):
    """Gaussians with full covariances, by scikit-learn's expectation maximisation.

    It is fitted on the leading principal components of the latents, in units of the largest
    standard deviation; along the others, which vary least, the latents are one Gaussian. Without
    this, a mixture on a thousand numbers would have more parameters than there are numbers.

    Args:
        components: Gaussians, shared out equally among the classes where there are labels.
        dimensions: Principal components that they describe, at most.
        max_points: Latents that they are fitted on, at most; time grows with their number.
        tol: Gain of the mean log-likelihood, in nats, below which an iteration is the last.
        max_iter: Iterations at most.
        seed: Of the choice of latents, and of where the Gaussians start.
    """

    def __init__(
        self,
        components: int,
        dimensions: int,
        max_points: int,
        tol: float,
        max_iter: int,
        seed: int,
    ) -> None:
        self.components = components
        self.dimensions = dimensions
        self.max_points = max_points
        self.tol = tol
        self.max_iter = max_iter
        self.seed = seed

    def fitted(self, points: Array, n_classes: int) -> Draw:
        """What draws from the mixture of these latents."""
        pca = PrincipalComponents.fit(points)
        scale = np.sqrt(pca.variances[0]) or 1.0
        codes = pca.project(points, self.dimensions)[
            subset(len(points), self.max_points, self.seed)
        ]
        mixture = SklearnMixture(
            max(1, round(self.components / n_classes)),
            tol=self.tol,
            max_iter=self.max_iter,
            init_params="k-means++",
            random_state=self.seed,
        )
        with warnings.catch_warnings():
            # It may end by `max_iter`: the last iterations gain little.
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(codes / scale)
        weights = torch.from_numpy(mixture.weights_)
        means = torch.from_numpy(scale * mixture.means_)
        roots = torch.from_numpy(scale * np.linalg.cholesky(mixture.covariances_))
        rest = torch.from_numpy(np.sqrt(pca.variances[codes.shape[1] :]))
        basis, mean = torch.from_numpy(pca.components), torch.from_numpy(pca.mean)

        def draw(n: int, generator: torch.Generator) -> Tensor:
            if n == 0:
                return mean.new_empty(0, len(mean))
            chosen = torch.multinomial(weights, n, replacement=True, generator=generator)
            noise = torch.randn(n, len(basis), dtype=basis.dtype, generator=generator)
            leading, others = noise.split([means.shape[1], len(rest)], dim=1)
            # One component after the other: a matrix for each of the latents is much memory.
            drawn = torch.empty_like(leading)
            for k in chosen.unique().tolist():
                rows = chosen == k
                drawn[rows] = means[k] + leading[rows] @ roots[k].T
            return mean + torch.cat([drawn, others * rest], 1) @ basis

        return draw

    def __str__(self) -> str:
        return f"a mixture of {self.components} Gaussians, fitted on the training latents"


class Neighbours(Prior):
    """Points between a training latent and one of its nearest, as SMOTE draws them.

    It needs no fit, and stays where latents are, but what it decodes may be a training image.
    (Chawla et al., 2002, "SMOTE: Synthetic Minority Over-sampling Technique".)

    Args:
        k: Nearest training latents of each, one of which is drawn.
    """

    def __init__(self, k: int) -> None:
        self.k = k

    def fitted(self, points: Array, n_classes: int) -> Draw:
        """What draws between these latents."""
        if len(points) <= self.k:
            raise ValueError(f"{len(points)} latents have no {self.k} neighbours")
        latents = torch.from_numpy(points)
        # Itself is its own nearest.
        nearest = NearestNeighbors(n_neighbors=self.k + 1, algorithm="brute").fit(points)

        def draw(n: int, generator: torch.Generator) -> Tensor:
            if n == 0:
                return latents[:0]
            rows = torch.randint(len(latents), (n,), generator=generator)
            near = torch.from_numpy(nearest.kneighbors(points[rows.numpy()], return_distance=False))
            picked = torch.randint(1, self.k + 1, (n, 1), generator=generator)
            others = near.gather(1, picked).squeeze(1)
            share = torch.rand(n, 1, generator=generator)
            return latents[rows].lerp(latents[others], share.to(latents.dtype))

        return draw

    def __str__(self) -> str:
        return f"points between training latents and one of their {self.k} nearest"
