"""rpm's databases, made in memory."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from contextlib import closing
from typing import TYPE_CHECKING

from lambundle.packages.rpm.header import Tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

STRING, STRINGS, INT16, INT32 = 6, 8, 3, 4
SINGLE = frozenset((Tag.NAME, Tag.VERSION, Tag.RELEASE, Tag.ARCH, Tag.SOURCERPM))
WIDTHS = {Tag.FILEMODES: ("H", INT16)}


def header(tags: Mapping[Tag, Sequence[str] | Sequence[int]]) -> bytes:
    """Make a header blob of strings and numbers."""
    entries, data = b"", b""
    for tag in sorted(tags):
        values = tags[tag]
        if values and isinstance(values[0], int):
            code, kind = WIDTHS.get(tag, ("I", INT32))
            data += b"\0" * (-len(data) % struct.calcsize(code))
            packed = struct.pack(f">{len(values)}{code}", *values)
        else:
            kind = STRING if tag in SINGLE else STRINGS
            packed = b"".join(str(value).encode("utf-8", "surrogateescape") + b"\0" for value in values)
        entries += struct.pack(">IIII", tag, kind, len(data), len(values))
        data += packed
    return struct.pack(">II", len(entries) // 16, len(data)) + entries + data


def sqlite(blobs: Iterable[object], *, journal: bool = False) -> bytes:
    """Write rpm's own format; ``journal`` marks it as one that is written through a journal, as rpm does."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)")
        connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(blob,) for blob in blobs])
        connection.commit()
        data = connection.serialize()
    return data[:18] + b"\2\2" + data[20:] if journal else data


def ndb(blobs: Sequence[bytes]) -> bytes:
    """Write SUSE's format, which Debian's rpm was built without."""
    pages = (2 + len(blobs)) // 256 + 1
    size = 4096 * pages
    slots = struct.pack("<4sIIIIIII", b"RpmP", 0, 1, pages, len(blobs) + 1, 0, 0, 0)
    data = b""
    for number, blob in enumerate(blobs, 1):
        start = size + len(data)
        data += struct.pack("<4sIII", b"BlbS", number, 1, len(blob)) + blob
        data += b"\0" * (-(len(data) + 12) % 16) + struct.pack("<II4s", zlib.adler32(blob), len(blob), b"BlbE")
        slots += struct.pack("<4sIII", b"Slot", number, start // 16, (size + len(data) - start) // 16)
    slots += struct.pack("<4sIII", b"Slot", 0, 0, 0) * ((size - len(slots)) // 16)
    return slots + data
