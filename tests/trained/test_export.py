import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

import autoencoder
from autoencoder import InputError, Run, runs
from autoencoder.trained import export
from autoencoder.trained.export import ExportError
from tests.trained.conftest import command

NAMES = ["encoder", "decoder", "autoencoder"]


def test_weights_beside_the_checkpoint(plain: Path, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "best.safetensors"
    command("export", f"run={plain}", f"out={out}")
    with pytest.raises(InputError, match="overwrite=true"):
        command("export", f"run={plain}", f"out={out}")
    command("export", f"run={plain}", f"out={out}", "overwrite=true")
    assert out.stat().st_size < (plain / runs.BEST).stat().st_size
    from safetensors.numpy import load_file

    weights = load_file(out)
    for name, value in run.model.state_dict().items():
        np.testing.assert_array_equal(weights[name], value.numpy())


def test_weights_where_load_finds_them(plain: Path, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.symlink_to(plain)
    try:
        command("export", f"run={folder}")
        assert (plain / runs.WEIGHTS).exists()
    finally:
        (plain / runs.WEIGHTS).unlink()


@pytest.mark.parametrize("kind", ["plain", "conditional"])
def test_onnx_is_the_model(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    folder = request.getfixturevalue(kind)
    run = autoencoder.load(folder, device="cpu")
    command("export", f"run={folder}", "format=onnx", f"out={tmp_path}/onnx")
    assert sorted(path.name for path in (tmp_path / "onnx").iterdir()) == [
        "README.md", *sorted(f"{name}.onnx" for name in NAMES)
    ]  # fmt: skip
    images = np.random.default_rng(0).random((5, *run.image_shape), np.float32)
    labels = np.arange(5)
    seen = {"labels": labels} if kind == "conditional" else {}

    def session(name: str, **inputs: np.ndarray) -> np.ndarray:
        path = f"{tmp_path}/onnx/{name}.onnx"
        made = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        found: np.ndarray = made.run(None, inputs | seen)[0]
        return found

    latents = run.encode(images, labels)
    np.testing.assert_allclose(session("encoder", images=images), latents, atol=1e-5)
    np.testing.assert_allclose(
        session("decoder", latents=latents), run.decode(latents, labels), atol=1e-5
    )
    np.testing.assert_allclose(
        session("autoencoder", images=images), run.reconstruct(images, labels), atol=1e-5
    )
    card = (tmp_path / "onnx/README.md").read_text()
    for name in NAMES:
        digest = hashlib.sha256((tmp_path / f"onnx/{name}.onnx").read_bytes()).hexdigest()
        assert digest in card
    for said in ("SyntheticGarments", "MIT", "PCA of", "## Limits", f"{run.metrics['test/psnr']}"):
        assert said in card
    assert ("Labels are int64" in card) == (kind == "conditional")


def test_torch_export_is_the_model(plain: Path, run: Run, tmp_path: Path) -> None:
    command("export", f"run={plain}", "format=torch", f"out={tmp_path}/torch")
    images = torch.rand(5, *run.image_shape)
    encoder = torch.export.load(tmp_path / "torch/encoder.pt2").module()
    torch.testing.assert_close(encoder(images), run.encode(images))


def test_what_computes_something_else_is_not_kept(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_torch = export._write_torch

    def frozen(program: object, traced: object, path: Path) -> object:
        compute = of_torch(program, traced, path)

        def of_one(given: tuple[torch.Tensor, ...]) -> np.ndarray:
            return compute(tuple(one[:2] for one in given))

        return of_one

    def shifted(program: object, traced: object, path: Path) -> object:
        compute = of_torch(program, traced, path)
        return lambda given: compute(given) + (1e-3 if len(given[0]) == 7 else 0)

    for wrong, message in ((frozen, "batch of 7 gives"), (shifted, "batch of 7 is")):
        monkeypatch.setattr(export, "_write_torch", wrong)
        with pytest.raises(ExportError, match=message):
            command("export", f"run={plain}", "format=torch", f"out={tmp_path}/torch")
        assert not list(tmp_path.iterdir())
