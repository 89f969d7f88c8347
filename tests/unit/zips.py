"""Zips made by hand, entry by entry, where the headers may lie."""

from __future__ import annotations

import stat
import struct
import zlib
from dataclasses import dataclass, replace
from typing import Any

import deflate

from lambundle.bundle import zipformat

REG, DIR, LNK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777


@dataclass(frozen=True)
class Raw:
    """An entry of a zip that is made by hand; ``local`` and ``central`` may lie apart.

    ``extra`` is a field in the local header that its sizes are said to be in.
    """

    central: zipformat.Record
    local: zipformat.Record
    data: bytes
    extra: bytes | None = None


def raw(name: bytes, data: bytes = b"", mode: int = REG, method: int = 0, **lies: Any) -> Raw:
    packed = bytes(deflate.deflate_compress(data, 6)) if method else data
    record = zipformat.Record(name, mode, method, zlib.crc32(data), len(packed), len(data), 0)
    return Raw(replace(record, **lies), replace(record, **lies), packed)


def in_zip64s_way(entry: Raw) -> Raw:
    """Return the entry as zipfile writes it with ``force_zip64`` (until Python 3.11.3 in yet another way)."""
    return replace(entry, extra=struct.pack("<2H2Q", 1, 16, entry.local.size, entry.local.packed))


def zipped(*entries: Raw, count: int | None = None, gap: bytes = b"") -> bytes:
    out = bytearray()
    directory = bytearray()
    for entry in entries:
        offset = entry.central.offset or len(out)
        out += _local_header(entry) + entry.data
        directory += zipformat.central_header(replace(entry.central, offset=offset), (0, 33))
    end = zipformat.end_record(len(entries) if count is None else count, len(directory), len(out))
    return bytes(out + directory + gap + end)


def _local_header(entry: Raw) -> bytes:
    header = bytearray(zipformat.local_header(entry.local, (0, 33)))
    if entry.extra is None:
        return bytes(header)
    struct.pack_into("<2I", header, 18, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", header, 28, len(entry.extra))
    return bytes(header) + entry.extra


def patched(data: bytes, sign: bytes, at: int, new: bytes) -> bytes:
    start = data.rindex(sign) + at
    return data[:start] + new + data[start + len(new) :]
