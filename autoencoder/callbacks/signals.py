"""The signal handlers of the process, kept."""

import signal
import threading

import lightning as L


class KeepSignals(L.Callback):
    """Has SIGTERM do what it did before the fit.

    Lightning puts a handler before it that ends the run with the next batch, and talks to the
    other processes in the middle of whatever they are doing.
    """

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Notes the handler."""
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Sets it again."""
        self._restore()

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Sets it again."""
        self._restore()

    def _restore(self) -> None:
        # None: set by something that is not Python.
        if self._handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handler)
