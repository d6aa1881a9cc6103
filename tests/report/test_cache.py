"""The cache of a report: kept, damaged, or not to be written."""

import dataclasses
import io
import os
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from autoencoder import runs
from autoencoder.report.measure import cache
from autoencoder.report.measure.collection import collect
from autoencoder.report.measure.evaluation import Floors, Measurement
from tests.report.runs_on_disk import COMPACT, SETTINGS, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_run(tmp_path_factory.mktemp("cached") / "run", COMPACT)
    collect(run, SETTINGS, Console(file=io.StringIO()))
    return run


def test_no_bit_of_a_measurement_is_turned_without_a_word(run: Path) -> None:
    key = cache.key(run, SETTINGS)
    whole = cache.load(run, key)
    assert whole is not None
    generator = random.Random(0)
    for name in (f"{key}.npz", f"{key}.latents.npy"):
        path = run / "cache" / name
        data, noticed = path.read_bytes(), 0
        for _ in range(60):
            turned = bytearray(data)
            turned[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
            path.write_bytes(turned)
            found = cache.load(run, key)
            noticed += found is None
            assert found is None or _same(found, whole)
        path.write_bytes(data)
        assert noticed > 40
    assert cache.load(run, key) is not None


def _same(found: Measurement, whole: Measurement) -> bool:
    return repr(found.columns) == repr(whole.columns) and all(
        np.array_equal(getattr(found, name), getattr(whole, name))
        for name in ("latents", "image_mse", "labels", "tsne_map", "latent_variances")
    )


def test_no_digit_of_the_floors_is_changed_without_a_word(tmp_path: Path) -> None:
    values: dict[str, Any] = {field.name: {2.0: 0.125} for field in dataclasses.fields(Floors)}
    floors = Floors(**values | {"pca_mse": {2: 0.125}, "generation": {"frechet": float("nan")}})
    cache.save_floors(tmp_path, "k", floors)
    assert repr(cache.load_floors(tmp_path, "k")) == repr(floors)
    (path,) = (tmp_path / "cache").iterdir()
    text = path.read_text()
    for old, new in (
        ("0.125", "0.135"),
        ('"2.0"', '"3.0"'),
        ("NaN", "1.0"),
        ("pca_mse", "pca_mze"),
    ):
        path.write_text(text.replace(old, new, 1))
        assert cache.load_floors(tmp_path, "k") is None


def test_the_arrays_behind_a_link_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = write_run(tmp_path / "run", COMPACT)
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "data.npy").write_text("years of work")
    (run / "cache").symlink_to(thesis)
    assert len(collect(run, SETTINGS, Console(file=io.StringIO())).evaluations) == 1
    assert [path.name for path in thesis.iterdir()] == ["data.npy"]
    assert f"{run / 'cache'} is done without: it is a link" in caplog.text


def test_only_the_own_arrays_are_replaced(run: Path, tmp_path: Path) -> None:
    key = cache.key(run, SETTINGS)
    measurement = cache.load(run, key)
    assert measurement is not None
    old, others = f"{'0' * 12}-{'1' * 12}", ("data.npy", "old-new.npz", f"{os.getppid()}.npz")
    (tmp_path / "cache").mkdir()
    for name in (f"{old}.npz", f"{old}.latents.npy", *others):
        (tmp_path / "cache" / name).touch()
    cache.save(tmp_path, key, measurement)
    names = {path.name for path in (tmp_path / "cache").iterdir()}
    assert names == {*others, f"{key}.npz", f"{key}.latents.npy"}


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = write_run(tmp_path / "run", COMPACT)
    (run / "cache").write_text("a file where the folder would be")
    assert len(collect(run, SETTINGS, Console(file=io.StringIO())).evaluations) == 1
    assert (run / "cache").is_file()
    # Measurement, classifier and floors would all be there.
    assert caplog.text.count("is done without") == 1


# Another value of each setting, and whether a measurement and the floors depend on it.
OTHERS: list[tuple[str, Any, bool, bool]] = [
    ("seed", 1, True, True),
    ("noise_stds", (0, 0.2), True, True),
    ("samples_per_class", 4, True, True),
    ("max_points", 41, True, False),
    ("prior", {"one": {"_target_": "autoencoder.analysis.priors.Gaussian"}}, True, False),
    ("knn_points", 51, True, False),
    ("batch_size", 33, False, False),
    ("threads", 2, False, False),
    ("device", "cuda", False, False),
    ("data_root", "/elsewhere", False, False),
    ("trust", ("mine",), False, False),
    ("images", "many", False, False),
]


@pytest.mark.parametrize(("name", "value", "measured", "floors"), OTHERS, ids=lambda x: str(x))
def test_what_depends_on_a_setting_has_another_key(
    run: Path, name: str, value: Any, measured: bool, floors: bool
) -> None:
    other = dataclasses.replace(SETTINGS, **{name: value})
    assert (cache.key(run, other) != cache.key(run, SETTINGS)) == measured
    keys = [cache.floors_key("data", [8], settings) for settings in (SETTINGS, other)]
    assert (keys[0] != keys[1]) == floors


def test_every_setting_is_known_to_the_cache() -> None:
    assert {name for name, *_ in OTHERS} == {field.name for field in dataclasses.fields(SETTINGS)}


def test_other_floors_have_another_key() -> None:
    keys = [
        cache.floors_key(data, sizes, SETTINGS)
        for data, sizes in (("a", [8]), ("b", [8]), ("a", [9]), ("a", [8, 9]))
    ]
    assert len(set(keys)) == 4


@pytest.mark.parametrize("change", ["data.split_seed=3", "noise=gaussian", "model.kernel_size=5"])
def test_another_experiment_of_the_same_weights_has_another_key(
    run: Path, tmp_path: Path, change: str
) -> None:
    other = write_run(tmp_path / "other", COMPACT, change)
    (other / runs.BEST).write_bytes((run / runs.BEST).read_bytes())
    assert cache.key(other, SETTINGS) != cache.key(run, SETTINGS)


def test_the_same_run_elsewhere_has_the_same_key(run: Path, tmp_path: Path) -> None:
    assert cache.key(shutil.copytree(run, tmp_path / "moved"), SETTINGS) == cache.key(run, SETTINGS)
