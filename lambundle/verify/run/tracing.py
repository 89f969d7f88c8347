"""Receives the runtime's trace while a run goes on.

It comes through a named pipe in a directory that the sandbox mounts read-only: a pipe may be written to there,
whoever the writer is, and nothing that a bundle does with it takes space here.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from typing import TYPE_CHECKING

from lambundle.runtime.trace import VARIABLE
from lambundle.verify.run.trace import TraceCollector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lambundle.verify.run.trace import Trace

MOUNT = "/run/lambundle"
"""Where the sandbox has the directory of the pipe."""
PATH = f"{MOUNT}/trace"
"""The pipe there."""
ENVIRONMENT = {VARIABLE: PATH}
"""The runtime's variable for it."""

_BLOCK = 1 << 16
_BLOCKS_LEFT = 64
"""Blocks read before it is asked again whether the run has ended: four times what a pipe can hold."""


class Receiver:
    """Takes what is written to the pipe until it is told that the run has ended."""

    def __init__(self, pipe: Path) -> None:
        # We hold both ends: there is a reader for whoever opens it to write, and no end of file between two writers.
        self._fd = os.open(pipe, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._told, self._tell = os.pipe2(os.O_CLOEXEC)
        self._parser = TraceCollector()
        self._thread = threading.Thread(target=self._receive, name="trace", daemon=True)
        self._thread.start()

    def trace(self) -> Trace:
        """End, and give everything that was written."""
        os.write(self._tell, b"x")
        self._thread.join()
        return self._parser.trace()

    def close(self) -> None:
        """Close everything; after ``trace`` or instead of it."""
        if self._thread.is_alive():
            os.write(self._tell, b"x")
            self._thread.join()
        for fd in (self._fd, self._told, self._tell):
            os.close(fd)

    def _receive(self) -> None:
        is_over = False
        while not is_over:
            ready, _, _ = select.select([self._fd, self._told], [], [])
            is_over = self._told in ready
            for _ in range(_BLOCKS_LEFT):
                data = self._read()
                if not data:
                    break
                self._parser.feed(data)

    def _read(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            return os.read(self._fd, _BLOCK)
        return b""


def make_pipe(directory: Path) -> None:
    """Make the directory that is mounted at ``MOUNT``, with the pipe in it that everybody may write to."""
    directory.mkdir(mode=0o755)
    pipe = directory / "trace"
    os.mkfifo(pipe, 0o600)
    pipe.chmod(0o622)
    directory.chmod(0o755)


@contextlib.contextmanager
def receiving(directory: Path) -> Iterator[Receiver]:
    """Receive a run's trace through the pipe in ``directory``."""
    receiver = Receiver(directory / "trace")
    try:
        yield receiver
    finally:
        receiver.close()
