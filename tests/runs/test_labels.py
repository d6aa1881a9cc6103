"""What tells runs apart."""

from pathlib import Path
from typing import Any

import pytest

from autoencoder.runs.labels import Described, labels, noise_in_words


def run(folder: str = "a", *, seed: int = 0, **overrides: str) -> Described:
    config: dict[str, Any] = {
        "seed": seed,
        "data": {"_target_": "FashionMNIST", "seed": seed},
        "model": {"channels": overrides.get("model.channels"), "of": overrides.get("model")},
        "noise": {"of": overrides.get("noise")},
        "callbacks": {"pictures": folder},
        "run_dir": ".",
    }
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    choices = {"model": "baseline", "noise": "none"} | given
    return Described(Path("multirun/s") / folder, config, given | {"seed": str(seed)}, choices)


def test_only_what_differs_is_said() -> None:
    found = labels(
        [
            run(model=model, noise=noise, trainer__max_epochs="3")
            for model in ("baseline", "compact4layer")
            for noise in ("none", "gaussian")
        ]
    )
    assert [label.run for label in found] == [
        "baseline, no noise",
        "baseline, gaussian",
        "compact4layer, no noise",
        "compact4layer, gaussian",
    ]
    assert found[1].differences == {"model": "baseline", "noise": "gaussian"}


def test_seeds_are_in_the_label_and_not_in_the_group() -> None:
    found = labels([run(model=m, seed=s) for m in ("x", "y") for s in (0, 1)])
    assert [label.group for label in found] == ["x", "x", "y", "y"]
    assert [label.run for label in found] == ["x, seed 0", "x, seed 1", "y, seed 0", "y, seed 1"]


def test_values_are_told_with_the_end_of_their_key() -> None:
    found = labels([run(model__channels=c) for c in ("[16,32,2]", "[16,32,4]")])
    assert [label.run for label in found] == ["channels [16,32,2]", "channels [16,32,4]"]


def test_what_was_not_told_is_the_default() -> None:
    found = labels([run(), run("b", noise="gaussian")])
    assert [label.run for label in found] == ["no noise", "gaussian"]


def test_no_noise_is_called_so_where_the_choice_was_not_recorded() -> None:
    bare = run("b", model="y")._replace(choices={})
    bare.config["noise"] = {"_target_": "torch.nn.Identity"}
    found = labels([run(model="x", noise="none"), bare, run("c", model="x", noise="gaussian")])
    assert [label.differences["noise"] for label in found] == ["none", "none", "gaussian"]
    assert found[1].run == "y, no noise"


def test_a_value_that_a_run_does_not_have_is_not_told() -> None:
    # As of a sweep over models, of which one alone has a latent_dim.
    found = labels([run(model="x"), run("b", model="y", model__latent_dim="32")])
    assert [label.run for label in found] == ["x", "y, latent_dim 32"]
    assert found[0].differences == {"model": "x", "model.latent_dim": ""}


def test_one_run_says_what_it_is() -> None:
    assert labels([run()])[0].run == "baseline, no noise"
    assert labels([run(model="compact4layer")])[0].run == "compact4layer"


def test_where_a_run_lies_does_not_tell_it_apart() -> None:
    found = labels([run(model="x", name="one"), run("b", model="y", name="two")])
    assert [label.run for label in found] == ["x", "y"]


def test_repeated_runs_are_told_by_their_folder() -> None:
    found = labels([run("a", model="x"), run("b", model="x")])
    assert [label.group for label in found] == ["x (s/a)", "x (s/b)"]


def test_runs_whose_configs_differ_unsaid_are_not_one_group() -> None:
    other = run("b", seed=1)
    other.config["model"] = {"channels": [1]}
    assert [label.group for label in labels([run(), other])] == [
        "baseline, no noise (s/a)",
        "baseline, no noise (s/b)",
    ]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "no noise"),
        ({"_target_": "torch.nn.Identity"}, "no noise"),
        (
            {"_target_": "autoencoder.data.noise.GaussianNoise", "std": 0.3, "clip": False},
            "Gaussian noise of standard deviation 0.3, not clipped",
        ),
        (
            {"_target_": "autoencoder.data.noise.GaussianNoise", "std": [0.0, 0.6]},
            "Gaussian noise of standard deviation 0 to 0.6",
        ),
        (
            {"_target_": "a.SaltAndPepperNoise", "amount": 0.1},
            "salt and pepper on 10% of the pixels",
        ),
        (
            {"_target_": "autoencoder.data.noise.MaskingNoise", "ratio": 0.25},
            "25% of the pixels masked",
        ),
        ({"_target_": "mine.Blur", "width": 3}, "Blur width 3"),
    ],
)
def test_noise_in_words(config: Any, words: str) -> None:
    assert noise_in_words(config) == words
