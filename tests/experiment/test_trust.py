"""A received run is data: what its config may build."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from autoencoder import runs
from autoencoder.experiment.build import load_run
from autoencoder.experiment.trust import TrustError, check_targets
from autoencoder.runs import RunError
from tests.conftest import Compose
from tests.report.runs_on_disk import COMPACT, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "theirs", COMPACT)


def altered(run: Path, **values: Any) -> Path:
    cfg = OmegaConf.load(run / runs.CONFIG)
    for key, value in values.items():
        OmegaConf.update(cfg, key.replace("__", "."), value, merge=False, force_add=True)
    OmegaConf.save(cfg, run / runs.CONFIG)
    return run


def hostile(target: str, **arguments: Any) -> dict[str, Any]:
    return {"_target_": target, **arguments}


@pytest.mark.parametrize(
    "key", ["noise", "model__likelihood", "optimizer", "data__noise", "scheduler", "model___args_"]
)
@pytest.mark.parametrize("nested", [False, True])
def test_code_of_a_received_run_does_not_run(run: Path, key: str, nested: bool) -> None:
    mark = run.parent / "touched"
    target = hostile("autoencoder.runs.files.write_text", path=str(mark), text="in")
    value = {"a": [1, [{"b": target}]]} if nested else target
    with pytest.raises(TrustError, match=r"write_text.*trust=\[") as error:
        load_run(altered(run, **{key: value}))
    assert "\n" not in str(error.value)
    assert key.replace("__", ".", 1) in str(error.value)
    assert not mark.exists()


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.Popen",
        "builtins.eval",
        "hydra.utils.call",
        "hydra.utils.instantiate",
        "hydra.utils.get_class",
        "torch.load",
        "torch.hub.load",
        "autoencoder.data.sources._run",
        "autoencoder.data.sources.subprocess.Popen",
        "autoencoder.data.module.L.LightningDataModule",
        "autoencoder.data.sources.DataNotFoundError",
        "autoencoder.models.Autoencoder.load_from_checkpoint",
        "autoencoder.data.ImageDataModule.from_datasets",
        "autoencoder.models",
        "autoencoder.nothing",
        "torch.nn.modules.module.functools.partial",
        "torch.nn.functional.relu",
        "torch.nn.init.ones_",
        "torch.nn.Nothing",
        "torch.nnx.Linear",
        "torch.optim.Adam.step",
        "lightning.Trainer",
        "",
        ".",
        "Linear",
        "${oc.env:HOME}",
        "???",
        7,
        None,
        ["torch.nn.Identity"],
    ],
)
def test_what_is_no_class_of_a_model_or_of_data_is_refused(target: Any) -> None:
    with pytest.raises(TrustError) as error:
        check_targets({"model": {"x": [{"_target_": target}]}})
    assert "model.x.0._target_" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["noise", "model", "data"])
def test_a_node_that_is_no_dict_is_walked_as_well(key: str) -> None:
    with pytest.raises(TrustError):
        check_targets({key: [{"_target_": "os.system"}]})


@pytest.mark.parametrize(
    "target",
    [
        "torch.nn.GELU",
        "torch.nn.modules.linear.Linear",
        "torch.optim.SGD",
        "torch.optim.lr_scheduler.CosineAnnealingLR",
        "autoencoder.models.likelihoods.BernoulliLikelihood",
        "autoencoder.networks.ResidualEncoder",
        "autoencoder.data.noise.MaskingNoise",
    ],
)
def test_classes_of_models_and_data_are_known(target: str) -> None:
    check_targets({"model": {"x": {"_target_": target}}})


@pytest.mark.parametrize("model", ["baseline", "residual", "overcomplete", "conditional_vae"])
def test_configs_of_this_project_are_known(tiny: Compose, model: str) -> None:
    cfg = tiny(f"model={model}", "noise=salt_and_pepper")
    values = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(values, dict)
    check_targets({key: values[key] for key in ("data", "noise", "model", "optimizer")})


def test_a_package_that_the_user_trusts(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = run.parent / "blur"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "noises.py").write_text(
        "import os\nfrom torch import nn\nclass Blur(nn.Identity): pass\ndef blur(): return Blur()"
    )
    monkeypatch.syspath_prepend(run.parent)
    for target in ("blur.noises.Blur", "blur.noises.blur"):
        altered(run, noise={"_target_": target})
        with pytest.raises(TrustError, match=r"noise\._target_"):
            load_run(run)
        for package_name in ("blur", "blur.noises"):
            assert type(load_run(run, trust=[package_name]).data.noise).__name__ == "Blur"
        with pytest.raises(TrustError):
            load_run(run, trust=["blu"])
    with pytest.raises(TrustError, match=r"blur\.noises\.os\.system"):
        load_run(altered(run, noise={"_target_": "blur.noises.os.system"}), trust=["blur"])


@pytest.mark.parametrize("key", ["noise", "name", "data__root", "callbacks__x"])
def test_a_received_config_does_not_read_the_environment(
    run: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    altered(run, **{key: ["${oc.env:SECRET}"]})
    with pytest.raises(RunError, match=key.replace("__", ".")) as error:
        runs.read_config(run)
    assert "\n" not in str(error.value)
    assert "s3cret" not in str(error.value)
