"""What is measured of a run, against loops and other libraries."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifier
from sklearn.manifold import trustworthiness
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from autoencoder.data import ImageDataModule, SyntheticGarments
from autoencoder.experiment.build import LoadedRun, load_run
from autoencoder.report.measure import cache
from autoencoder.report.measure.evaluation import Examples, Measurement
from autoencoder.report.measure.judge import Judge
from autoencoder.report.measure.linear import LinearMethods
from autoencoder.report.measure.measurement import STAGES, data_key, measure
from tests.report.runs_on_disk import COMPACT, SETTINGS, WIDE, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    run = load_run(write_run(tmp_path_factory.mktemp("run") / "a", COMPACT, "noise=gaussian"))
    for parameter in run.model.parameters():
        if parameter.ndim > 1:  # as they are first, networks hardly look at their input
            parameter.mul_(3)
    return run


@pytest.fixture(scope="module")
def linear(run: LoadedRun) -> LinearMethods:
    return LinearMethods(run.data, SETTINGS)


@pytest.fixture(scope="module")
def judge(run: LoadedRun, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return Judge(run.data, "garments", tmp_path_factory.mktemp("cache"), SETTINGS)


@pytest.fixture(scope="module")
def measured(run: LoadedRun, linear: LinearMethods, judge: Judge) -> Measurement:
    stages: list[str] = []
    measurement = measure(run, linear, judge, SETTINGS, stages.append)
    assert len(stages) == STAGES
    return measurement


def columns_of(run: LoadedRun, folder: Path) -> dict[str, float]:
    judge = Judge(run.data, "garments", folder, SETTINGS)
    linear = LinearMethods(run.data, SETTINGS)
    return measure(run, linear, judge, SETTINGS, lambda _: None).columns


@pytest.fixture(scope="module")
def pixels(run: LoadedRun) -> tuple[np.ndarray, np.ndarray]:
    """Training and test images, flat, and in [0, 1]."""
    train, test = run.data.train.images, run.data.test.images
    return train.flatten(1).numpy() / 255.0, test.flatten(1).numpy() / 255.0


def test_mse_psnr_and_ssim_are_those_of_a_loop(run: LoadedRun, measured: Measurement) -> None:
    images, corrupted, labels = (
        run.data.test.images,
        run.data.test.corrupted,
        run.data.test.labels,
    )
    total, clean_total, similarities = 0.0, 0.0, []
    for index in range(len(images)):
        target = images[index, 0].numpy() / 255.0
        with torch.inference_mode():
            output = run.model(corrupted[index : index + 1], labels[index : index + 1])
            clean = run.model(images[index : index + 1] / 255, labels[index : index + 1])
        image = output[0, 0].numpy().astype(np.float64)
        error = ((image - target) ** 2).mean()
        assert measured.image_mse[index] == pytest.approx(error, rel=1e-5)
        total += error
        clean_total += ((clean[0, 0].numpy().astype(np.float64) - target) ** 2).mean()
        similarities.append(
            structural_similarity(
                image,
                target,
                data_range=1.0,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )
        )
    columns = measured.columns
    assert columns["mse"] == pytest.approx(total / len(images), rel=1e-6)
    assert columns["clean_mse"] == pytest.approx(clean_total / len(images), rel=1e-6)
    reference = peak_signal_noise_ratio(np.zeros(1), np.sqrt([total / len(images)]), data_range=1)
    assert columns["psnr"] == pytest.approx(reference, rel=1e-6)
    assert columns["ssim"] == pytest.approx(np.mean(similarities), abs=0.02)


def test_sizes_are_those_of_the_network(run: LoadedRun, measured: Measurement) -> None:
    assert measured.latent_shape == (4, 3, 3)
    assert measured.columns["latent_size"] == 36
    assert measured.columns["compression"] == 144 / 36
    assert measured.columns["parameters"] == sum(p.numel() for p in run.model.parameters())
    assert measured.latents.shape == (60, 36)
    assert measured.image_shape == (1, 12, 12)


def test_floors_are_those_of_scikit_learn(
    run: LoadedRun, linear: LinearMethods, pixels: tuple[np.ndarray, np.ndarray]
) -> None:
    train, test = pixels
    floors = linear.floors([36, 144])
    for n in (1, 8, 36):
        pca = PCA(n, svd_solver="full").fit(train)
        reconstructions = pca.inverse_transform(pca.transform(test)).clip(0, 1)
        assert floors.pca_mse[n] == pytest.approx(((reconstructions - test) ** 2).mean(), rel=1e-5)
    assert math.isnan(floors.pca_mse[144])
    assert max(floors.pca_mse) == 144
    assert set(floors.do_nothing_psnr) == set(floors.pca_psnr) == {0.3}
    assert floors.do_nothing_psnr[0.3] < floors.pca_psnr[0.3] < floors.wiener_psnr[0.3]


def test_probes_are_those_of_scikit_learn(
    run: LoadedRun, measured: Measurement, pixels: tuple[np.ndarray, np.ndarray]
) -> None:
    train, test = pixels
    splits = run.data.train, run.data.test
    train_labels, test_labels = (split.labels.numpy() for split in splits)
    with torch.inference_mode():
        latents = run.model.encode(run.data.train.images / 255).flatten(1).numpy()
    pca = PCA(36, svd_solver="full").fit(train)
    points = np.sort(np.random.default_rng(0).choice(60, 50, replace=False))
    for prefix, codes, test_codes in (
        ("", latents, measured.latents),
        ("pca_", pca.transform(train), pca.transform(test)),
    ):
        knn = KNeighborsClassifier(5).fit(codes, train_labels)
        assert measured.columns[f"{prefix}knn"] == pytest.approx(
            knn.score(test_codes[points], test_labels[points])
        )
        scaler = StandardScaler().fit(codes.astype(np.float64))
        probe = RidgeClassifier().fit(scaler.transform(codes), train_labels)
        accuracy = probe.score(scaler.transform(test_codes), test_labels)
        assert measured.columns[f"{prefix}linear_probe"] == pytest.approx(accuracy)


def test_examples_are_the_best_the_median_and_the_worst(
    run: LoadedRun, measured: Measurement
) -> None:
    errors = measured.image_mse
    assert measured.best.indices == [errors.argmin()]
    assert measured.worst.indices[0] == errors.argmax()
    assert (np.diff(errors[measured.worst.indices]) <= 0).all()
    assert len(measured.worst.indices) == 10
    assert (errors < errors[measured.median.indices[0]]).sum() == 30
    shown: Examples = measured.shown
    assert (measured.labels[shown.indices] == range(10)).all()
    images, corrupted = run.data.test.images, run.data.test.corrupted
    rows = torch.from_numpy(shown.indices)
    np.testing.assert_array_equal(shown.images, images[rows].numpy() / np.float32(255))
    np.testing.assert_array_equal(shown.corrupted, corrupted[rows].numpy())
    error = np.square(shown.reconstructions - shown.images).mean((1, 2, 3))
    np.testing.assert_allclose(error, errors[shown.indices], rtol=1e-5)


def test_robustness_without_noise_is_the_clean_error(measured: Measurement) -> None:
    assert set(measured.robustness) == {0, 0.3}
    psnr = -10 * math.log10(measured.columns["clean_mse"])
    assert measured.robustness[0] == pytest.approx(psnr, rel=1e-5)


def test_robustness_is_to_the_noise_of_the_seed(run: LoadedRun, measured: Measurement) -> None:
    images, labels = run.data.test.images / 255, run.data.test.labels
    torch.manual_seed(SETTINGS.seed)
    noisy = (images + 0.3 * torch.randn_like(images)).clamp(0, 1)
    with torch.inference_mode():
        error = (run.model(noisy, labels) - images).square().mean().item()
    assert measured.robustness[0.3] == pytest.approx(-10 * math.log10(error), rel=1e-5)
    assert measured.robustness[0.3] != pytest.approx(measured.robustness[0], rel=1e-3)


def test_latents_are_those_of_clean_images(run: LoadedRun, measured: Measurement) -> None:
    with torch.inference_mode():
        latents = run.model.encode(run.data.test.images / 255).flatten(1).numpy()
    np.testing.assert_allclose(measured.latents, latents, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(measured.latent_variances, latents.var(0, ddof=1), rtol=1e-3)
    images = run.data.test.images.flatten(1).numpy()
    trust = trustworthiness(images, latents, n_neighbors=5)
    assert measured.columns["trustworthiness"] == pytest.approx(trust, rel=1e-6)
    silhouette = silhouette_score(latents, run.data.test.labels)
    assert measured.columns["silhouette"] == pytest.approx(silhouette, rel=1e-4)


def test_maps_show_the_same_images(run: LoadedRun, measured: Measurement) -> None:
    assert measured.map_indices.shape == (40,)
    assert measured.pca_map.shape == measured.tsne_map.shape == (40, 2)
    images = run.data.test.images.numpy()
    np.testing.assert_array_equal(measured.map_images, images[measured.map_indices])
    expected = PCA(2, svd_solver="full").fit_transform(measured.latents)[measured.map_indices]
    np.testing.assert_allclose(np.abs(measured.pca_map), np.abs(expected), rtol=1e-3, atol=1e-4)
    latents = measured.latents[measured.map_indices]
    assert measured.map_trustworthiness == {
        name: pytest.approx(trustworthiness(latents, points, n_neighbors=5), abs=1e-6)
        for name, points in (("pca", measured.pca_map), ("tsne", measured.tsne_map))
    }


def test_noise_has_its_own_floors(
    run: LoadedRun, linear: LinearMethods, measured: Measurement
) -> None:
    columns, floors = measured.columns, linear.floors([36])
    clean, noisy = run.data.test.images / 255, run.data.test.corrupted
    assert noisy is not None
    error = (noisy - clean).square().mean().item()
    assert columns["input_psnr"] == pytest.approx(-10 * math.log10(error), rel=1e-5)
    wiener = floors.wiener_psnr[0.3]
    assert wiener > floors.pca_psnr[0.3]
    assert columns["input_psnr"] < wiener <= columns["linear_psnr"]


def test_doing_nothing_still_clips(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "a", COMPACT, "noise=gaussian", "noise.clip=false"))
    assert run.data.test.corrupted is not None
    clean, noisy = (part.numpy() for part in (run.data.test.images, run.data.test.corrupted))
    error = np.square(noisy.clip(0, 1) - clean / np.float32(255)).mean()
    assert noisy.min() < 0
    assert columns_of(run, tmp_path)["input_psnr"] == pytest.approx(-10 * np.log10(error), abs=1e-3)


def test_a_clean_run_has_no_such_floors_and_an_overcomplete_one_the_pixels(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "a", WIDE))
    columns = columns_of(run, tmp_path)
    for name in ("input_psnr", "linear_psnr"):
        assert math.isnan(columns[name])
    for name in ("pca_knn", "pca_linear_probe"):
        assert 0.2 < columns[name] <= 1
    assert columns["mse"] == pytest.approx(columns["clean_mse"], rel=1e-6)


def test_images_smaller_than_its_window_have_no_ssim(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "a", COMPACT, "data.image_size=8"))
    columns = columns_of(run, tmp_path)
    assert math.isnan(columns["ssim"])
    assert columns["psnr"] == pytest.approx(-10 * math.log10(columns["mse"]))


def test_pictures_are_of_what_was_judged(run: LoadedRun, measured: Measurement) -> None:
    generated = measured.generated
    # 60 test images of ten classes, and ten times as many samples as a class is given.
    assert generated.samples.shape[1:] == generated.linear.shape[2:] == (1, 12, 12)
    assert len(generated.samples) == min(64, 10 * SETTINGS.samples_per_class)
    assert not generated.has_prior
    assert not generated.is_conditional


def test_pictures_come_back_out_of_the_cache(tmp_path: Path, measured: Measurement) -> None:
    loaded = cache.save(tmp_path, "a-b", measured)
    assert loaded is not measured
    for name, value in vars(measured.generated).items():
        np.testing.assert_equal(getattr(loaded.generated, name), value)


def test_images_that_are_chosen_make_another_key() -> None:
    def data(**changes: int) -> ImageDataModule:
        sizes = {"train_size": 50, "test_size": 30, "image_size": 8, "channels": 1}
        numbers = {"batch_size": 8, "val_size": 10, "seed": 0, "split_seed": 0, "num_workers": 0}
        made = SyntheticGarments(**sizes, **numbers, **changes)
        made.setup()
        return made

    whole = data_key(data())
    assert whole.endswith("-0-10")
    assert data_key(data(max_test=30, max_examined=40)) == whole
    assert data_key(data(max_test=20)) == f"{whole}-40-20"
    assert data_key(data(max_examined=25)) == f"{whole}-25-30"
