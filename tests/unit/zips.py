"""Zips made by hand, entry by entry, where the headers may lie."""

from __future__ import annotations

import stat
import zlib
from dataclasses import dataclass, replace
from typing import Any

import deflate

from lambundle.bundle import zipformat

REG, DIR, LNK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777


@dataclass(frozen=True)
class Raw:
    """An entry of a zip that is made by hand; ``local`` and ``central`` may lie apart."""

    central: zipformat.Record
    local: zipformat.Record
    data: bytes


def raw(name: bytes, data: bytes = b"", mode: int = REG, method: int = 0, **lies: Any) -> Raw:
    packed = bytes(deflate.deflate_compress(data, 6)) if method else data
    record = zipformat.Record(name, mode, method, zlib.crc32(data), len(packed), len(data), 0)
    return Raw(replace(record, **lies), replace(record, **lies), packed)


def zipped(*entries: Raw, count: int | None = None, gap: bytes = b"") -> bytes:
    out = bytearray()
    directory = bytearray()
    for entry in entries:
        offset = entry.central.offset or len(out)
        out += zipformat.local_header(entry.local, (0, 33)) + entry.data
        directory += zipformat.central_header(replace(entry.central, offset=offset), (0, 33))
    end = zipformat.end_record(len(entries) if count is None else count, len(directory), len(out))
    return bytes(out + directory + gap + end)


def patched(data: bytes, sign: bytes, at: int, new: bytes) -> bytes:
    start = data.rindex(sign) + at
    return data[:start] + new + data[start + len(new) :]
