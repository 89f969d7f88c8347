"""A run's standard input and its output, bounded."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTPUT_LIMIT = 16 << 20
"""Most bytes kept of standard output, and of standard error; the rest is read and dropped, and counted."""

_BLOCK = 1 << 16
_TAIL = 400


@dataclass(slots=True)
class _Kept:
    blocks: list[bytes] = field(default_factory=list)
    size: int = 0
    dropped: int = 0

    def add(self, block: bytes) -> None:
        kept = block[: OUTPUT_LIMIT - self.size]
        self.blocks.append(kept)
        self.size += len(kept)
        self.dropped += len(block) - len(kept)


@contextlib.contextmanager
def feeding(stdin: bytes) -> Iterator[Streams]:
    """Give the streams of a run that is started meanwhile; afterwards its ends are its own. If it fails, no more."""
    streams = Streams(stdin)
    try:
        yield streams
    except BaseException:
        streams.release()
        streams.finish(0)
        raise
    streams.release()


class Streams:
    """Feeds and reads a run's three pipes in a thread of its own, so that neither side ever waits for the other.

    ``stdin``, ``stdout``, ``stderr`` are the run's ends, which it is given under ``feeding``.
    """

    def __init__(self, stdin: bytes) -> None:
        self.stdin, self._feed = os.pipe()
        self._out, self.stdout = os.pipe()
        self._err, self.stderr = os.pipe()
        self._stop, self._stopper = os.pipe()
        self._left = memoryview(stdin)
        self._kept = {self._out: _Kept(), self._err: _Kept()}
        self._thread = threading.Thread(target=self._pump, name="lambundle-streams", daemon=True)

    def release(self) -> None:
        """Close the run's ends, which it has by now, and begin."""
        for handle in (self.stdin, self.stdout, self.stderr):
            os.close(handle)
        self._thread.start()

    def finish(self, seconds: float) -> tuple[bytes, bytes, int]:
        """Return output, error output and the bytes dropped of both, once the run has closed them.

        The run has ended: should somebody hold its output open still, reading stops after ``seconds``.
        """
        self._thread.join(seconds)
        os.close(self._stopper)
        self._thread.join()
        out, err = self._kept[self._out], self._kept[self._err]
        return b"".join(out.blocks), b"".join(err.blocks), out.dropped + err.dropped

    def _pump(self) -> None:
        os.set_blocking(self._feed, False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._feed, selectors.EVENT_WRITE)
            for handle in (self._out, self._err, self._stop):
                selector.register(handle, selectors.EVENT_READ)
            while set(selector.get_map()) - {self._stop}:
                for key, _ in selector.select():
                    goes_on = self._write() if key.fd == self._feed else self._read(key.fd)
                    if key.fd == self._stop:
                        break
                    if not goes_on:
                        selector.unregister(key.fd)
                        os.close(key.fd)
                else:
                    continue
                break
            for key in list(selector.get_map().values()):
                os.close(key.fd)

    def _write(self) -> bool:
        """Write some of standard input; False when there is no more to write, or nobody to read it."""
        try:
            with contextlib.suppress(BlockingIOError):
                self._left = self._left[os.write(self._feed, self._left[:_BLOCK]) :]
        except BrokenPipeError:
            return False
        return bool(self._left)

    def _read(self, handle: int) -> bool:
        block = os.read(handle, _BLOCK)
        if block:
            self._kept[handle].add(block)
        return bool(block)


def tail(text: bytes) -> str:
    """The end of what a program said, in one line."""
    return " ".join(text.decode(errors="replace")[-_TAIL:].split())
