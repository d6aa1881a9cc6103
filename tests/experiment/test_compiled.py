"""Networks that are compiled for the training."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from autoencoder.experiment import compiled
from autoencoder.experiment.build import ConfigError, build
from autoencoder.experiment.train import train
from tests.conftest import Compose


def rows(run: Path) -> torch.Tensor:
    lines = (run / "metrics.csv").read_text().splitlines()
    names = lines[0].split(",")
    wanted = [names.index(name) for name in ("train/loss", "val/loss")]
    return torch.tensor([[float(line.split(",")[i]) for i in wanted] for line in lines[1:]])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "mode"),
    [
        *(("baseline", mode) for mode in compiled.MODES),
        # Each takes half a minute; the variational ones are made of the residual one's networks.
        ("residual", "default"),
        ("vq_vae", "default"),
    ],
)
def test_a_compiled_training_is_that_of_the_networks(
    tiny: Compose, tmp_path: Path, model: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    compiler = torch.compile

    def counted(function: object, **options: object) -> object:
        inner = compiler(function, **options)  # type: ignore[call-overload]

        def call(batch: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
            calls.append(len(batch))
            result: torch.Tensor = inner(batch, *others)
            return result

        return call

    monkeypatch.setattr(torch, "compile", counted)
    # 230 images in batches of 64: the last has 38.
    sizes = ("data.train_size=262", f"model={model}", "noise=gaussian")
    # Rounding may give a latent another code.
    within = 1e-3 if model == "vq_vae" else 1e-4
    for name, choice in (("eager", "none"), ("compiled", mode)):
        train(tiny(*sizes, f"compile={choice}", run_dir=tmp_path / name))
    eager, found = rows(tmp_path / "eager"), rows(tmp_path / "compiled")
    torch.testing.assert_close(found, eager, rtol=within, atol=0)
    # Two epochs, two networks, and nothing but the training.
    assert sorted(calls) == sorted(2 * 2 * [64, 64, 64, 38])
    tests = [
        json.loads((tmp_path / name / "metrics.json").read_text())["test/mse"]
        for name in ("eager", "compiled")
    ]
    assert tests[1] == pytest.approx(tests[0], rel=within)


def test_only_the_training_is_compiled(tiny: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[object] = []

    def doubled(function: nn.Module, **given: object) -> object:
        options.append(given)
        return lambda images: 2 * function(images)

    monkeypatch.setattr(torch, "compile", doubled)
    data, model, _ = build(tiny("model=baseline", "compile=reduce-overhead"))
    assert options == 2 * [{"mode": "reduce-overhead", "dynamic": False}]
    _, plain, _ = build(tiny("model=baseline"))
    assert model.state_dict().keys() == plain.state_dict().keys()
    images = torch.rand(2, *data.image_shape)
    assert torch.equal(model.train().encode(images), 2 * plain.encode(images))
    assert torch.equal(model.eval()(images), plain(images))


def test_every_run_of_a_process_is_compiled(tiny: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs: list[torch.fx.GraphModule] = []
    compiler = torch.compile

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> object:
        graphs.append(graph)
        return graph.forward

    def compiled_by_it(function: object, **options: object) -> object:
        return compiler(function, backend=backend, dynamic=False)  # type: ignore[call-overload]

    monkeypatch.setattr(torch, "compile", compiled_by_it)
    runs = 6  # of two networks each, where torch compiles one function eight times at the most
    for seed in range(runs):
        data, model, _ = build(tiny("model=baseline", "compile=default", f"seed={seed}"))
        model.train()(torch.rand(2, *data.image_shape))
    assert len(graphs) == 2 * runs


def test_another_mode_is_refused(tiny: Compose) -> None:
    with pytest.raises(ConfigError, match="compile must be none, default or reduce-overhead"):
        train(tiny("compile=max"))
