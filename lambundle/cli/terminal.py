"""What a terminal can show: how wide it is, whether it has colour and more than ASCII; and text that fits it."""

from __future__ import annotations

import os
import shutil
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

BLOCKS = " ▏▎▍▌▋▊▉█"
"""Bars of nothing to eight eighths of a column."""
_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "bold": 1, "dim": 2}


@dataclass(frozen=True, slots=True)
class Terminal:
    """``width`` is in columns. Where there is no colour, nothing but ASCII is drawn either."""

    width: int = 80
    colour: bool = False
    unicode: bool = False

    @classmethod
    def of(cls, stream: TextIO, environ: Mapping[str, str] = os.environ) -> Terminal:
        """Ask a stream and the environment (no-color.org, force-color.org, COLUMNS)."""
        colour = stream.isatty() and environ.get("TERM", "") != "dumb"
        if environ.get("FORCE_COLOR"):
            colour = True
        if environ.get("NO_COLOR"):
            colour = False
        encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
        width = shutil.get_terminal_size((80, 24)).columns
        return cls(max(width, 40), colour, colour and encoding.startswith("utf"))

    @property
    def arrow(self) -> str:
        """Between the steps of a chain."""
        return " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} " if self.unicode else " > "

    @property
    def dots(self) -> str:
        """In the place of what was left out."""
        return "…" if self.unicode else ".."

    def paint(self, text: str, colour: str) -> str:
        """Colour a text, where there is colour."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self.colour and text else text

    def bar(self, share: float, width: int) -> str:
        """Draw a part of a whole as a bar of at most ``width`` columns."""
        if not self.unicode:
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


def columns(text: str) -> int:
    """Columns that a text takes: two for a wide letter, none for one that is put on the letter before."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def plain(text: str) -> str:
    """Return a name from a bundle without what would steer a terminal or cannot be written."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def left(text: str, width: int) -> str:
    """Fill a text up to ``width`` columns."""
    return text + " " * (width - columns(text))


def _start(text: str, width: int) -> str:
    while columns(text) > width:
        text = text[: max(0, len(text) - max(1, (columns(text) - width) // 2))]
    return text


def _end(text: str, width: int) -> str:
    while columns(text) > width:
        text = text[max(1, (columns(text) - width) // 2) :]
    return text
