"""The package away from its checkout: a wheel, in another environment, in an empty folder."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from autoencoder import runs
from autoencoder.experiment.build import load_run
from autoencoder.runs.checkpoints import ImageFacts, save_weights
from tests.conftest import TINY
from tests.report.runs_on_disk import COMPACT, write_run

# A wheel is built without a network, so with the setuptools of this environment.
pytest.importorskip("setuptools", minversion="77", reason="needs setuptools>=77")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
QUICK = [*(text for text in TINY if "max_epochs" not in text), "trainer.max_epochs=1"]
THEIR_MODEL = """
from autoencoder.models import ConvAutoencoder

class Theirs(ConvAutoencoder):
    pass
"""
THEIR_YAML = """
defaults: [baseline, _self_]
_target_: their_package.Theirs
channels: [4, 8]
"""


def run(*command: str, cwd: Path, path: Path | None = None) -> str:
    """What a command prints that knows nothing of the checkout."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "HYDRA"))}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, as a build leaves files behind, which the next one would take for the package's.
    source = folder / "source"
    for name in ("autoencoder", "conf"):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    reference = source / "multirun/reference"
    shutil.copytree(ROOT / "multirun/reference", reference)
    # One more, as the weights of the others may not be there.
    tiny = write_run(reference / "model-tiny", COMPACT)
    loaded = load_run(tiny)
    facts = ImageFacts(loaded.data.image_shape, loaded.data.classes)
    save_weights(loaded.model, tiny / runs.WEIGHTS, facts)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation")
    run(*pip, "--no-index", "--wheel-dir=.", str(source), cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs, in an environment that has this one's packages behind its own."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", str(folder), cwd=folder)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (packages / "behind.pth").write_text(sysconfig.get_path("purelib"))
    pip = (sys.executable, "-m", "pip", "--python", str(folder), "install", "--no-index")
    run(*pip, "--no-deps", "--ignore-installed", str(wheel), cwd=folder)
    where = "import autoencoder; print(autoencoder.__file__)"
    imported = run(str(folder / "bin/python"), "-c", where, cwd=folder).strip()
    assert imported == str(packages / "autoencoder/__init__.py")
    return folder / "bin"


def test_a_wheel_holds_the_package_and_its_configs_and_nothing_else(wheel: Path) -> None:
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "autoencoder").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    configs = {
        f"autoencoder/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "conf").rglob("*.yaml")
    }
    kept = (runs.METRICS, runs.CONFIG, runs.OVERRIDES, runs.WEIGHTS)
    source = wheel.parent / "source/multirun"
    reference = {
        f"autoencoder/{path.relative_to(source).as_posix()}"
        for mark in kept
        for path in source.glob(f"reference/*/{mark}")
    }
    assert len(reference) > 60
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == package | configs | reference


def test_a_run_of_the_reference_is_loaded_in_an_empty_folder(
    programs: Path, tmp_path: Path
) -> None:
    code = """
import autoencoder, numpy
run = autoencoder.load("multirun/reference/model-tiny", device="cpu")
images = numpy.random.default_rng(0).random((3, 12, 12))
assert run.reconstruct(images).shape == (3, 12, 12)
assert run.decode(run.encode(images)).shape == (3, 1, 12, 12)
assert run.data.test.images.shape == (60, 1, 12, 12)
table = autoencoder.results("multirun/reference")
assert "model-tiny" in " ".join(table["path"]) and len(table) > 20
"""
    run(str(programs / "python"), "-c", code, cwd=tmp_path)
    said = run(
        str(programs / "autoencoder"), "reconstruct", "run=multirun/reference/model-tiny",
        cwd=tmp_path,
    )  # fmt: skip
    assert said.startswith("60 images, MSE 0.")
    assert not list(tmp_path.iterdir())


def test_a_run_a_sweep_and_their_reports(programs: Path, tmp_path: Path) -> None:
    train, evaluate = str(programs / "autoencoder-train"), str(programs / "autoencoder-evaluate")
    run(train, *QUICK, "name=one", cwd=tmp_path)
    one = tmp_path / "outputs/one"
    environment = json.loads((one / ".hydra/environment.json").read_text())
    assert environment["command"].startswith("autoencoder-train data=synthetic")
    assert environment["autoencoder-experiments"] != "not installed"
    assert "autoencoder-train --config-dir" in (one / ".hydra/experiment/this.yaml").read_text()

    said = run(train, "-m", *QUICK, "name=s", "noise=none,gaussian", cwd=tmp_path)
    assert "autoencoder-evaluate run=multirun/s" in said
    assert len(list(tmp_path.glob("multirun/s/*/metrics.json"))) == 2

    small = "max_points=40", "noise_stds=[0,0.3]", "samples_per_class=3"
    for run_dir in ("outputs/one", "multirun/s"):
        run(evaluate, f"run={run_dir}", *small, cwd=tmp_path)
        assert (tmp_path / run_dir / "report/report.html").exists()


def test_their_own_model_in_parallel_runs_of_two_processes(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "packages/their_package").mkdir(parents=True)
    (tmp_path / "packages/their_package/__init__.py").write_text(THEIR_MODEL)
    (tmp_path / "conf/model").mkdir(parents=True)
    (tmp_path / "conf/model/theirs.yaml").write_text(THEIR_YAML)
    train = (str(programs / "autoencoder-train"), "--config-dir", "conf")

    said = run(*train, "--help", cwd=tmp_path)
    assert "autoencoder-train model=compact4layer" in said
    (models,) = (line for line in said.splitlines() if line.startswith("model: "))
    assert "baseline" in models
    assert "theirs" in models

    parallel = "hydra/launcher=joblib", "trainer=ddp_cpu", "seed=0,1", "name=p"
    run(*train, "-m", *QUICK, "model=theirs", *parallel, cwd=tmp_path, path=tmp_path / "packages")
    runs = list(tmp_path.glob("multirun/p/*/metrics.json"))
    assert len(runs) == 2
    for path in runs:
        assert "their_package.Theirs" in (path.parent / ".hydra/config.yaml").read_text()
        environment = json.loads((path.parent / ".hydra/environment.json").read_text())
        # Not that of joblib, which started the process.
        assert environment["command"].startswith("autoencoder-train ")
        assert "--config-dir conf" in environment["command"]
