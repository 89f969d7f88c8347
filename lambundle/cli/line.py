"""A line of a screen: text in parts, each with a style; and the one function that makes text safe to show."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

Style: TypeAlias = Literal[
    "",
    "pass",
    "warn",
    "fail",
    "skip",
    "label",
    "heading",
    "path",
    "name",
    "command",
    "dim",
    "guide",
    "rule",
    "note",
    "hint",
    "error",
    "near",
    "bar",
    "more",
    "less",
]
"""Styles by meaning; ``theme`` says how each looks. The empty one is the terminal's own."""

Part: TypeAlias = "tuple[str, Style]"

_BEFORE = re.compile(r" *(?:\d+ \S+ {2,})?")

_BYTES = range(0xDCA0, 0xDD00)
"""Bytes that are no UTF-8, as surrogateescape keeps them (PEP 383), but for those that could be C1 controls."""


class Line(NamedTuple):
    """One line, in parts.

    ``hang`` is put before what does not fit: the line is then folded at words, so many columns are never folded at
    its beginning, and every further line begins with it. None leaves a long line whole, as a path is that somebody
    copies.
    """

    parts: tuple[Part, ...]
    hang: str | None = None

    def __str__(self) -> str:
        return "".join([text for text, _ in self.parts])


def line(*parts: str | Part, hang: str | None = None) -> Line:
    """Return a line of parts; a mere text has no style."""
    return Line(tuple((part, "") if isinstance(part, str) else part for part in parts), hang)


def indent(text: str) -> int:
    """Columns before what a text says: its spaces, and the number and the name of a row of a table."""
    found = _BEFORE.match(text)
    return 0 if found is None else found.end()


def tidy(*parts: str | Part) -> Line:
    """Return a line without spaces at its end."""
    kept = list(line(*parts).parts)
    while kept:
        text, style = kept.pop()
        if stripped := text.rstrip():
            kept.append((stripped, style))
            break
    return Line(tuple(kept))


def shown(text: str, encoding: str = "utf-8", *, keep_bytes: bool = False) -> str:
    r"""Return a text such that a terminal shows it and obeys nothing in it.

    Control characters (C0, C1, DEL), line breaks, those that turn the direction of text, all others that are not
    printable, and what ``encoding`` does not have become escapes such as ``\x1b``; a tab is four spaces. With
    ``keep_bytes``, bytes of a name that is no UTF-8 stay as they are.
    """
    if text.isprintable() and (encoding == "utf-8" or text.isascii()):
        return text
    safe = "".join([each if each.isprintable() else _escaped(each, keep_bytes=keep_bytes) for each in text])
    errors = "surrogateescape" if keep_bytes and encoding == "utf-8" else "backslashreplace"
    return safe if encoding == "utf-8" else safe.encode(encoding, errors).decode(encoding, errors)


def _escaped(character: str, *, keep_bytes: bool) -> str:
    if keep_bytes and ord(character) in _BYTES:
        return character
    import unicodedata

    if unicodedata.category(character) == "Zs":  # a space by another name: a no-break one, say
        return " "
    return "    " if character == "\t" else ascii(character)[1:-1]


def columns(text: str) -> int:
    """Columns that a text takes: two for a wide letter, none for one that is put on the letter before."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def left(text: str, width: int) -> str:
    """Fill a text up to ``width`` columns."""
    return text + " " * (width - columns(text))
