"""Standard output and error that a program does not depend on: somebody reads along, or nobody."""

import codecs
import io
import os
import sys
import unicodedata
from typing import Any

# The error handler of encodings below.
_SPELT = "autoencoder.spelt"
_LIKE = {"\N{PLUS-MINUS SIGN}": "+-", "\N{EN DASH}": "-"} | dict.fromkeys(
    "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}", '"'
)


def keep() -> None:
    """Has this process go on where its output is closed, full, or read by nobody any more."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # Takes the lowest free number; else the next file that is opened would.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__"):  # else somebody else has taken it
            setattr(sys, name, _opened(number, stream))


def _opened(number: int, like: io.TextIOWrapper | None) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(number, "w", closefd=False)),
        encoding=like.encoding if like else None,
        errors=_SPELT,  # a terminal of few characters is no reason to fail either
        line_buffering=number == 2 or (like is not None and like.line_buffering),
        write_through=like is not None and like.write_through,
    )


def _spelt(error: UnicodeError) -> tuple[str, int]:
    """What an encoding lacks, as near as ASCII comes to it; ? where it comes to nothing."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = (
        _LIKE.get(letter)
        or unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
        or "?"
        for letter in error.object[error.start : error.end]
    )
    return "".join(letters), error.end


codecs.register_error(_SPELT, _spelt)


class _Output(io.FileIO):
    """Bytes that go nowhere from the first on that can't be written."""

    def write(self, data: Any, /) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except BlockingIOError:
            raise
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(data)
