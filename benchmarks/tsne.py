"""Seconds and trustworthiness of the t-SNE map of 3,000 test images, by settings.

    python benchmarks/tsne.py

In one thread, as the runs map. The points are raw pixels: as many neighbours as a latent has, and
no run is needed. The trustworthiness is of the map against the pixels, over 15 neighbours.
"""

import os
import time

import numpy as np
from sklearn.manifold import TSNE, trustworthiness
from threadpoolctl import threadpool_limits

from autoencoder.analysis.pca import PrincipalComponents
from autoencoder.data import FashionMNIST, to_float

SETTINGS = [
    {"max_iter": max_iter, "angle": angle}
    for max_iter in (1000, 750, 500)
    for angle in (0.5, 0.7, 0.9)
]


def main() -> None:
    """Maps the same points with each setting."""
    root = os.environ.get("AUTOENCODER_DATA", "data")
    data = FashionMNIST(root, batch_size=1, val_size=1, seed=0, split_seed=0, num_workers=0)
    images = to_float(data.source.test_images[:3000]).flatten(1).numpy()
    pca = PrincipalComponents.fit(images)
    codes = (pca.project(images, 50) / np.sqrt(pca.variances[0])).astype(np.float32)
    start = codes[:, :2] * np.float32(1e-4)
    for settings in SETTINGS:
        began = time.perf_counter()
        with threadpool_limits(1):
            tsne = TSNE(init=start, random_state=0, **settings)
            points = tsne.fit_transform(codes)
        seconds = time.perf_counter() - began
        kept = trustworthiness(images, points, n_neighbors=15)
        print(f"{settings}: {seconds:5.1f} s, trustworthiness {kept:.4f}", flush=True)


if __name__ == "__main__":
    main()
