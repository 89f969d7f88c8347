"""The two streams of a command: answers on stdout, remarks on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lambundle.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.cli.line import Line


class Speaker:
    """Says things to a person, unless it is ``quiet``: then the one answer alone is wanted."""

    def __init__(self, *, quiet: bool = False, out: Terminal | None = None) -> None:
        self.quiet = quiet
        self.out = out or Terminal.of(sys.stdout)
        self.err = Terminal.of(sys.stderr)

    def answers(self, lines: Iterable[Line]) -> None:
        """Lines of the answer, on stdout."""
        if not self.quiet:
            self.out.write(lines)

    def remarks(self, lines: Iterable[Line]) -> None:
        """Remarks, on stderr."""
        if not self.quiet:
            self.err.write(lines)
