from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import silhouette_score

from autoencoder.analysis.maps import pca_map, tsne_map
from autoencoder.analysis.pca import PrincipalComponents

Array = npt.NDArray[Any]


def test_pca_map_is_the_first_two_components(images: Array, pca: PrincipalComponents) -> None:
    np.testing.assert_array_equal(pca_map(images), pca.project(images, 2))


@pytest.mark.parametrize("shape", [(20, 1), (1, 5), (1, 1)])
def test_pca_map_fills_missing_dimensions(shape: tuple[int, int]) -> None:
    coordinates = pca_map(np.random.default_rng(0).standard_normal(shape))
    assert coordinates.shape == (shape[0], 2)
    assert (coordinates[:, 1] == 0).all()


def test_maps_of_a_constant_latent_are_zero() -> None:
    constant = np.full((50, 3), 0.1, np.float32)
    assert (pca_map(constant) == 0).all()
    assert (tsne_map(constant)[1] == 0).all()


def test_tsne_map_separates_clusters_and_repeats_itself() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    latents = 10 * np.eye(3, 60)[labels] + rng.standard_normal((300, 60))
    indices, coordinates = tsne_map(latents, max_points=120, seed=5)
    assert coordinates.shape == (120, 2)
    assert (np.diff(indices) > 0).all()
    assert silhouette_score(coordinates, labels[indices]) > 0.5
    again_indices, again = tsne_map(latents.copy(), max_points=120, seed=5)
    np.testing.assert_array_equal(indices, again_indices)
    np.testing.assert_array_equal(coordinates, again)
    assert (tsne_map(latents, max_points=120, seed=6)[0] != indices).any()


def test_components_that_are_known_are_used() -> None:
    latents = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    known = PrincipalComponents.fit(latents)
    np.testing.assert_array_equal(pca_map(latents, pca=known), pca_map(latents))
    np.testing.assert_array_equal(tsne_map(latents, pca=known)[1], tsne_map(latents)[1])
    other = PrincipalComponents.fit(latents[:, ::-1] * [1, 2, 3, 4])
    assert not np.array_equal(pca_map(latents, pca=other), pca_map(latents))
    assert not np.array_equal(tsne_map(latents, pca=other)[1], tsne_map(latents)[1])


@pytest.mark.parametrize("shape", [(40, 1), (40, 2), (4, 3)])
def test_tsne_map_of_small_latents(shape: tuple[int, int]) -> None:
    indices, coordinates = tsne_map(np.random.default_rng(0).standard_normal(shape))
    np.testing.assert_array_equal(indices, np.arange(shape[0]))
    assert coordinates.shape == (shape[0], 2)
    assert np.isfinite(coordinates).all()


def test_three_points_are_too_few_for_a_tsne_map() -> None:
    with pytest.raises(ValueError, match="4 points"):
        tsne_map(np.eye(3))
