"""A header blob of rpm: one package's tags.

Source: rpm's ``lib/header.c``. Two 32-bit numbers, of index entries and of data bytes; the entries (tag, type,
offset, count); the data. All of it is big-endian.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from lambundle.errors import PackageDatabaseError
from lambundle.packages.base import decode

MAX_TAGS = 1 << 16
"""rpm's own limit for a header's entries."""
STRINGS = frozenset((6, 8, 9))
NUMBERS = {3: "H", 4: "I"}


class Tag(IntEnum):
    """The header tags that are read, by rpm's names."""

    NAME = 1000
    VERSION = 1001
    RELEASE = 1002
    EPOCH = 1003
    GROUP = 1016
    ARCH = 1022
    OLDFILENAMES = 1027
    FILESTATES = 1029
    FILEMODES = 1030
    SOURCERPM = 1044
    PROVIDENAME = 1047
    REQUIREFLAGS = 1048
    REQUIRENAME = 1049
    DIRINDEXES = 1116
    BASENAMES = 1117
    DIRNAMES = 1118
    RECOMMENDNAME = 5046
    SUGGESTNAME = 5049


class Header:
    """One package's header blob, bounds-checked; a tag that lies outside of it has no values.

    Raises PackageDatabaseError if the index lies outside.
    """

    def __init__(self, blob: bytes) -> None:
        if len(blob) < struct.calcsize(">II"):
            raise PackageDatabaseError("a header of the rpm database is cut short")
        tags, size = struct.unpack_from(">II", blob)
        self._start = 8 + 16 * tags
        if tags > MAX_TAGS or self._start + size > len(blob):
            raise PackageDatabaseError("a header of the rpm database is cut short")
        self._end = self._start + size
        self._blob = blob
        entries = struct.iter_unpack(">IIII", blob[8 : self._start])
        self._entries = {tag: (kind, offset, count) for tag, kind, offset, count in entries}

    def strings(self, tag: Tag) -> list[str]:
        """Return the strings of a tag; none if it is absent."""
        kind, offset, count = self._entries.get(tag, (0, 0, 0))
        start = self._start + offset
        if kind not in STRINGS or start >= self._end or count > self._end - start:
            return []
        # The split stops after the last string of this tag.
        parts = self._blob[start : self._end].split(b"\0", count) if count > 1 else [self._string(start)]
        return [decode(part) for part in parts[:count]]

    def _string(self, start: int) -> bytes:
        end = self._blob.find(b"\0", start, self._end)
        return self._blob[start : end if end >= 0 else self._end]

    def string(self, tag: Tag) -> str:
        """Return the first string of a tag; empty if it is absent."""
        return next(iter(self.strings(tag)), "")

    def numbers(self, tag: Tag) -> tuple[int, ...]:
        """Return the 8-, 16- or 32-bit numbers of a tag; none if it is absent."""
        kind, offset, count = self._entries.get(tag, (0, 0, 0))
        code = NUMBERS.get(kind, "B")
        start = self._start + offset
        if kind in STRINGS or start + count * struct.calcsize(f">{code}") > self._end:
            return ()
        return struct.unpack_from(f">{count}{code}", self._blob, start)
