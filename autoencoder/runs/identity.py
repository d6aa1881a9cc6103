"""The identity of a run: which keys of its config are the experiment, and what it is called."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from autoencoder import AutoencoderError

# Keys that say where a run lies and what happens around it.
PLACE = ("run_dir", "name", "overwrite", "report", "trust", "fail_fast", "pairs")
# Keys that may differ between two descriptions of the same experiment; the files of the data are
# the same wherever they lie.
NOT_THE_EXPERIMENT = (
    *(*PLACE, "threads", "compile", "data.root", "data.download", "data.cache"),
    *("data.device_resident", "optimized_metric"),
)

LONGEST_NAME = 120


def is_experiment(key: str) -> bool:
    """Whether a key of a config is part of what tells its experiment from another.

    Where a run is logged to beside its own files is not.
    """
    return key not in NOT_THE_EXPERIMENT and key.partition(".")[0] != "logger"


class NameRefusedError(AutoencoderError):
    """A name that no folder of a run or of a sweep may have."""


def check_name(name: Any) -> str:
    """The name of a run or of a sweep, which becomes a folder: one word, as it was given.

    Raises:
        NameRefusedError: If it is something else, or would lead elsewhere.
    """
    text = str(name) if type(name) in (str, int) else ""
    # Umlauts take two bytes; file systems take 255.
    if not re.fullmatch(r"\w[\w.+-]*", text) or len(text.encode()) > LONGEST_NAME:
        given = "null" if name is None else repr(str(name)[:60])
        raise NameRefusedError(
            f"name={given}: a name is one word of at most {LONGEST_NAME} letters, "
            "digits and ._+- that begins with a letter or a digit"
        )
    return text


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """The whole config as plain values, with paths relative to the run: it may be moved."""
    cfg = cfg.copy()
    cfg.run_dir = "."
    values: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    return values


def flatten(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of nested dicts."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from flatten(value, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, node


def differences(saved: Any, cfg: DictConfig) -> Iterator[str]:
    """What tells a config from a saved one, a line a key; nothing where both are one experiment."""
    there, asked = dict(flatten(OmegaConf.to_container(saved))), dict(flatten(resolved(cfg)))
    for key in sorted(there.keys() | asked.keys()):
        old, new = there.get(key, "nothing"), asked.get(key, "nothing")
        if old != new and is_experiment(key):
            yield f"{key}: {old} there, {new} asked for"


def run_name(overrides: Sequence[str]) -> str:
    """The folder of a run in its sweep: its overrides, as a path that can be typed back.

    `["noise=none", "model.channels=[16,32,8]"]` makes `model.channels-16-32-8_noise-none`:
    sorted, so that the order on the command line does not matter, config groups first.
    """
    kept = [text for text in overrides if is_experiment(text.split("=")[0].lstrip("+~"))]
    kept.sort(key=lambda text: ("." in text.split("=")[0], text))
    words = [re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-") for text in kept]
    name = "_".join(words) or "default"
    if len(name) > LONGEST_NAME:
        digest = hashlib.sha256(repr(kept).encode()).hexdigest()[:8]
        name = f"{name[: LONGEST_NAME - 9]}-{digest}"
    return name


# In each process that loads this module: those of other launchers know nothing of the program.
OmegaConf.register_new_resolver("run_name", run_name, replace=True)
# Where Hydra makes the folder, nothing of this project has been called yet.
OmegaConf.register_new_resolver("checked_name", check_name, replace=True)
