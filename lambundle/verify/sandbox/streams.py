"""A run's standard input and its output, bounded."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambundle.verify.sandbox.stdin import SharedInput

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
def feeding(stdin: bytes | SharedInput) -> Iterator[Streams]:
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

    def __init__(self, stdin: bytes | SharedInput) -> None:
        self.stdin, feed = os.pipe()
        os.set_blocking(feed, False)
        self._feed: int | None = feed  # None once it is closed
        self._out, self.stdout = os.pipe()
        self._err, self.stderr = os.pipe()
        self._stop, self._stopper = os.pipe()
        self._input = stdin if isinstance(stdin, SharedInput) else SharedInput(stdin)
        self._fed = 0
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
        source = self._input.source
        with selectors.DefaultSelector() as selector:
            if self._feed is not None:
                selector.register(self._feed, selectors.EVENT_WRITE)
            for handle in (self._out, self._err, self._stop):
                selector.register(handle, selectors.EVENT_READ)
            while set(selector.get_map()) - {self._stop, source}:
                ready = {key.fd for key, _ in selector.select()}
                if self._stop in ready:
                    break
                for handle in ready & {self._out, self._err}:
                    if not self._read(handle):
                        selector.unregister(handle)
                        os.close(handle)
                if source is not None and source in ready and self._feed is not None:
                    self._input.read(_BLOCK)
                    selector.unregister(source)
                    selector.register(self._feed, selectors.EVENT_WRITE)
                elif self._feed is not None and self._feed in ready:
                    self._feed_more(selector, self._feed, source)
            left = {*selector.get_map(), *(() if self._feed is None else (self._feed,))} - {source}
            for handle in left:
                os.close(handle)

    def _feed_more(self, selector: selectors.BaseSelector, feed: int, source: int | None) -> None:
        """Write some of the input, wait for more of it, or close the run's end after the last of it."""
        block = self._input.after(self._fed, _BLOCK)
        if block and self._write(feed, block):
            return
        if not block and not self._input.is_at_end(self._fed) and source is not None:
            try:
                selector.register(source, selectors.EVENT_READ)
            except PermissionError:  # a file is always ready, and epoll(7) takes none
                self._input.read(_BLOCK)
            else:
                selector.unregister(feed)
            return
        selector.unregister(feed)
        os.close(feed)
        self._feed = None

    def _write(self, feed: int, block: bytes) -> bool:
        """Write some of the input; False when there is nobody to read it."""
        try:
            with contextlib.suppress(BlockingIOError):
                self._fed += os.write(feed, block)
        except BrokenPipeError:
            return False
        return True

    def _read(self, handle: int) -> bool:
        block = os.read(handle, _BLOCK)
        if block:
            self._kept[handle].add(block)
        return bool(block)


def tail(text: bytes) -> str:
    """The end of what a program said, in one line."""
    return " ".join(text.decode(errors="replace")[-_TAIL:].split())
