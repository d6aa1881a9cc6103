"""Every measure refuses arrays that it can't use."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autoencoder.analysis.denoising import AffineMap, denoising_floor, psnr
from autoencoder.analysis.latents import latent_use, silhouette, trustworthiness
from autoencoder.analysis.maps import pca_map, tsne_map
from autoencoder.analysis.pca import PrincipalComponents, pca_mse
from autoencoder.analysis.probes import knn_accuracy, linear_probe_accuracy

Array = npt.NDArray[Any]

POINTS = np.random.default_rng(0).random((20, 4))
LABELS = np.arange(20) % 2
FITTED = PrincipalComponents.fit(POINTS)

# Each takes the points as they should not be.
MEASURES: dict[str, Callable[[Array], Any]] = {
    "fit": PrincipalComponents.fit,
    "project": lambda x: FITTED.project(x, 2),
    "pca_mse": lambda x: pca_mse(FITTED, x, [2]),
    "denoising_floor": lambda x: denoising_floor(FITTED, x, POINTS),
    "AffineMap.fit": lambda x: AffineMap.fit([([x], POINTS)]),
    "AffineMap.psnr": lambda x: AffineMap.wiener(FITTED, 0.1).psnr(x, POINTS),
    "psnr": lambda x: psnr(x, POINTS),
    "linear_probe_accuracy": lambda x: linear_probe_accuracy(x, LABELS, POINTS, LABELS),
    "knn_accuracy": lambda x: knn_accuracy(POINTS, LABELS, x, LABELS),
    "trustworthiness": lambda x: trustworthiness(POINTS, x),
    "silhouette": lambda x: silhouette(x, LABELS),
    "latent_use": latent_use,
    "pca_map": pca_map,
    "tsne_map": tsne_map,
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES.keys())
@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.empty((0, 4)), "not empty"),
        (np.empty((20, 0)), "not empty"),
        (np.ones(20), r"must be \(N, ...\)"),
        (np.where(POINTS > 0.9, np.nan, POINTS), "finite"),
        (np.where(POINTS > 0.9, np.inf, POINTS), "finite"),
        (POINTS.astype(complex), "real numbers"),
    ],
)
def test_unusable_points_are_refused(
    measure: Callable[[Array], Any], points: Array, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        measure(points)
