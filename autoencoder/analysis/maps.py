"""Maps of latents to two dimensions.

Both raise ValueError for latents that are empty, hold NaN or infinity, or have no axis besides
that of the points.
"""

import numpy as np
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from autoencoder.analysis.arrays import Array, points_of, subset
from autoencoder.analysis.pca import PrincipalComponents

# Iterations of t-SNE, the first 250 of them with exaggerated forces, and how coarsely it sums up
# what is far away. On 3,000 test images the trustworthiness (15 neighbours) is .986 for any of 500,
# 750 and 1000 iterations and angles of .5, .7 and .9, at a third of the time of scikit-learn's
# defaults (`benchmarks/tsne.py`).
_ITERATIONS, _ANGLE = 500, 0.7


def pca_map(latents: Array, *, pca: PrincipalComponents | None = None) -> Array:
    """Latents `(N, ...)` on their first two principal components: `(N, 2)`.

    The second column is 0 where there is but one dimension, both where there is but one point.

    Args:
        latents: `(N, ...)`.
        pca: Their components, where they are known already.

    Example:
        >>> pca_map(np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 3.0], [0.0, 0.0, 8.0]])).round(6)
        array([[-3.,  0.],
               [-1.,  0.],
               [ 4.,  0.]])
    """
    codes = (pca or PrincipalComponents.fit(latents)).project(latents, 2)
    return np.pad(codes, ((0, 0), (0, 2 - codes.shape[1])))


def tsne_map(
    latents: Array,
    *,
    seed: int = 0,
    max_points: int = 3000,
    perplexity: float = 30.0,
    pca: PrincipalComponents | None = None,
) -> tuple[Array, Array]:
    """t-SNE map of a random subset of the latents: indices `(n,)`, rising, coordinates `(n, 2)`.

    Latents go to 50 principal components first, and start from the first two of them, which keeps
    the global arrangement (Kobak and Berens, 2019). A constant latent maps to zeros. It is computed
    in one thread: the map is then the same on any number of cores, and does not take minutes where
    others use them as well (OpenMP's threads wait for each other at every step).

    Args:
        latents: `(N, ...)`, of 4 points or more.
        seed: Of the choice of points, and of the start where the latent has one dimension.
        max_points: How many points are mapped.
        perplexity: The effective number of neighbours; at most `(n - 1) / 3` of them are used.
        pca: The components of the latents, where they are known already; else those of the subset.
    """
    points = points_of(latents, "latents")
    chosen = subset(len(points), max_points, seed)
    if len(chosen) < 4:
        raise ValueError(f"t-SNE needs 4 points or more, got {len(chosen)}")
    pca = pca or PrincipalComponents.fit(points[chosen])
    if pca.variances[0] == 0:
        return chosen, np.zeros((len(chosen), 2), np.float32)
    # t-SNE ignores the scale of its input. The start is scikit-learn's init="pca", written out
    # because the codes are at hand, and because that one fails for one dimension.
    codes = (pca.project(points[chosen], 50) / np.sqrt(pca.variances[0])).astype(np.float32)
    tsne = TSNE(
        perplexity=min(perplexity, (len(chosen) - 1) / 3),
        init=codes[:, :2] * np.float32(1e-4) if codes.shape[1] > 1 else "random",
        max_iter=_ITERATIONS,
        angle=_ANGLE,
        random_state=seed,
    )
    with threadpool_limits(1):
        return chosen, np.asarray(tsne.fit_transform(codes))
