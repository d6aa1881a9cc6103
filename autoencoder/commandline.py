"""The command line: names of runs, console output, and errors that say what to type instead.

Imports neither torch nor Lightning, so that `--help` and shell completion answer at once.
"""

import difflib
import functools
import hashlib
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO, TypeVar

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

Main = TypeVar("Main", bound=Callable[[], object])

# An environment variable that holds the name of the run, where runs share the console.
SHARED_CONSOLE = "AUTOENCODER_SHARED_CONSOLE"

CONF_DIR = Path(__file__).parent.parent / "conf"

# Overrides that say where a run lies or how it is shown, not what it is.
NOT_IN_NAME = ("name", "overwrite", "fail_fast", "report", "data.root")
LONGEST_NAME = 120


def run_name(overrides: Sequence[str]) -> str:
    """The folder of a run in its sweep: its overrides, as a path that can be typed back.

    `["noise=none", "model.channels=[16,32,8]"]` makes `model.channels-16-32-8_noise-none`:
    sorted, so that the order on the command line does not matter, config groups first.
    """
    kept = [text for text in overrides if text.split("=")[0].lstrip("+~") not in NOT_IN_NAME]
    kept.sort(key=lambda text: ("." in text.split("=")[0], text))
    words = [re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-") for text in kept]
    name = "_".join(words) or "default"
    if len(name) > LONGEST_NAME:
        digest = hashlib.sha256(repr(kept).encode()).hexdigest()[:8]
        name = f"{name[: LONGEST_NAME - 9]}-{digest}"
    return name


# In each process that loads this module: those of other launchers know nothing of the program.
OmegaConf.register_new_resolver("run_name", run_name, replace=True)


def command(main: Main) -> Main:
    """Decorates a `hydra.main` function: known errors end in one message and status 1.

    The whole traceback is printed where `HYDRA_FULL_ERROR=1` is set, and for errors that are
    nobody's mistake on the command line.
    """

    @functools.wraps(main)
    def checked() -> object:
        full_error = os.environ.get("HYDRA_FULL_ERROR") == "1"
        # Has Hydra raise its errors instead of printing them.
        os.environ["HYDRA_FULL_ERROR"] = "1"
        try:
            return main()
        except Exception as error:
            message = explain(error)
            if full_error or message is None:
                raise
            sys.exit(f"error: {message}")

    return checked  # type: ignore[return-value]  # the same signature


def explain(error: Exception) -> str | None:
    """What is wrong and what to type instead; None for an error that needs its traceback."""
    if type(error).__module__.startswith("autoencoder."):
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
    from autoencoder.runs import flatten

    yield from (path.name for path in CONF_DIR.iterdir() if path.is_dir())
    choices = [word.partition(",")[0].partition("=") for word in sys.argv[1:]]
    chosen = [
        f"{group}={choice}"
        for group, _, choice in choices
        if choice and (CONF_DIR / group / f"{choice}.yaml").exists()
    ]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose("evaluate" if Path(sys.argv[0]).stem == "evaluate" else "train", chosen)
    for key, _ in flatten(OmegaConf.to_container(cfg)):
        yield key


class ConsoleHandler(logging.StreamHandler[TextIO]):
    """Logs to whatever `sys.stdout` is at the moment, so that lines pass above a progress bar.

    Where runs share the console, each line begins with the name of its run.

    Args:
        stream: Not used; Hydra's own logging config, which ours refines, gives one.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # a property where the base has a field
        """The current standard output."""
        return sys.stdout

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record, with the name of the run where runs share the console."""
        text = super().format(record)
        name = os.environ.get(SHARED_CONSOLE)
        return "\n".join(f"{name} | {line}" for line in text.splitlines()) if name else text
