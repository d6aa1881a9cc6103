"""Experiments with autoencoders: how their design shapes the reconstruction and the latent space.

The rooms, each of which knows only those before it: networks, data, metrics, models, analysis,
runs, console, commandline, callbacks, experiment, report, sweeps, trained, cli.

A trained run is used as `autoencoder.load(PATH)`, and many are compared in
`autoencoder.results(PATH)`. Both, and torch with them, are imported when they are first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoencoder.trained import InputError, Run, load, results

__all__ = ["AutoencoderError", "InputError", "Run", "load", "results"]


class AutoencoderError(Exception):
    """What a user can set right: the text says what is wrong and what to type instead.

    It is shown without a traceback. Every error that this package raises on purpose is one.
    """


def __getattr__(name: str) -> Any:
    # Also asked for each submodule that is not imported yet, and by whoever looks for what is not.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("autoencoder.trained"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
