"""The server of the page: on this machine alone unless told otherwise, asking nobody anything."""

import errno
import logging
import os
import socket
import tempfile
from typing import TYPE_CHECKING

from autoencoder.trained.arrays import InputError
from autoencoder.trained.demo.figures import CSS
from autoencoder.trained.demo.views import Views

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logging.getLogger(__name__)

# As Gradio says them to whoever uploads more.
_MEGABYTE = 2**20
_OPEN_TO_ALL = ("", "0.0.0.0", "::")


def check_gradio() -> None:
    """Refuses to go on without Gradio, and has it call nobody.

    Raises:
        InputError: Which says what to install.
    """
    # It would send who uses it, and look for newer versions of itself.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise InputError(
            "the page takes gradio: pip install 'autoencoder-experiments[demo]', or "
            "pip install gradio"
        ) from error


def application(views: Views, upload_mb: float) -> "FastAPI":
    """The page as a program for any server.

    Not Gradio's own `launch`: it asks for itself through the proxy, where there is one, and its
    port is known but at the end.
    """
    import gradio as gr
    from fastapi import FastAPI

    from autoencoder.trained.demo.page import THEME, build

    app = FastAPI(openapi_url=None)
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        build(views),
        path="/",
        theme=THEME,
        css=CSS,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        ssr_mode=False,
        show_error=False,
        max_file_size=int(upload_mb * _MEGABYTE),
    )
    return mounted


def serve(views: Views, host: str, port: int, upload_mb: float) -> None:
    """Serves the page until a signal ends it; uploaded files are gone then.

    Args:
        views: What it shows.
        host: The address that is listened on.
        port: The same; 0: any that is free.
        upload_mb: Megabytes of the largest file that is taken.

    Raises:
        InputError: If that can't be listened on.
    """
    import uvicorn

    listening = _listening(host, port)
    with listening, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        app = application(views, upload_mb)
        # A page that is still open when it ends is no error that people should read of.
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
        shown = "127.0.0.1" if host in _OPEN_TO_ALL else host
        name = f"[{shown}]" if ":" in shown else shown
        log.info("http://%s:%d/ (Ctrl-C ends it)", name, listening.getsockname()[1])
        uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        # Python adds the address, which has been said.
        reason = (error.strerror or str(error)).partition(" (while")[0]
        if error.errno == errno.EADDRINUSE:
            reason += "; port=0 takes one that is free"
        raise InputError(f"host={host} port={port}: {reason}") from error
