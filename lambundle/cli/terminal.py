"""The one door to the terminal: everything that a person reads is written here, and nothing in it is obeyed.

Elsewhere than on a terminal a line is its text, and rich is not even imported.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.cli.line import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TextIO

    from lambundle.cli.drawing import Drawing
    from lambundle.cli.line import Line
    from lambundle.cli.theme import Painter

_USUAL, _NARROWEST = 80, 40
_DIGITS = 6


class Terminal:
    """Where lines go, and how: ``width`` in columns, with ``colour`` or without.

    ``is_terminal`` is whether a person looks on: then long lines are folded and things move. ``encoding`` is
    Python's name of the stream's. With ``keep_bytes``, elsewhere than on a terminal, names that are no UTF-8 are
    written as the bytes that they are, so that a program can open them: for names of this machine, not of a bundle.
    """

    def __init__(
        self,
        width: int = 80,
        *,
        is_terminal: bool = False,
        colour: bool = False,
        encoding: str = "utf-8",
        keep_bytes: bool = False,
        stream: TextIO | None = None,
    ) -> None:
        self.width = width
        self.is_terminal = is_terminal
        self.colour = colour
        self.encoding = encoding
        self.keep_bytes = keep_bytes
        self.stream = stream

    @classmethod
    def of(cls, stream: TextIO, environ: Mapping[str, str] = os.environ, *, keep_bytes: bool = False) -> Terminal:
        """Ask a stream and the environment (no-color.org, force-color.org, TERM, COLUMNS)."""
        is_terminal = bool(environ.get("FORCE_COLOR")) or (stream.isatty() and environ.get("TERM") != "dumb")
        encoding = (getattr(stream, "encoding", None) or "ascii").lower()
        return cls(
            width=max(_columns(stream, environ), _NARROWEST),
            is_terminal=is_terminal,
            colour=is_terminal and not environ.get("NO_COLOR"),
            encoding="utf-8" if encoding.replace("-", "").replace("_", "") == "utf8" else encoding,
            keep_bytes=keep_bytes and not is_terminal,
            stream=stream,
        )

    @property
    def unicode(self) -> bool:
        """Whether it can show more than ASCII."""
        return self.encoding.startswith("utf")

    @property
    def drawing(self) -> Drawing:
        """What tables and bars are drawn with: ASCII where nobody looks on."""
        from lambundle.cli.drawing import Drawing

        return Drawing(fine=self.is_terminal and self.unicode)

    @cached_property
    def painter(self) -> Painter:
        """What lines are written with on a terminal."""
        from lambundle.cli.theme import Painter

        return Painter(self.width, self.encoding, colour=self.colour)

    def shown(self, text: str) -> str:
        """Return a text such that nothing in it steers a terminal and all of it can be written."""
        return shown(text, self.encoding, keep_bytes=self.keep_bytes)

    def rendered(self, lines: Iterable[Line]) -> list[str]:
        """Return lines as they are written, each without its line break."""
        if not self.is_terminal:
            return [self.shown(str(line)) for line in lines]
        return [text for line in lines for text in self.painter.lines(line)]

    def write(self, lines: Iterable[Line]) -> None:
        """Write lines. Raises OSError where the stream does not take them."""
        text = "".join([f"{line}\n" for line in self.rendered(lines)])
        if text:
            self._put(text)

    def write_json(self, value: object) -> None:
        """Write a value for a program: in ASCII, with every control character escaped (RFC 8259).

        Raises ValueError for a number that JSON does not have: whoever makes the value sees to it.
        """
        import json

        self._put(json.dumps(value, indent=1, allow_nan=False) + "\n")

    def write_bare(self, text: str) -> None:
        """Write the one thing that a program asked for, such as a path, exactly as it is; on a terminal as text."""
        self._put((self.shown(text) if self.is_terminal else text) + "\n")

    def _put(self, text: str) -> None:
        if self.stream is not None:
            self.stream.write(text)
            self.stream.flush()


def _columns(stream: TextIO, environ: Mapping[str, str]) -> int:
    """As ``shutil.get_terminal_size``, which imports every compression that Python has, says of this stream."""
    told = environ.get("COLUMNS", "")
    if told.isdecimal() and len(told) <= _DIGITS and int(told):
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL
    except (OSError, ValueError):  # no terminal, no file, or closed
        return _USUAL
