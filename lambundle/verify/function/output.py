"""Reads a function's output all the time, so that it never blocks on a full pipe."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import threading
from dataclasses import dataclass

KEPT = 1 << 20
"""Most bytes that are kept of what is written between two events."""
STDOUT, STDERR = 0, 1

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class FunctionOutput:
    """Output: each stream, and both merged in the order of writing."""

    stdout: str = ""
    stderr: str = ""
    merged: str = ""


class Output:
    """Reads two pipes, which it owns, until their writers are gone."""

    def __init__(self, stdout: int, stderr: int) -> None:
        self._lock = threading.Lock()
        self._streams = {stdout: STDOUT, stderr: STDERR}
        self._chunks: list[tuple[int, bytes]] = []
        self._kept = 0
        self._dropped = 0
        for fd in self._streams:
            os.set_blocking(fd, False)
        self._thread = threading.Thread(target=self._pump, name="function-output", daemon=True)
        self._thread.start()

    def take(self) -> FunctionOutput:
        """Return all that was written since the last time, up to this moment."""
        with self._lock:
            for fd in self._streams:
                left = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)  # more was written later, perhaps without end
                while left > 0 and (size := self._read(fd)):
                    left -= size
            chunks, dropped = self._chunks, self._dropped
            self._chunks, self._kept, self._dropped = [], 0, 0
        rest = f"\n[{dropped:,} more bytes were written]\n" if dropped else ""
        stdout, stderr, merged = (
            b"".join(data for stream, data in chunks if stream in streams).decode(errors="replace")
            for streams in ({STDOUT}, {STDERR}, {STDOUT, STDERR})
        )
        return FunctionOutput(stdout, stderr, merged + rest)

    def join(self, seconds: float) -> None:
        """Wait for the end of both pipes."""
        self._thread.join(seconds)

    def _pump(self) -> None:
        poll = select.poll()
        for fd in self._streams:
            poll.register(fd, select.POLLIN)
        while self._streams:
            for fd, _ in poll.poll():
                with self._lock:
                    if self._read(fd) is None:
                        poll.unregister(fd)
                        del self._streams[fd]
                        os.close(fd)

    def _read(self, fd: int) -> int | None:
        """Read once from ``fd``; return how much, 0 when there is nothing now, None at the end."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(fd, _BLOCK)
            if not data:
                return None
            keep = data[: KEPT - self._kept]
            self._chunks.append((self._streams[fd], keep))
            self._kept += len(keep)
            self._dropped += len(data) - len(keep)
            return len(data)
        return 0
