import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import autoencoder
from autoencoder import InputError, Run, runs
from autoencoder.trained import images as images_of
from autoencoder.trained import make
from tests.report.runs_on_disk import COMPACT, write_run
from tests.trained.conftest import command


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three images in two folders, as files of several kinds."""
    for name in ("a/one.png", "a/two.jpg", "three.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(len(name)).integers(0, 256, (12, 12), np.uint8)
        Image.fromarray(pixels).save(path)
    return tmp_path / "photos"


def test_reconstructions_in_every_form(
    plain: Path, run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = run.data.test.images.numpy()
    expected = run.reconstruct(images)
    with caplog.at_level(logging.INFO):
        for out in ("a.npy", "a.png", "folder"):
            command("reconstruct", f"run={plain}", f"out={tmp_path}/{out}")
        command("reconstruct", f"run={plain}")
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), expected, atol=1e-6)
    assert Image.open(tmp_path / "a.png").width > 300
    files = sorted((tmp_path / "folder").iterdir())
    assert [file.name for file in files] == [f"{n:06d}.png" for n in range(60)]
    pixels = np.asarray(Image.open(files[7])) / 255
    np.testing.assert_allclose(pixels, expected[7, 0], atol=0.5 / 255 + 1e-6)
    # The number of the run itself, computed again.
    assert caplog.text.count(f"MSE {run.metrics['test/mse']:.6f}") == 4
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_keeps_its_names(plain: Path, photos: Path, tmp_path: Path) -> None:
    command("reconstruct", f"run={plain}", f"images={photos}", f"out={tmp_path}/out")
    names = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*")}
    assert names == {"a/one.png", "a/two.jpg.png", "three.png"}


def test_names_lead_nowhere_else() -> None:
    source = images_of.Images("standard input", None, "", 4, paths=True)
    for name in ("/etc/x.png", "../../etc/x.png", "etc/x.png"):
        assert make._name_of(name, source) == Path("etc/x.png")
    alone = images_of.Images("photos/x.jpg", 1, "", 4, paths=True)
    assert make._name_of("photos/x.jpg", alone) == Path("photos/x.jpg.png")


def test_noise_is_taken_off(
    plain: Path, run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = run.data.test.images.numpy()
    np.save(tmp_path / "images.npy", images)
    words = f"run={plain}", f"images={tmp_path}/images.npy"
    with caplog.at_level(logging.INFO):
        command("denoise", *words, "std=0.3", f"out={tmp_path}/a.npy")
        command("denoise", *words, "std=0.3", f"out={tmp_path}/b.npy")
        command("denoise", *words, "std=0.3", "seed=1", f"out={tmp_path}/c.npy")
        command("denoise", *words, f"out={tmp_path}/d.npy")
    one, same, other, none = (np.load(tmp_path / f"{name}.npy") for name in "abcd")
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
    np.testing.assert_allclose(none, run.reconstruct(images), atol=1e-6)
    assert "(before: " in caplog.messages[0]
    # Of what was noisy already, the clean images are not known.
    assert "PSNR" not in caplog.messages[3]
    with pytest.raises(InputError, match="std"):
        command("denoise", *words, "std=-1")


def test_the_noise_of_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_run(tmp_path / "run", COMPACT, "noise=gaussian")
    run = autoencoder.load(folder, device="cpu")
    with caplog.at_level(logging.INFO):
        command("denoise", f"run={folder}", f"out={tmp_path}/a.png")
    assert f"MSE {run.metrics['test/mse']:.6f}" in caplog.text


def test_generated_images_are_samples(
    plain: Path, conditional: Path, seeing: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = f"run={conditional}", "label=Bag", "seed=3"
    command("generate", *words, "count=5", f"out={tmp_path}/a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), seeing.sample(5, "Bag", seed=3))
    monkeypatch.setattr(make, "_AT_ONCE", 2)
    command("generate", *words, "count=5", f"out={tmp_path}/b.npy")
    several = np.load(tmp_path / "b.npy")
    np.testing.assert_array_equal(several[:2], seeing.sample(2, "Bag", seed=3))
    assert len(np.unique(several.round(6), axis=0)) == 5
    command("generate", f"run={plain}", "count=3", f"out={tmp_path}/files")
    assert len(list((tmp_path / "files").glob("*.png"))) == 3
    command("generate", f"run={plain}", f"out={tmp_path}/a.png")
    assert Image.open(tmp_path / "a.png").width > 300
    with pytest.raises(InputError, match="count"):
        command("generate", *words, "count=0", f"out={tmp_path}/c.npy")


def test_the_way_between_two(
    plain: Path, run: Run, conditional: Path, seeing: Run, photos: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(images_of, "_BLOCK_IMAGES", 4)
    test = run.data.test
    pair = test.images[[2, 9]].numpy()
    command("interpolate", f"run={plain}", "start=2", "end=9", "steps=3", f"out={tmp_path}/a.npy")
    latents = run.encode(pair)
    way = np.stack([latents[0], latents.mean(0), latents[1]])
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), run.decode(way), atol=1e-5)
    label = int(test.labels[2])
    words = f"run={conditional}", "start=2", "end=9", "steps=2"
    command("interpolate", *words, f"out={tmp_path}/b.npy")
    np.testing.assert_allclose(
        np.load(tmp_path / "b.npy"), seeing.reconstruct(pair, label), atol=1e-5
    )
    ends = f"start={photos}/three.png", f"end={photos}/a/one.png"
    command("interpolate", f"run={plain}", *ends, "spherical=true", f"out={tmp_path}/c.png")
    assert Image.open(tmp_path / "c.png").width > 300
    for words, message in ((("start=60",), "no image 60"), (("steps=1",), "steps")):
        with pytest.raises(InputError, match=message):
            command("interpolate", f"run={plain}", *words, f"out={tmp_path}/d.npy")


@pytest.mark.real
def test_a_row_of_the_reference_again_from_its_weights() -> None:
    reference = Path(runs.__file__).parents[2] / "multirun/reference"
    kept = sorted(reference.glob(f"model-residual*/{runs.WEIGHTS}"))
    if not kept:
        pytest.skip("no weights are kept in multirun/reference")
    run = autoencoder.load(kept[0].parents[1], device="cpu")
    images = run.data.test.images
    error = (run.reconstruct(images) - images / 255).square().double().mean().item()
    assert error == pytest.approx(run.metrics["test/mse"], rel=1e-4)


def test_weights_alone_are_evaluated(plain: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(plain, folder)
    command("export", f"run={folder}")
    (folder / runs.BEST).unlink()
    from autoencoder.experiment.build import load_run

    model, data = load_run(folder)
    error = (model(data.test.corrupted, data.test.labels) - data.test.images / 255).square().mean()
    metrics = json.loads((folder / runs.METRICS).read_text())
    assert torch.isclose(error, torch.tensor(metrics["test/mse"]))
