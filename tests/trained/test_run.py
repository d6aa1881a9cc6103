import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml  # type: ignore[import-untyped]  # its types are a package of their own
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

import autoencoder
from autoencoder import AutoencoderError, InputError, Run, runs
from autoencoder.commandline.configs import CONF_DIR
from autoencoder.data import to_float
from autoencoder.experiment.build import load_run
from autoencoder.experiment.trust import TrustError
from autoencoder.runs.checkpoints import ImageFacts, save_weights
from tests.report.runs_on_disk import write_run


def test_latents_and_reconstructions_are_those_of_the_model(plain: Path, run: Run) -> None:
    model, data = load_run(plain)
    images = data.test.images
    expected = model.encode(to_float(images))
    latents = run.encode(images.numpy())
    assert isinstance(latents, np.ndarray)
    assert latents.dtype == np.float32
    assert latents.shape == (60, *model.latent_shape) == (60, *run.latent_shape)
    np.testing.assert_allclose(latents, expected.numpy(), atol=1e-6)
    decoded = run.decode(latents)
    np.testing.assert_allclose(decoded, model.decode(expected).numpy(), atol=1e-6)
    np.testing.assert_array_equal(run.decode(latents.reshape(60, -1)), decoded)
    np.testing.assert_allclose(run.reconstruct(images.numpy()), decoded, atol=1e-6)


def test_what_comes_in_goes_out(run: Run) -> None:
    images = run.data.test.images
    expected = run.encode(images.numpy())
    read_only = images.numpy().copy()
    read_only.setflags(write=False)
    forms = {
        "flat": images[:, 0].numpy(),
        "floats": images.numpy() / 255,
        "halves": (images / 255).to(torch.float64).numpy(),
        "read only": read_only,
        "strided": np.repeat(images.numpy(), 2, axis=-1)[..., ::2],
    }
    for name, form in forms.items():
        np.testing.assert_allclose(run.encode(form), expected, atol=1e-6, err_msg=name)
        assert run.reconstruct(form).shape == form.shape, name
        assert run.reconstruct(form).dtype == np.float32
    tensor = run.encode(images)
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), expected)
    # To train on, which tensors of inference mode refuse.
    assert not tensor.is_inference()
    trained = torch.nn.Linear(9, 1)(run.encode(images.float().div(255).requires_grad_()).flatten(2))
    trained.sum().backward()


def test_batches_make_no_difference(plain: Path, run: Run) -> None:
    images = run.data.test.images.numpy()
    small = autoencoder.load(plain, device="cpu", batch_size=7)
    np.testing.assert_allclose(small.reconstruct(images), run.reconstruct(images), atol=1e-6)
    assert small.encode(images[:0]).shape == (0, *run.latent_shape)


def test_labels_are_names_or_numbers(seeing: Run, run: Run) -> None:
    images = seeing.data.test.images[:4].numpy()
    name = seeing.classes[3]
    expected = seeing.encode(images, [3, 3, 3, 3])
    for labels in (3, name, [name] * 4, np.full(4, 3), torch.full((4,), 3)):
        np.testing.assert_array_equal(seeing.encode(images, labels), expected)
    assert not np.allclose(seeing.encode(images, 4), expected)
    latents = seeing.encode(images, 3)
    assert not np.allclose(seeing.decode(latents, 4), seeing.decode(latents, 3))
    for wrong in (None, "Hat", 10, -1, [1.5] * 4):
        with pytest.raises(InputError, match=name):
            seeing.encode(images, wrong)
    with pytest.raises(InputError, match="2 labels for 4"):
        seeing.encode(images, [3, 3])
    # To a model that doesn't see them they are nothing.
    np.testing.assert_array_equal(run.encode(images, 3), run.encode(images))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 10, 12), np.uint8), r"\(N, 1, 12, 12\) or \(N, 12, 12\), got \(3, 10, 12\)"),
        (np.zeros((12, 12), np.uint8), r"a single one is given as x\[None\]"),
        (np.zeros((3, 12, 12), np.int64), "got int64"),
        (np.full((3, 12, 12), 255.0), "divide them by 255"),
        (np.full((3, 12, 12), np.nan), "NaN"),
        ([[0.0]], "not list"),
    ],
)
def test_images_that_it_can_not_take(run: Run, images: Any, message: str) -> None:
    for use in (run.encode, run.reconstruct):
        with pytest.raises(InputError, match=message) as error:
            use(images)
        assert isinstance(error.value, AutoencoderError)


