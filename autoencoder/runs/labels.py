"""Labels: what tells runs apart, and nothing else.

Imports neither torch nor Lightning: the end of a sweep needs labels as well.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from autoencoder import runs
from autoencoder.runs.identity import flatten, is_experiment

NO_NOISE = "no noise"


class Described(NamedTuple):
    """A run as its files describe it.

    Attributes:
        path: The run directory.
        config: Its config, as plain values.
        overrides: What its command line said, by key.
        choices: The choice of each config group.
    """

    path: Path
    config: dict[str, Any]
    overrides: dict[str, str]
    choices: dict[str, str]


class Label(NamedTuple):
    """What tells a run apart.

    Attributes:
        run: With the seed, where seeds differ.
        group: Without it: the same for runs that differ in the seed alone.
        differences: The overrides that differ, without the seed.
    """

    run: str
    group: str
    differences: dict[str, str]


def describe(run: Path) -> Described:
    """Reads a run's own description.

    Raises:
        RunError: If its config can't be read.
    """
    config: Any = OmegaConf.to_container(runs.read_config(run))
    return Described(run, config, runs.read_overrides(run), runs.read_choices(run))


def labels(described: Sequence[Described]) -> list[Label]:
    """A label for each run, of the overrides that differ between them."""
    keys = list(dict.fromkeys(key for run in described for key in run.overrides if _told(key)))
    values = [{key: _value(run, key) for key in keys} for run in described]
    differing = [key for key in keys if len({row[key] for row in values}) > 1]
    # What a report of one design says of it.
    common = [key for key in keys if key not in differing and _is_group(described[0], key)]
    shown = differing or common or ["model", "noise"]
    rows = [{key: _value(run, key) for key in shown} for run in described]
    groups = [
        ", ".join(_word(run, key, value) for key, value in row.items() if value) or run.path.name
        for run, row in zip(described, rows, strict=True)
    ]
    seeds = [run.config.get("seed", 0) for run in described]
    # Runs of one label that are not the same experiment with another seed are told by their folder.
    kinds: dict[str, set[str]] = {}
    for run, group in zip(described, groups, strict=True):
        kinds.setdefault(group, set()).add(_experiment(run.config))
    repeated = Counter(zip(groups, seeds, strict=True))
    result = []
    for run, group, seed, row in zip(described, groups, seeds, rows, strict=True):
        if len(kinds[group]) > 1 or repeated[group, seed] > 1:
            group = f"{group} ({run.path.parent.name}/{run.path.name})"
        label = f"{group}, seed {seed}" if len(set(seeds)) > 1 else group
        result.append(Label(label, group, row))
    return result


def noise_in_words(config: Any) -> str:
    """What a run's noise is."""
    name = str((config or {}).get("_target_", "")).rpartition(".")[2]
    match name:
        case "" | "Identity":
            return NO_NOISE
        case "GaussianNoise":
            std = config.get("std")
            strength = f"{std[0]:g} to {std[1]:g}" if isinstance(std, list) else std
            return f"Gaussian noise of standard deviation {strength}" + (
                "" if config.get("clip", True) else ", not clipped"
            )
        case "SaltAndPepperNoise":
            return f"salt and pepper on {config.get('amount'):.0%} of the pixels"
        case "MaskingNoise":
            return f"{config.get('ratio'):.0%} of the pixels masked"
    values = ", ".join(f"{key} {value}" for key, value in config.items() if key != "_target_")
    return f"{name} {values}".strip()


def _told(key: str) -> bool:
    return is_experiment(key) and key != "seed" and not key.startswith("hydra")


def _value(run: Described, key: str) -> str:
    """What a run was told for a key, or what its config holds without being told, if anything."""
    if key in run.overrides:
        return run.overrides[key]
    if run.choices.get(key) is not None:
        return run.choices[key]
    values = dict(flatten(run.config))
    if values.get(key) is not None:
        return str(values[key]).replace(" ", "")
    # Where the choice of a group was not recorded, its class stands for it: that of `noise=none`
    # is named as the choice is, so that runs with and without a record are alike.
    name = str(values.get(f"{key}._target_", "")).rpartition(".")[2]
    return "none" if name == "Identity" else name


def _is_group(run: Described, key: str) -> bool:
    return isinstance(run.config.get(key), dict) or key == "experiment"


def _word(run: Described, key: str, value: str) -> str:
    if value in ("none", "null"):
        return f"no {key.rpartition('.')[2]}"
    return value if _is_group(run, key) else f"{key.rpartition('.')[2]} {value}"


def _experiment(config: dict[str, Any]) -> str:
    """The config without what may differ between seeds and between places."""
    described = (
        (key, value)
        for key, value in flatten(config)
        if is_experiment(key)
        and key not in ("seed", "data.seed")
        and not key.startswith("callbacks")
    )
    return repr(sorted(described, key=lambda pair: pair[0]))
