"""A lock: a file that one process at a time holds, for as long as it lives."""

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Gives whether the lock was free; if so it is held until the end of the block.

    Where the file system knows no locks (Lustre, some of NFS), it says so and is free.

    Raises:
        OSError: If the file can't be opened, or is a link.
    """
    # What is there may be a link that somebody else has laid: neither followed nor emptied.
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            error.strerror = "is a link, as a lock must not be"
        raise
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            log.warning("%s: no locks on this file system, so nothing keeps others out", path)
        yield True
    finally:
        os.close(descriptor)
