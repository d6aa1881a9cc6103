"""The command line: how a program starts and ends, and what it says instead of a traceback.

Nothing here imports torch or Lightning, so that `--help` and shell completion answer at once. This
file imports nothing slow at all: a signal may come while Hydra is being imported.
"""

from __future__ import annotations

import functools
import io
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from autoencoder.commandline import output, signals
from autoencoder.commandline.configs import CONF_DIR

if TYPE_CHECKING:
    from omegaconf import DictConfig


def command(
    config_name: str, before: Callable[[], None] = lambda: None
) -> Callable[[Callable[[DictConfig], Any]], Callable[[], None]]:
    """Makes a program of a function that takes the config: mistakes end it in one message.

    The whole traceback is printed where `HYDRA_FULL_ERROR=1` is set, and for errors that are
    nobody's mistake on the command line.

    Args:
        config_name: The file in `conf/`.
        before: What is to be done before Hydra looks at the command line.
    """

    def program_of(task: Callable[[DictConfig], Any]) -> Callable[[], None]:
        @functools.wraps(task)
        def program() -> None:
            signals.handle()
            output.keep()
            full_error = os.environ.get("HYDRA_FULL_ERROR") == "1"
            # Has Hydra raise its errors instead of printing them.
            os.environ["HYDRA_FULL_ERROR"] = "1"
            try:
                from autoencoder.commandline import words

                sys.argv[1:] = words.ordered(sys.argv[1:])
                before()
                _run(task, config_name)
            except BaseException as end:
                signals.exit_if_stopped()
                error = end.__cause__ if isinstance(end, _PastHydraError) else end
                message = explain(error) if isinstance(error, Exception) else None
                if full_error or message is None:
                    raise
                sys.exit(f"error: {message}")

        return program

    return program_of


def explain(error: Exception) -> str | None:
    """What is wrong and what to type instead; None for an error that needs its traceback."""
    from autoencoder.commandline import mistakes

    return mistakes.explain(error)


class _PastHydraError(BaseException):
    """A mistake in the only job, past Hydra, which would list its overrides before the message."""


def _run(task: Callable[[DictConfig], Any], config_name: str) -> None:
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    @functools.wraps(task)
    def job(cfg: DictConfig) -> Any:
        try:
            return task(cfg)
        except Exception as error:
            if HydraConfig.get().mode is RunMode.RUN and explain(error) is not None:
                raise _PastHydraError from error
            raise

    main = hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name=config_name)(job)
    if not {"--help", "-h"} & set(sys.argv):
        main()
        return
    from autoencoder.commandline.meanings import annotated

    text = io.StringIO()
    try:
        with redirect_stdout(text):
            main()
    finally:
        sys.stdout.write(annotated(text.getvalue(), config_name, sys.argv[1:]))