def test_latents_that_it_can_not_take(run: Run) -> None:
    for latents in (np.zeros((2, 5)), np.zeros((2, 36), np.uint8), np.full((2, 36), np.inf)):
        with pytest.raises(InputError, match="latents"):
            run.decode(latents)


def test_samples_are_seeded_and_leave_the_generator_alone(run: Run, seeing: Run) -> None:
    for one in (run, seeing):
        torch.manual_seed(1)
        expected = torch.rand(1)
        torch.manual_seed(1)
        samples = one.sample(5, seed=3)
        assert torch.rand(1) == expected
        assert samples.shape == (5, *one.image_shape)
        assert samples.min() >= 0
        assert samples.max() <= 1
        np.testing.assert_array_equal(one.sample(5, seed=3), samples)
        assert not np.allclose(one.sample(5, seed=4), samples)
        assert not np.allclose(one.sample(5), one.sample(5))
        name = one.classes[2]
        np.testing.assert_array_equal(one.sample(5, name, seed=3), one.sample(5, 2, seed=3))
        assert not np.allclose(one.sample(5, name, seed=3), one.sample(5, 3, seed=3))
        with pytest.raises(InputError, match="'Hat' is no class"):
            one.sample(5, "Hat")


def test_samples_of_a_class_are_like_its_latents(run: Run) -> None:
    train = run.data.train
    of_class = run.encode(train.images[train.labels == 1].numpy()).reshape(-1, 36)
    samples = run._drawn(4000, 1).numpy()
    np.testing.assert_allclose(samples.mean(0), of_class.mean(0), atol=0.1 * of_class.std())


def test_two_runs_and_no_state_of_hydra(plain: Path, conditional: Path) -> None:
    GlobalHydra.instance().clear()
    one, other = (autoencoder.load(path, device="cpu") for path in (plain, conditional))
    assert not GlobalHydra.instance().is_initialized()
    images = one.data.test.images[:3].numpy()
    expected = one.encode(images)
    assert other.encode(images, 0).shape == (3, 3)
    np.testing.assert_array_equal(one.encode(images), expected)
    assert one.config["model"]["channels"] == [4, 4]
    assert one.metrics["latent_size"] == 36
    assert "plain" in repr(one)


def with_weights(run: Run, folder: Path) -> Path:
    """A copy of a run that has its weights as safetensors alone."""
    shutil.copytree(run.path, folder)
    (folder / runs.BEST).unlink()
    save_weights(run.model, folder / runs.WEIGHTS, ImageFacts(run.image_shape, run.classes))
    return folder


def test_weights_need_no_data(run: Run, tmp_path: Path) -> None:
    folder = with_weights(run, tmp_path / "run")
    config = yaml.safe_load((folder / runs.CONFIG).read_text())
    config["data"] = {"_target_": "autoencoder.data.FashionMNIST", "root": str(tmp_path / "no")}
    (folder / runs.CONFIG).write_text(yaml.safe_dump(config))
    bare = autoencoder.load(folder, device="cpu")
    images = run.data.test.images.numpy()
    np.testing.assert_array_equal(bare.reconstruct(images), run.reconstruct(images))
    assert bare.classes == run.classes


