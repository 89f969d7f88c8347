"""The records of a zip file (PKWARE APPNOTE 6.3.10, chapter 4).

Not supported, because no document says how Lambda treats them: zip64, encryption, data descriptors, extra fields,
several disks, and methods other than stored and deflate.
"""

from __future__ import annotations

import datetime as dt
import os
import stat
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STORED: Final = 0
"""APPNOTE 4.4.5."""
DEFLATED: Final = 8
"""APPNOTE 4.4.5."""
UTF8: Final = 0x0800
"""General purpose bit 11: the name is UTF-8 (APPNOTE 4.4.4)."""
ENCRYPTED: Final = 0x0001
"""General purpose bit 0 (APPNOTE 4.4.4)."""
DESCRIBED: Final = 0x0008
"""General purpose bit 3: checksum and sizes follow the data (APPNOTE 4.4.4)."""
UNIX: Final = 3
"""Creator system with a Unix mode in the upper half of the external attributes (APPNOTE 4.4.2.2)."""
ENTRIES_MAX: Final = 0xFFFF - 1
"""Most entries without zip64: 65,535 refers to the zip64 record (APPNOTE 4.4.1.4)."""
BYTES_MAX: Final = 0xFFFF_FFFF - 1
"""Largest size or offset without zip64, for the same reason."""

_VERSION: Final = 20  # 2.0: directories and deflate (APPNOTE 4.4.3.2)
_MSDOS_DIRECTORY: Final = 0x10  # lower half of the external attributes, for readers without Unix modes
_LOCAL = struct.Struct("<4s5H3I2H")  # 4.3.7
_CENTRAL = struct.Struct("<4s6H3I5H2I")  # 4.3.12
_END = struct.Struct("<4s4H2IH")  # 4.3.16
_LOCAL_SIGN, _CENTRAL_SIGN, _END_SIGN = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_EXTRA = struct.Struct("<2H")  # 4.5.1: identifier and length
_ZIP64 = struct.Struct("<2Q")  # 4.5.3: size and packed size, in a local header always both
_ZIP64_ID: Final = 0x0001
_ZIP64_TOLD: Final = 0xFFFF_FFFF  # the size is in the extra field (4.4.8)
_UNICODE_PATH_ID: Final = 0x7075  # 4.6.9: another name, which some readers take instead
_UNICODE_PATH_HEAD: Final = 5  # its version, and the checksum of the name that it is for
_ALIKE: Final = ENCRYPTED | 0x0020 | 0x0040 | 0x2000  # bits that change what the data are: patched, strong, masked
_DESCRIPTOR_SIGN = b"PK\x07\x08"
_DESCRIPTORS = (struct.Struct("<3I"), struct.Struct("<I2Q"))  # 4.3.9: without and with zip64, the signature optional
_ZIP64_LOCATOR, _ZIP64_LOCATOR_SIGN = 20, b"PK\x06\x07"  # 4.3.15, just before the end record
_COMMENT_MAX = 0xFFFF
_BLOCK = 1 << 20
_FIRST_DAY = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)
_LAST_DAY = dt.datetime(2107, 12, 31, 23, 59, 58, tzinfo=dt.UTC)

DIRECTORY_MAX: Final = 64 << 20
"""Most bytes of a central directory, a thousand for each possible entry."""


class ZipFormatError(ValueError):
    """A zip is inconsistent or uses unsupported features."""


class UnsupportedZipError(ZipFormatError):
    """A zip uses unsupported features; it may be valid."""


@dataclass(frozen=True, slots=True)
class Record:
    """An entry of the central directory.

    ``name`` is raw, ``mode`` a whole st_mode, 0 if unknown. ``packed`` and ``size`` are the bytes in the zip and
    unzipped, ``offset`` is that of the local header in the file, ``system`` the creator system (APPNOTE 4.4.2.2).
    ``also`` is the name in a unicode path field, None without one.
    """

    name: bytes
    mode: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    flags: int = 0
    system: int = UNIX
    also: bytes | None = None


