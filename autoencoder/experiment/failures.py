"""Failures: what a run leaves in its directory when it ends early, and how it goes on."""

import logging
import shlex
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from autoencoder import runs
from autoencoder.commandline import explain
from autoencoder.runs import ERROR, PRUNED, is_pruned
from autoencoder.runs.environment import program
from autoencoder.runs.files import write_text

log = logging.getLogger(__name__)


@contextmanager
def failures_recorded(run_dir: Path) -> Iterator[None]:
    """Leaves what goes wrong in the run directory: `error.txt`, or `pruned.txt` in a search.

    Of a single run that fails before it is started nothing is left: what is wrong is on the screen.
    """
    for name in (ERROR, PRUNED):
        (run_dir / name).unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        with suppress(OSError):  # a full disk takes neither this nor what has failed for it
            if is_pruned(error):
                write_text(run_dir / PRUNED, f"{error}\n")
            else:
                reason = explain(error) or f"{type(error).__name__}: {error}"
                again = f"the run alone: {command_line()}\n" if HydraConfig.initialized() else ""
                write_text(run_dir / ERROR, f"{reason}\n{again}\n{traceback.format_exc()}")
            if not _in_sweep():  # whose end says what was refused
                runs.remove_unless_started(run_dir)
        raise
    except (KeyboardInterrupt, SystemExit):  # Lightning makes the second of the first
        if HydraConfig.initialized():
            log.info("stopped; this goes on with it: %s", command_line())
        raise


def _in_sweep() -> bool:
    return HydraConfig.initialized() and HydraConfig.get().mode is RunMode.MULTIRUN


def command_line() -> str:
    """The command that runs the current job, and no other job of its sweep, in its directory."""
    cfg = HydraConfig.get()
    words = program("train")
    if _in_sweep():
        words.append("-m")
        # Else a sweep that is part of an experiment would be run again.
        if cfg.sweeper.get("params"):
            words.append("hydra.sweeper.params=null")
    folder = Path(cfg.sweep.dir if _in_sweep() else cfg.run.dir)
    words += [
        text for text in cfg.overrides.hydra if text.startswith(("hydra.sweep.", "hydra.run."))
    ]
    overrides = [text for text in cfg.overrides.task if not text.startswith("name=")]
    return shlex.join([*words, f"name={folder.name}", *overrides])
