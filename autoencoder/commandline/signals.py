"""Signals that end a program: one line, and the status by which a shell knows them.

Ctrl-C sends SIGINT to every process of a terminal; `kill`, `timeout` and schedulers send SIGTERM
to one. The process that was started as a command answers: it raises `Stopped` where it is, so that
what it has begun is put away, and ends by the signal itself, which a shell calls status 130 or 143
(and which, unlike an exit with that number, ends a loop of commands in a script as well). The
processes that it starts end with it, without a word.
"""

import atexit
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM)
_received: list[int] = []


class Stopped(SystemExit):
    """A signal has come that ends the program."""


def handle() -> None:
    """Has the signals end this program; to be called before anything slow is imported."""
    for number in _ENDING:
        # A script's `command &` ignores SIGINT.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    atexit.register(_end)  # the first to be registered is the last to be called


def exit_if_stopped() -> None:
    """Ends the program if a signal has said so, whatever was made of it on its way here."""
    if stopped():
        raise Stopped(128 + _received[0])


def stopped() -> bool:
    """Whether a signal has said that the program is to end."""
    return bool(_received)


@contextmanager
def held() -> Iterator[None]:
    """Keeps SIGINT from this thread, and from the processes that it starts until they `follow`.

    A process that is still importing what it needs could only answer with a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def follow() -> None:
    """Has the signals end this process without a word: another one leads and speaks."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


def _stop(number: int, frame: FrameType | None) -> None:
    again = bool(_received)
    _received.append(number)
    # Imports take an exception for a module that is missing, and have nothing to put away.
    if again or _importing(frame):
        _end()
    raise Stopped(128 + number)


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _end() -> None:
    if not _received:
        return
    number = _received[0]
    with suppress(Exception):
        sys.stdout.flush()
    with suppress(OSError):
        os.write(2, f"stopped by {signal.Signals(number).name}\n".encode())
    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
