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
    from hydra.core.utils import JobReturn
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
                message = explain(end) if isinstance(end, Exception) else None
                if full_error or message is None:
                    raise
                sys.exit(f"error: {message}")

        return program

    return program_of


def explain(error: Exception) -> str | None:
    """What is wrong and what to type instead; None for an error that needs its traceback."""
    from autoencoder.commandline import mistakes

    return mistakes.explain(error)


def _returned(job: JobReturn) -> Any:
    """What a job of Hydra's has returned, or the error that it ended with."""
    if isinstance(job._return_value, Exception):
        raise job._return_value
    return job._return_value


def _run(task: Callable[[DictConfig], Any], config_name: str) -> None:
    import hydra
    from hydra.core.utils import JobReturn

    # Hydra's own lists the overrides of a job that has failed before the message.
    JobReturn.return_value = JobReturn.return_value.getter(_returned)  # type: ignore
    main = hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name=config_name)(task)
    if not {"--help", "-h"} & set(sys.argv):
        _compose_and_run(main)
        return
    from autoencoder.commandline.meanings import annotated

    text = io.StringIO()
    try:
        with redirect_stdout(text):
            main()
    finally:
        sys.stdout.write(annotated(text.getvalue(), config_name, sys.argv[1:]))


def _compose_and_run(main: Callable[[], None]) -> None:
    """Has values that only the runs of a sweep know of set in each run, and nowhere else."""
    from hydra.errors import ConfigCompositionException

    from autoencoder.commandline import words

    try:
        main()
    except ConfigCompositionException as error:
        left_to_runs = words.left_to_runs(sys.argv[1:], str(error))
        if left_to_runs is None:
            raise
        sys.argv[1:] = left_to_runs
        _compose_and_run(main)
