"""Experiments with autoencoders: how their design shapes the reconstruction and the latent space.

The rooms, each of which knows only those before it: networks, data, metrics, models, analysis,
runs, console, commandline, callbacks, experiment, report, sweeps, cli.
"""


class AutoencoderError(Exception):
    """What a user can set right: the text says what is wrong and what to type instead.

    It is shown without a traceback. Every error that this package raises on purpose is one.
    """
