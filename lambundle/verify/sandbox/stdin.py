"""Standard input for several runs: what one run read of lambundle's own input, the next ones read again.

Nothing is read before a run could take it: an input that never ends, as many a build server gives, holds up no job
that does not read it.
"""

from __future__ import annotations

import os

INPUT_LIMIT = 64 << 20
"""Most bytes of lambundle's own input that are passed on, since all runs need them again."""


class SharedInput:
    """The input of every run of a job: the bytes read so far, then more of the descriptor ``source``, None for no more.

    ``is_cut`` tells that there was more than INPUT_LIMIT.
    """

    def __init__(self, content: bytes = b"", source: int | None = None) -> None:
        self._content = bytearray(content)
        self.source = source
        self.is_cut = False

    def after(self, position: int, size: int) -> bytes:
        """The bytes read so far that follow ``position``, at most ``size``."""
        return bytes(self._content[position : position + size])

    def is_at_end(self, position: int) -> bool:
        """Whether nothing can follow ``position``."""
        return self.source is None and position >= len(self._content)

    def read(self, size: int) -> None:
        """Read more of the source, which is ready."""
        if self.source is None:
            return
        try:
            block = os.read(self.source, size)
        except OSError:  # closed, or no file to read from
            block = b""
        left = INPUT_LIMIT - len(self._content)
        self.is_cut = self.is_cut or len(block) > left
        self._content += block[:left]
        if not block or self.is_cut:
            self.source = None
