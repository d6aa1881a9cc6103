"""Mistakes on the command line: what is wrong, and what to type instead."""

import difflib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from autoencoder import AutoencoderError
from autoencoder.commandline import CONF_DIR
from autoencoder.runs.identity import flatten


def explain(error: Exception) -> str | None:
    """What is wrong and what to type instead; None for an error that needs its traceback."""
    if isinstance(error, AutoencoderError):
        return str(error)
    if isinstance(error, MissingConfigException) and error.options:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        return (
            f"{group}={choice}: no such choice{_suggest(choice, error.options)}\n"
            f"{group} can be {', '.join(error.options)}"
        )
    if match := re.match(r"Could not override '(.+)'", str(error)):
        (key,) = match.groups()
        return f"{key}: no such key or config group{_suggest(key, list(_known_keys()))}"
    if isinstance(error, HydraException | OmegaConfBaseException):
        # An error inside a constructor: what it said, and where in the config it was built.
        cause = error.__cause__
        if cause is not None and not isinstance(cause, OmegaConfBaseException):
            keys = re.findall(r"full_key: (\S+)", str(error))
            return f"{keys[-1]}: {cause}" if keys else str(cause)
        return str(error)
    return None


def _suggest(typed: str, known: Sequence[str]) -> str:
    # First the right word in the wrong place: channels for model.channels.
    close = [key for key in known if key.rpartition(".")[2] == typed.rpartition(".")[2]]
    close = close or difflib.get_close_matches(typed, known, n=1)
    return f"; did you mean {' or '.join(close)}?" if close else "; see the keys with --cfg job"


def _known_keys() -> Iterator[str]:
    """Config groups, then every key of the config with the groups that were chosen, dotted."""
    yield from (path.name for path in CONF_DIR.iterdir() if path.is_dir())
    choices = [word.partition(",")[0].partition("=") for word in sys.argv[1:]]
    chosen = [
        f"{group}={choice}"
        for group, _, choice in choices
        if choice and (CONF_DIR / group / f"{choice}.yaml").exists()
    ]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose(
            "evaluate" if Path(sys.argv[0]).stem.endswith("evaluate") else "train", chosen
        )
    for key, _ in flatten(OmegaConf.to_container(cfg)):
        yield key
