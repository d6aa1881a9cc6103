"""A page to play with trained runs, in a browser.

`views` is what is to be seen, `figures` how it becomes HTML, `page` what is clicked, and `serve`
who may open it. Only the last two know Gradio.
"""

import dataclasses

from autoencoder.trained.arrays import InputError
from autoencoder.trained.demo.serve import check_gradio, serve
from autoencoder.trained.demo.views import Views
from autoencoder.trained.options import Options


def demo(options: Options, *, host: str, port: int, upload_mb: float) -> None:
    """Serves the page until a signal ends it.

    Args:
        options: The run or runs, and the device; the page keeps nothing, so has no place.
        host: The address that is listened on.
        port: The same; 0: any that is free.
        upload_mb: Megabytes of the largest file that is taken.
    """
    if options.out is not None:
        raise InputError("the page keeps nothing, so it has no out=")
    if not 0 <= port < 2**16:
        raise InputError(f"port must be a whole number from 0 to 65535, got {port}")
    if not upload_mb > 0:
        raise InputError(f"upload_mb must be a number above 0, got {upload_mb}")
    check_gradio()
    paths = options.run if isinstance(options.run, list) else [options.run]
    loaded = [dataclasses.replace(options, run=path).load() for path in paths or [None]]
    serve(Views(loaded), host, port, upload_mb)
