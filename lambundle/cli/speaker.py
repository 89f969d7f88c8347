"""The two streams of a command: answers on stdout, remarks on stderr."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambundle.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.cli.line import Line


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says things to a person, unless it is ``quiet``: then the one answer alone is wanted."""

    quiet: bool = False
    out: Terminal = field(default_factory=lambda: Terminal.of(sys.stdout))
    err: Terminal = field(default_factory=lambda: Terminal.of(sys.stderr))

    def answers(self, lines: Iterable[Line]) -> None:
        """Lines of the answer, on stdout."""
        if not self.quiet:
            self.out.write(lines)

    def remarks(self, lines: Iterable[Line]) -> None:
        """Remarks, on stderr."""
        if not self.quiet:
            self.err.write(lines)
