"""Families and styles in font files: TrueType, OpenType and their collections, Type 1. Everything read is bounded."""

from __future__ import annotations

import posixpath
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

    from lambundle.machine import Files

OUTLINES = (".ttf", ".otf", ".ttc", ".otc")
TYPE1 = (".pfb", ".pfa", ".t1")
ENDINGS = (*OUTLINES, *TYPE1)
"""Endings of font files. Bitmap fonts are not among them: fontconfig's configuration usually rejects these."""

REGULAR, BOLD = 400, 700
"""Weights of OS/2's usWeightClass."""

_MAX_FACES = 64
_MAX_TABLES = 128
_MAX_NAMES = 4096
_MAX_NAME = 512
_TYPE1_HEAD = 1 << 14
_FAMILIES = (1, 16, 21)
"""Names in the table ``name`` that are families: of the four usual styles, of all, and of weights and slopes."""
_FAMILY = re.compile(rb"/FamilyName[ \t]*\(([^)]{1,200})\)")
_WEIGHT = re.compile(rb"/Weight[ \t]*\(([^)]{1,64})\)")
_ANGLE = re.compile(rb"/ItalicAngle[ \t]+-[0-9]*[1-9]")
_STYLE = re.compile(r"[-_ ]?(Regular|Book|Roman|Bold|Italic|Oblique|BoldItalic|BoldOblique)$")
_HEAVY = re.compile(r"bold|demi|black|heavy", re.IGNORECASE)
_MEDIUM_WIDTH = 5


@dataclass(frozen=True, slots=True)
class Face:
    """One face of a file: its families as fontconfig compares them (see ``folded``), weight, and style."""

    families: frozenset[str]
    weight: int = REGULAR
    is_italic: bool = False
    is_medium_wide: bool = True

    @property
    def rank(self) -> int:
        """How much it is missed: regular 0, bold 1, their italics 2 and 3, any other 4."""
        if not self.is_medium_wide or self.weight not in {REGULAR, BOLD}:
            return 4
        return (self.weight == BOLD) + 2 * self.is_italic


def folded(family: str) -> str:
    """Return a family's name as fontconfig compares it: without blanks and case."""
    return "".join(family.lower().split())


def read_faces(files: Files, path: str) -> tuple[Face, ...]:
    """Return the faces of a font file; where they cannot be read, one with the family in the file's name."""
    with files.mapped(path) as data:
        try:
            found = tuple(_type1(data) if path.lower().endswith(TYPE1) else _sfnt(data))
        except (struct.error, UnicodeDecodeError, IndexError):
            found = ()
    return tuple(face for face in found if face.families) or (_by_name(path),)


def _sfnt(data: mmap.mmap | bytes) -> Iterator[Face]:
    starts: tuple[int, ...] = (0,)
    if data[:4] == b"ttcf":
        (count,) = struct.unpack_from(">I", data, 8)
        starts = struct.unpack_from(f">{min(count, _MAX_FACES)}I", data, 12)
    for start in starts:
        tables = _tables(data, start)
        weight, width, is_italic = REGULAR, _MEDIUM_WIDTH, False
        if b"OS/2" in tables:
            weight, width = struct.unpack_from(">HH", data, tables[b"OS/2"] + 4)
            (selection,) = struct.unpack_from(">H", data, tables[b"OS/2"] + 62)
            is_italic = bool(selection & 0x201)  # ITALIC or OBLIQUE
        families = frozenset(map(folded, _families(data, tables[b"name"]))) if b"name" in tables else frozenset()
        yield Face(families, weight, is_italic, width == _MEDIUM_WIDTH)


def _tables(data: mmap.mmap | bytes, start: int) -> dict[bytes, int]:
    (count,) = struct.unpack_from(">H", data, start + 4)
    entries = (struct.unpack_from(">4sIII", data, start + 12 + 16 * place) for place in range(min(count, _MAX_TABLES)))
    return {tag: offset for tag, _, offset, _ in entries}


def _families(data: mmap.mmap | bytes, table: int) -> Iterator[str]:
    _, count, strings = struct.unpack_from(">3H", data, table)
    for place in range(min(count, _MAX_NAMES)):
        platform, _, _, name, length, offset = struct.unpack_from(">6H", data, table + 6 + 12 * place)
        if name in _FAMILIES and length <= _MAX_NAME:
            at = table + strings + offset
            # Macintosh's Roman differs from Latin-1 in letters that hardly any family has.
            yield data[at : at + length].decode("latin-1" if platform == 1 else "utf-16-be", "replace")


def _type1(data: mmap.mmap | bytes) -> Iterator[Face]:
    head = data[:_TYPE1_HEAD]
    family, weight = _FAMILY.search(head), _WEIGHT.search(head)
    if family is not None:
        is_bold = weight is not None and _HEAVY.search(weight[1].decode("latin-1")) is not None
        yield Face(
            frozenset({folded(family[1].decode("latin-1"))}), BOLD if is_bold else REGULAR, bool(_ANGLE.search(head))
        )


def _by_name(path: str) -> Face:
    stem = posixpath.basename(path).rpartition(".")[0]
    style = _STYLE.search(stem)
    family = stem if style is None else stem[: style.start()]
    text = "" if style is None else style[1]
    is_italic = text.endswith(("Italic", "Oblique"))
    return Face(frozenset({folded(family)}), BOLD if text.startswith("Bold") else REGULAR, is_italic)
