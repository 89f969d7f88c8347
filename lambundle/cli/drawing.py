"""Bars, arrows, the lines of a tree, and text that is cut to fit: in Unicode, or in ASCII."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.cli.line import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCKS = " ▏▎▍▌▋▊▉█"
"""Bars of nothing to eight eighths of a column."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn with: ``fine`` is Unicode, else everything is ASCII."""

    fine: bool = False

    @property
    def arrow(self) -> str:
        """Between the steps of a chain."""
        return " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} " if self.fine else " > "

    @property
    def dots(self) -> str:
        """In the place of what was left out."""
        return "…" if self.fine else ".."

    def bar(self, share: float, width: int) -> str:
        """Draw a part of a whole as a bar of at most ``width`` columns."""
        if not self.fine:
            return ("#" * round(share * width)).ljust(width)
        whole, part = divmod(round(share * width * 8), 8)
        return ("█" * whole + (BLOCKS[part] if part else "")).ljust(width)[:width]

    def clip(self, text: str, width: int) -> str:
        """Shorten a text to ``width`` columns, in the middle, where a file's name says least."""
        if columns(text) <= width:
            return text
        room = max(0, width - columns(self.dots))
        tail = room // 2
        return _start(text, room - tail) + self.dots + _end(text, tail) if room else text[:width]

    def clip_end(self, text: str, width: int) -> str:
        """Shorten a text to ``width`` columns at its end, as a sentence is."""
        if columns(text) <= width:
            return text
        return _start(text, max(0, width - columns(self.dots))) + self.dots

    def chain(self, steps: Sequence[str], width: int) -> str:
        """Join steps by arrows; where they do not fit, those in the middle go first."""
        for left_out in range(max(1, len(steps) - 1)):
            kept = [*steps[:1], self.dots, *steps[1 + left_out :]] if left_out else list(steps)
            text = self.arrow.join(kept)
            if columns(text) <= width:
                return text
        return self.clip_end(self.arrow.join([*steps[:1], self.dots, *steps[-1:]] if len(steps) > 1 else steps), width)


def _start(text: str, width: int) -> str:
    while columns(text) > width:
        text = text[: max(0, len(text) - max(1, (columns(text) - width) // 2))]
    return text


def _end(text: str, width: int) -> str:
    while columns(text) > width:
        text = text[max(1, (columns(text) - width) // 2) :]
    return text
