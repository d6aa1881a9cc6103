"""The baseline without the framework is the baseline: same network, same split, same error."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from autoencoder.data.split import in_batches, to_float
from autoencoder.data.synthetic import synthetic_garments
from autoencoder.models import ConvAutoencoder
from tests.data.tiny_files import idx

SCRIPT = Path(__file__).parent.parent / "examples/plain.py"


@pytest.mark.slow
def test_errors_of_its_weights_are_those_of_the_baseline(tmp_path: Path) -> None:
    images = {}
    for part, count, seed in (("train", 5640, 0), ("t10k", 60, 1)):
        images[part], labels = synthetic_garments(count, 28, 1, seed)
        for kind, array in (("images-idx3", images[part][:, 0]), ("labels-idx1", labels.byte())):
            path = tmp_path / f"{part}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(idx(array), compresslevel=1))
    subprocess.run([sys.executable, SCRIPT, tmp_path, "2"], cwd=tmp_path, check=True)

    out = tmp_path / "outputs/plain"
    model = ConvAutoencoder([16, 32, 64], 3, 2, 1, (1, 28, 28), optimizer=torch.optim.Adam)
    weights = torch.load(out / "best.pt", weights_only=True)
    # The one's layers are the other's, in the same order and of the same shapes.
    model.load_state_dict(dict(zip(dict(model.named_parameters()), weights.values(), strict=True)))

    def mse(clean: torch.Tensor) -> float:
        reconstructed = in_batches(model, clean, device="cpu")
        return float((reconstructed - to_float(clean)).square().mean())

    metrics = json.loads((out / "metrics.json").read_text())
    order = torch.randperm(5640, generator=torch.Generator().manual_seed(0))
    assert metrics["val/mse"] == pytest.approx(mse(images["train"][order[:5000]]), rel=1e-5)
    assert metrics["test/mse"] == pytest.approx(mse(images["t10k"]), rel=1e-5)
    assert len(list(out.glob("*.png"))) == 3
