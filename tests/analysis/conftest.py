"""Images and latents that a test knows everything of, and the real files."""

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autoencoder.analysis.pca import PrincipalComponents

Array = npt.NDArray[Any]


@pytest.fixture(scope="session")
def images() -> Array:
    """Correlated pixels in [0, 1], more of them than one block holds: (3000, 1, 6, 5)."""
    rng = np.random.default_rng(0)
    flat = 0.5 + rng.standard_normal((3000, 8)) @ rng.standard_normal((8, 30)) / 10
    flat += rng.standard_normal(flat.shape) / 50
    return flat.clip(0, 1).astype(np.float32).reshape(-1, 1, 6, 5)


@pytest.fixture(scope="session")
def pca(images: Array) -> PrincipalComponents:
    return PrincipalComponents.fit(images)


@pytest.fixture(scope="session")
def latents() -> tuple[Array, Array]:
    """Overlapping classes of very different scales by dimension: (600, 6), (600,)."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 600)
    points = np.eye(3, 6)[labels] * 2 + rng.standard_normal((600, 6))
    return (points * 10.0 ** np.arange(-2, 4)).astype(np.float32), labels


@pytest.fixture(scope="session")
def fashion_mnist() -> dict[str, Array]:
    """The real files, read here so that the floors rest on no other code of the package."""
    folder = os.environ.get("AUTOENCODER_DATA")
    if not folder:
        pytest.skip("AUTOENCODER_DATA is not set to the folder of the Fashion-MNIST files")

    def read(name: str, header: int) -> Array:
        content = gzip.decompress((Path(folder) / name).read_bytes())
        return np.frombuffer(content, np.uint8, offset=header)

    return {
        stage: read(f"{prefix}-images-idx3-ubyte.gz", 16).reshape(-1, 784) / np.float32(255)
        for stage, prefix in (("train", "train"), ("test", "t10k"))
    } | {
        f"{stage}_labels": read(f"{prefix}-labels-idx1-ubyte.gz", 8)
        for stage, prefix in (("train", "train"), ("test", "t10k"))
    }


@pytest.fixture(scope="session")
def real_pca(fashion_mnist: dict[str, Array]) -> PrincipalComponents:
    return PrincipalComponents.fit(fashion_mnist["train"])