def dos_time(epoch: int | None) -> tuple[int, int]:
    """Return the time and date words of ``epoch`` (seconds since 1970, None for the earliest).

    A zip's times have no zone and a resolution of two seconds from 1980 to 2107 (APPNOTE 4.4.6); they are written in
    UTC and clamped.
    """
    first, last = int(_FIRST_DAY.timestamp()), int(_LAST_DAY.timestamp())
    seconds = first if epoch is None else min(max(epoch, first), last)
    when = dt.datetime.fromtimestamp(seconds, tz=dt.UTC)
    time = when.hour << 11 | when.minute << 5 | when.second // 2
    date = (when.year - _FIRST_DAY.year) << 9 | when.month << 5 | when.day
    return time, date


def local_header(record: Record, stamp: tuple[int, int]) -> bytes:
    """Encode the header that precedes an entry's data."""
    return _LOCAL.pack(_LOCAL_SIGN, *_common(record, stamp), len(record.name), 0) + record.name


def central_header(record: Record, stamp: tuple[int, int]) -> bytes:
    """Encode an entry of the central directory."""
    attributes = record.mode << 16 | (_MSDOS_DIRECTORY if stat.S_ISDIR(record.mode) else 0)
    head = _CENTRAL.pack(
        _CENTRAL_SIGN,
        record.system << 8 | _VERSION,
        *_common(record, stamp),
        len(record.name),
        *(0, 0, 0, 0),  # no extra field, no comment, first disk, no internal attributes
        attributes,
        record.offset,
    )
    return head + record.name


def end_record(entries: int, size: int, offset: int) -> bytes:
    """Encode the end record: a central directory of ``entries`` in ``size`` bytes at ``offset``."""
    return _END.pack(_END_SIGN, 0, 0, entries, entries, size, offset, 0)


def _common(record: Record, stamp: tuple[int, int]) -> tuple[int, ...]:
    return (_VERSION, record.flags, record.method, *stamp, record.crc, record.packed, record.size)


def read_records(fd: int) -> tuple[list[Record], int]:
    """Read the central directory of the zip open at ``fd``; return its records and its offset.

    The entries do not overlap, but may be ``unsupported``. Raises ZipFormatError if the directory is damaged, hostile
    or larger than ``DIRECTORY_MAX``.
    """
    size = os.fstat(fd).st_size
    at, entries, length, start = _find_end(fd, size)
    if start + length != at:
        if at >= _ZIP64_LOCATOR and pread(fd, 4, at - _ZIP64_LOCATOR) == _ZIP64_LOCATOR_SIGN:
            raise UnsupportedZipError("it ends with zip64 records, as zip writes them when it reads from a pipe")
        raise ZipFormatError("the central directory does not end where the end record starts")
    if length > DIRECTORY_MAX:
        raise ZipFormatError(f"the central directory takes {length:,} bytes")
    data = memoryview(pread(fd, length, start))
    records: list[Record] = []
    position = 0
    while position < length:
        if len(records) == entries:
            raise ZipFormatError(f"the central directory has more than the {entries} entries in the end record")
        record, position = _central(data, position)
        records.append(record)
    if len(records) != entries:
        raise ZipFormatError(f"the central directory has {len(records)} entries, not {entries}")
    _check_overlap(records, start)
    return records, start


def unsupported(record: Record) -> str | None:
    """Return the unsupported feature of ``record``, or None."""
    if record.flags & ENCRYPTED:
        return "is encrypted"
    if record.method not in {STORED, DEFLATED}:
        return f"is compressed by method {record.method}, which is neither stored nor deflate"
    return None


def name_of(record: Record) -> str:
    """Return a record's name as text.

    Unflagged names are UTF-8 if possible, as in zips from Unix, else code page 437 (APPNOTE appendix D). Raises
    ZipFormatError if a flagged name is not UTF-8, or if another field gives another name.
    """
    try:
        name = record.name.decode()
    except UnicodeDecodeError as error:
        if record.flags & UTF8:
            raise ZipFormatError(f"{shown(record.name)} is flagged as UTF-8 and is not") from error
        name = record.name.decode("cp437")
    if record.also is not None and record.also != name.encode():
        raise ZipFormatError(f"{shown(record.name)} has another name, {shown(record.also)}, in its unicode path field")
    return name


def ends_of(records: Sequence[Record], end: int) -> dict[int, int]:
    """Map the offset of each of all ``records`` to that of the next one, the last to ``end``."""
    starts = sorted(record.offset for record in records)
    return dict(zip(starts, [*starts[1:], end], strict=False))  # an empty zip has none


