import csv
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from autoencoder import InputError, Run
from autoencoder.trained import images as images_of
from autoencoder.trained.score import Scorer
from tests.trained.conftest import command


def test_distance_is_that_of_mahalanobis(run: Run) -> None:
    scores = Scorer(run).scores(run.data.test.images.numpy())
    train = run.encode(run.data.train.images.numpy()).reshape(-1, 36).astype(float)
    latents = run.encode(run.data.test.images.numpy()).reshape(-1, 36)
    centred = latents - train.mean(0)
    covariance = np.linalg.pinv(np.cov(train.T), rcond=1e-6, hermitian=True)
    expected = np.sqrt(np.einsum("nd,de,ne->n", centred, covariance, centred))
    np.testing.assert_allclose(scores.distance, expected, rtol=1e-3)
    images = run.data.test.images / 255
    error = (run.reconstruct(images) - images).square().flatten(1).mean(1)
    np.testing.assert_allclose(scores.error, error.numpy(), rtol=1e-4)


@pytest.mark.parametrize("by", ["error", "distance"])
def test_the_oddest_come_first(
    by: str, plain: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images_of, "_BLOCK_IMAGES", 16)
    command("score", f"run={plain}", f"by={by}", "quantile=0.8", f"out={tmp_path}/odd.csv")
    rows = list(csv.DictReader((tmp_path / "odd.csv").open()))
    scores = Scorer(run).scores(run.data.test.images.numpy())
    order = np.argsort(-getattr(scores, by), kind="stable")
    assert [int(row["index"]) for row in rows] == order.tolist()
    assert [row["label"] for row in rows] == [
        run.classes[label] for label in run.data.test.labels[torch.from_numpy(order)]
    ]
    of_val = getattr(Scorer(run).scores(run.data.val.images.numpy()), by)
    threshold = np.quantile(of_val, 0.8)
    odd = int((getattr(scores, by) > threshold).sum())
    assert [row["odd"] for row in rows] == ["1"] * odd + ["0"] * (60 - odd)
    assert 0 < odd < 60
    assert Image.open(tmp_path / "odd.png").width > 300
    assert len(list(tmp_path.iterdir())) == 2


def test_to_standard_output_by_a_model_that_sees_labels(
    conditional: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command("score", f"run={conditional}", "out=-")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    errors = [float(row["error"]) for row in rows]
    assert len(errors) == 60
    assert errors == sorted(errors, reverse=True)


def test_a_quantile_is_a_share(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="quantile"):
        command("score", f"run={plain}", "quantile=1.5", f"out={tmp_path}/odd.csv")
