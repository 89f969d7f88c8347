"""A long line folded at words.

rich's own folding breaks a path that is longer than a line in two, or folds nothing at all. A path that somebody
copies must stay whole: the terminal itself breaks it without a line break in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lambundle.cli.line import columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lambundle.cli.line import Part

NARROW = 24
"""Columns beside the hang below which nothing is folded."""
_WORD = re.compile(r"\s*\S+")


def folded(parts: Sequence[Part], hang: str, width: int) -> Iterator[list[Part]]:
    """Yield a line of parts as lines of ``width`` columns: each further one begins with ``hang``, in style ``guide``.

    The first ``len(hang)`` characters are never folded.
    """
    text = "".join([text for text, _ in parts])
    if columns(text) <= width or width - columns(hang) < NARROW:
        yield list(parts)
        return
    ends = list(_ends(text, len(hang), columns(hang), width))
    for number, (start, end) in enumerate(zip([0, *ends], [*ends, len(text)], strict=True)):
        cut = list(_cut(parts, start + _spaces(text[start:end]) if number else 0, end))
        yield [(hang, "guide"), *cut] if number else cut


def _ends(text: str, start: int, indent: int, width: int) -> Iterator[int]:
    """Say where each line but the last ends, before the spaces that the next would begin with."""
    filled = columns(text[:start])
    begun = False
    for word in _WORD.finditer(text, start):
        needed = columns(word[0])
        if begun and filled + needed > width:
            yield word.start()
            filled, needed = indent, columns(word[0].lstrip())
        filled += needed
        begun = True


def _spaces(text: str) -> int:
    return len(text) - len(text.lstrip())


def _cut(parts: Iterable[Part], start: int, end: int) -> Iterator[Part]:
    """Yield the characters from ``start`` to ``end``, each in its style."""
    at = 0
    for text, style in parts:
        piece = text[max(0, start - at) : max(0, end - at)]
        if piece:
            yield piece, style
        at += len(text)