def content(fd: int, record: Record, end: int) -> Iterator[bytes]:
    """Give the content of ``record`` in blocks, at most its size; ``end`` as in ``data_offset``.

    Raises ZipFormatError if it has another size or checksum (known after the last block), and as ``data_offset``.
    """
    start = data_offset(fd, record, end)
    raw = _raw(fd, start, record.packed)
    crc = seen = 0
    for block in raw if record.method == STORED else _inflated(record, raw):
        seen += len(block)
        if seen > record.size:
            break
        crc = zlib.crc32(block, crc)
        yield block
    if seen != record.size:
        raise ZipFormatError(f"{shown(record.name)} has not the size in its header")
    if crc != record.crc:
        raise ZipFormatError(f"{shown(record.name)} has another checksum than in its header")


def shown(name: bytes) -> str:
    """Return a raw name for a message."""
    return repr(name.decode(errors="backslashreplace"))


def _raw(fd: int, at: int, length: int) -> Iterator[bytes]:
    for offset in range(at, at + length, _BLOCK):
        yield pread(fd, min(_BLOCK, at + length - offset), offset)


def _inflated(record: Record, raw: Iterator[bytes]) -> Iterator[bytes]:
    """Give the decompressed ``raw`` in blocks of bounded size."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for rest in raw:
            while rest and not engine.eof:
                yield engine.decompress(rest, _BLOCK)
                rest = engine.unconsumed_tail  # noqa: PLW2901  (what is left of this block)
            if engine.unused_data or (rest and engine.eof):
                raise ZipFormatError(f"the data of {shown(record.name)} go on after their end")
        while not engine.eof and (block := engine.decompress(b"", _BLOCK)):
            yield block
    except zlib.error as error:
        raise ZipFormatError(f"the data of {shown(record.name)} are damaged") from error
    if not engine.eof:
        raise ZipFormatError(f"the data of {shown(record.name)} are cut short")


def data_offset(fd: int, record: Record, end: int) -> int:
    """Return the offset of the data of ``record``; ``end`` is that of the next entry.

    Raises ZipFormatError if the data overlap the next entry or the local header differs from the central one, and
    UnsupportedZipError if the local header has the sizes in a zip64 field: zip readers differ in which they believe.
    """
    head = pread(fd, _LOCAL.size + len(record.name), record.offset)
    sign, _, flags, method, _, _, crc, packed, size, name_size, extra_size = _LOCAL.unpack_from(head)
    if sign != _LOCAL_SIGN:
        raise ZipFormatError(f"{shown(record.name)} has no local header")
    if head[_LOCAL.size :] != record.name or name_size != len(record.name):
        raise ZipFormatError(f"{shown(record.name)} has another name in its local header")
    start: int = record.offset + len(head) + extra_size
    if start + record.packed > end:
        raise ZipFormatError(f"{shown(record.name)} overlaps the next entry")
    extra = pread(fd, extra_size, start - extra_size)
    _check_local(record, flags, extra)
    told, right = (crc, packed, size), (record.crc, record.packed, record.size)
    if method == record.method and flags & DESCRIBED:
        if any(here not in {0, there, _ZIP64_TOLD} for here, there in zip(told, right, strict=True)):
            raise ZipFormatError(f"{shown(record.name)} has another size or checksum in its local header")
        _check_descriptor(fd, record, start + record.packed, end)
        return start
    if method == record.method and told == right:
        return start
    has_zip64 = packed == size == _ZIP64_TOLD and _zip64_sizes(extra) == (record.size, record.packed)
    if has_zip64 and (method, crc) == (record.method, record.crc):
        raise UnsupportedZipError(f"{shown(record.name)} has its size in a zip64 field of its local header")
    raise ZipFormatError(f"{shown(record.name)} has another size, checksum or method in its local header")


def _check_local(record: Record, flags: int, extra: bytes) -> None:
    """Raise ZipFormatError if a local header has other flags that matter than the central one, or another name."""
    if (flags ^ record.flags) & (_ALIKE if record.name.isascii() else _ALIKE | UTF8):
        raise ZipFormatError(f"{shown(record.name)} has other flags in its local header")
    also = _field(extra, _UNICODE_PATH_ID)
    if also is not None and also[_UNICODE_PATH_HEAD:] != (record.name if record.also is None else record.also):
        raise ZipFormatError(f"{shown(record.name)} has another name in a field of its local header")


def _zip64_sizes(extra: bytes) -> tuple[int, int] | None:
    """Return size and packed size in the zip64 extra field of a local header; None without one."""
    field = _field(extra, _ZIP64_ID)
    if field is None or len(field) < _ZIP64.size:
        return None
    size, packed = _ZIP64.unpack_from(field)
    return size, packed


def _field(extra: bytes, wanted: int) -> bytes | None:
    """Return the first extra field of a kind (APPNOTE 4.5); None without one."""
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == wanted and at + length <= len(extra):
            return extra[at : at + length]
        at += length
    return None


def _check_descriptor(fd: int, record: Record, at: int, end: int) -> None:
    """Raise ZipFormatError unless what follows the data repeats checksum and sizes, as the flag promises."""
    longest = len(_DESCRIPTOR_SIGN) + _DESCRIPTORS[1].size
    found = pread(fd, min(longest, end - at), at)
    right = (record.crc, record.packed, record.size)
    for head in (_DESCRIPTOR_SIGN, b""):
        for layout in _DESCRIPTORS:
            if found.startswith(head + layout.pack(*right)):
                return
    raise ZipFormatError(f"{shown(record.name)} has another size or checksum in its data descriptor")


def _find_end(fd: int, size: int) -> tuple[int, int, int, int]:
    """Return the offset of the end record, the number of entries, and size and offset of the central directory."""
    tail_at = max(0, size - _END.size - _COMMENT_MAX)
    tail = pread(fd, size - tail_at, tail_at)
    found = len(tail)
    while (found := tail.rfind(_END_SIGN, 0, found + len(_END_SIGN) - 1)) >= 0:
        if found + _END.size > len(tail):
            continue
        _, disk, first, here, entries, length, start, comment = _END.unpack_from(tail, found)
        if found + _END.size + comment != len(tail):
            continue  # the signature is within a comment or data
        if disk or first or here != entries:
            raise UnsupportedZipError("it is one part of several")
        if entries > ENTRIES_MAX or max(length, start) > BYTES_MAX:
            raise UnsupportedZipError("it is a zip64 archive")
        return tail_at + found, entries, length, start
    raise ZipFormatError("it has no end record: not a zip file, or cut short")


def _central(data: memoryview, position: int) -> tuple[Record, int]:
    if position + _CENTRAL.size > len(data):
        raise ZipFormatError("the central directory is cut short")
    head = _CENTRAL.unpack_from(data, position)
    sign, made, _, flags, method, _, _, crc, packed, size = head[:10]
    name_size, extra_size, comment_size, disk, _, attributes, offset = head[10:]
    if sign != _CENTRAL_SIGN:
        raise ZipFormatError("the central directory has something other than entries")
    name_at = position + _CENTRAL.size
    after = name_at + name_size + extra_size + comment_size
    if after > len(data):
        raise ZipFormatError("the central directory is cut short")
    name = bytes(data[name_at : name_at + name_size])
    if disk or max(packed, size, offset) > BYTES_MAX:
        raise UnsupportedZipError(f"{shown(name)} needs zip64 or another disk")
    system = made >> 8
    mode = attributes >> 16 if system == UNIX else 0
    field = _field(bytes(data[name_at + name_size : name_at + name_size + extra_size]), _UNICODE_PATH_ID)
    also = None if field is None else field[_UNICODE_PATH_HEAD:]
    return Record(name, mode, method, crc, packed, size, offset, flags, system, also), after


def _check_overlap(records: list[Record], end: int) -> None:
    """Refuse overlapping entries, with which a small zip unpacks to petabytes."""
    free = 0
    for record in sorted(records, key=lambda record: record.offset):
        if record.offset < free:
            raise ZipFormatError(f"{shown(record.name)} overlaps the entry before it")
        free = record.offset + _LOCAL.size + len(record.name) + record.packed
    if free > end:
        raise ZipFormatError("the last entry overlaps the central directory")


def pread(fd: int, length: int, offset: int) -> bytes:
    """Return exactly ``length`` bytes from ``offset``. Raises ZipFormatError if they cannot be read."""
    parts = []
    while length > 0:
        try:
            part = os.pread(fd, length, offset)
        except OSError as error:
            raise ZipFormatError(f"it cannot be read: {error.strerror or error}") from error
        if not part:
            raise ZipFormatError("it is cut short")
        parts.append(part)
        length -= len(part)
        offset += len(part)
    return b"".join(parts)