def test_weights_are_used_where_no_best_checkpoint_is(run: Run, tmp_path: Path) -> None:
    folder = with_weights(run, tmp_path / "run")
    # Of another epoch.
    shutil.copy(run.path / runs.BEST, folder / runs.LAST)
    assert runs.checkpoint(folder) == folder / runs.WEIGHTS
    shutil.copy(run.path / runs.BEST, folder / runs.BEST)
    assert runs.checkpoint(folder) == folder / runs.BEST


def test_damaged_and_foreign_weights_are_refused(run: Run, seeing: Run, tmp_path: Path) -> None:
    folder = with_weights(run, tmp_path / "run")
    path = folder / runs.WEIGHTS
    whole = path.read_bytes()
    for damaged in (whole[:-4] + bytes([whole[-4] ^ 1]) + whole[-3:], whole[:-4], b"", b"{}"):
        path.write_bytes(damaged)
        with pytest.raises(runs.RunError, match="safetensors"):
            autoencoder.load(folder)
    save_weights(seeing.model, path, ImageFacts(seeing.image_shape, seeing.classes))
    with pytest.raises(runs.RunError, match="does not fit the model"):
        autoencoder.load(folder)


def test_a_received_run_is_data(run: Run, tmp_path: Path) -> None:
    folder = with_weights(run, tmp_path / "run")
    config = yaml.safe_load((folder / runs.CONFIG).read_text())
    config["noise"] = {"_target_": "os.mkdir", "path": str(tmp_path / "made")}
    (folder / runs.CONFIG).write_text(yaml.safe_dump(config))
    with pytest.raises(TrustError, match="mkdir"):
        autoencoder.load(folder)
    assert not (tmp_path / "made").exists()


def test_what_is_no_run_and_no_device(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(runs.RunError, match="no such directory"):
        autoencoder.load(tmp_path / "nothing")
    with pytest.raises(runs.RunError, match="neither a run nor a sweep"):
        autoencoder.load(tmp_path)
    with pytest.raises(runs.RunError, match=f"name one of them, such as {plain}"):
        autoencoder.load(plain.parent)
    for device in ("tpu9", "cuda:99"):
        with pytest.raises(InputError, match=device):
            autoencoder.load(plain, device=device)


def test_images_of_ones_own_are_not_looked_for_where_published_ones_are(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOENCODER_DATA", "published")
    folder = with_weights(run, tmp_path / "run")
    config = yaml.safe_load((folder / runs.CONFIG).read_text())
    for kind, root in (("ImageFolder", "photos"), ("FashionMNIST", "published")):
        config["data"] = {"_target_": f"autoencoder.data.{kind}", "root": "photos"}
        (folder / runs.CONFIG).write_text(yaml.safe_dump(config))
        assert autoencoder.load(folder).config["data"]["root"] == root
        assert autoencoder.load(folder, data_root="x").config["data"]["root"] == "x"
    # So do the commands.
    assert OmegaConf.load(CONF_DIR / "trained.yaml").data_root is None


def test_the_reference_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = autoencoder.results("multirun/reference")
    assert len(table) > 20
    # What is there is not looked for elsewhere.
    Path("multirun/reference").mkdir(parents=True)
    with pytest.raises(runs.RunError, match="neither a run nor a sweep"):
        autoencoder.results("multirun/reference")


def test_a_run_whose_latents_are_codes_draws_and_walks_among_them(tmp_path: Path) -> None:
    small = "model.channels=[4,8]", "model.codes=8", "model.code_dim=3"
    run = autoencoder.load(write_run(tmp_path / "vq", "model=vq_vae", *small), device="cpu")
    latents = run.encode(run.data.test.images[:6])
    assert latents.shape == (6, 3, 3, 3)
    assert run.sample(5, seed=0).shape == (5, *run.image_shape)
    assert run.sample(5, 3, seed=0).shape == (5, *run.image_shape)  # of a class
    middle = run.decode((latents[:1] + latents[1:2]) / 2)
    assert middle.shape == (1, *run.image_shape)
