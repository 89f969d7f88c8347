"""Opens a file that has to be a regular one: a pipe would block, a device may never end."""

from __future__ import annotations

import errno
import os
import stat

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class NotRegularError(OSError):
    """The file is a pipe, a socket or a device."""


def open_regular(path: str | os.PathLike[str], flags: int = 0) -> int:
    """Open a regular file for reading without waiting; ``flags`` are further ones of open(2).

    Raises IsADirectoryError for a directory, NotRegularError for a pipe, socket or device, and what open(2) raises.
    """
    try:
        fd = os.open(path, _FLAGS | flags)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENODEV):  # a socket, or a device without a driver
            raise _irregular(path) from error
        raise
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise _irregular(path)


def read_regular(path: str | os.PathLike[str], limit: int) -> bytes:
    """Return at most the first ``limit`` bytes of a regular file. Raises as ``open_regular``, or if reading fails."""
    with os.fdopen(open_regular(path), "rb") as file:
        return file.read(limit)


def _irregular(path: str | os.PathLike[str]) -> NotRegularError:
    return NotRegularError(errno.EINVAL, "It is a pipe, socket or device, not a file", path)
