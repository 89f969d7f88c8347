"""glibc's ``locale-archive``, in which ``localedef`` puts the locales that it makes (``locale/locarchive.h``).

A hash table has the names, a record for each locale has the offset and length of its categories. Locales share equal
categories, names share records. Everything is bounded: an archive may be damaged.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping

ARCHIVE = "/usr/lib/locale/locale-archive"

CATEGORIES = (
    "LC_CTYPE",
    "LC_NUMERIC",
    "LC_TIME",
    "LC_COLLATE",
    "LC_MONETARY",
    "LC_MESSAGES",
    "LC_ALL",
    "LC_PAPER",
    "LC_NAME",
    "LC_ADDRESS",
    "LC_TELEPHONE",
    "LC_MEASUREMENT",
    "LC_IDENTIFICATION",
)
"""The categories in the order of locale.h; LC_ALL has no data of its own."""

MAX_NAMES = 1 << 16
"""Slots of the table of names; Fedora's archive of all locales has 2,000."""
MAX_NAME = 256

_MAGIC = 0xDE020109
_HEAD = struct.Struct("=14I")
_NAME = struct.Struct("=3I")
_RECORD = struct.Struct("=I26I")


@dataclass(frozen=True, slots=True)
class ArchivedLocale:
    """One locale: its names, and offset and length of each category in the archive."""

    names: tuple[str, ...]
    categories: Mapping[str, tuple[int, int]]


def read_archive(data: mmap.mmap | bytes) -> list[ArchivedLocale]:
    """Return the locales in an archive by name; none of what is damaged."""
    if len(data) < _HEAD.size:
        return []
    magic, _, table, _, slots = _HEAD.unpack_from(data)[:5]
    if magic != _MAGIC or slots > MAX_NAMES or table + slots * _NAME.size > len(data):
        return []
    names: dict[int, list[str]] = {}
    for slot in range(slots):
        _, name, record = _NAME.unpack_from(data, table + slot * _NAME.size)
        text = data[name : name + MAX_NAME].partition(b"\0")[0]
        # A name becomes a directory.
        if record and text and text.isascii() and b"/" not in text and not text.startswith(b"."):
            names.setdefault(record, []).append(text.decode())
    found = []
    for record, known in names.items():
        categories = _categories(data, record)
        if categories is not None:
            found.append(ArchivedLocale(tuple(sorted(known)), categories))
    return sorted(found, key=lambda locale: locale.names)


def _categories(data: mmap.mmap | bytes, record: int) -> dict[str, tuple[int, int]] | None:
    if record + _RECORD.size > len(data):
        return None
    fields = _RECORD.unpack_from(data, record)[1:]
    pairs = zip(CATEGORIES, fields[::2], fields[1::2], strict=True)
    found = {name: (offset, length) for name, offset, length in pairs if name != "LC_ALL"}
    return found if all(offset + length <= len(data) for offset, length in found.values()) else None
