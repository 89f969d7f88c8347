"""The few records of a zip file that lambundle writes and reads (PKWARE APPNOTE 6.3.10, chapter 4).

What is left out is left out on purpose, because no source says how Lambda treats it: zip64, encryption, data
descriptors, extra fields, more than one disk, and any method but stored and deflate.
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
UNIX: Final = 3
"""Creator system whose external attributes hold a Unix mode in the upper half (APPNOTE 4.4.2.2)."""
ENTRIES_MAX: Final = 0xFFFF - 1
"""Most entries without zip64: 65,535 itself means "look in the zip64 record" (APPNOTE 4.4.1.4)."""
BYTES_MAX: Final = 0xFFFF_FFFF - 1
"""Largest size or offset without zip64, for the same reason."""

_VERSION: Final = 20  # 2.0: directories and deflate (APPNOTE 4.4.3.2)
_MSDOS_DIRECTORY: Final = 0x10  # lower half of the external attributes, for readers that know no Unix modes
_LOCAL = struct.Struct("<4s5H3I2H")  # 4.3.7
_CENTRAL = struct.Struct("<4s6H3I5H2I")  # 4.3.12
_END = struct.Struct("<4s4H2IH")  # 4.3.16
_LOCAL_SIGN, _CENTRAL_SIGN, _END_SIGN = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_EXTRA = struct.Struct("<2H")  # 4.5.1: what it is, and its length
_ZIP64 = struct.Struct("<2Q")  # 4.5.3: in a local header always both, size and packed size
_ZIP64_ID: Final = 0x0001
_ZIP64_TOLD: Final = 0xFFFF_FFFF  # a size that is told in the extra field (4.4.8)
_ZIP64_LOCATOR, _ZIP64_LOCATOR_SIGN = 20, b"PK\x06\x07"  # 4.3.15, just before the end record
_COMMENT_MAX = 0xFFFF
_BLOCK = 1 << 20
_FIRST_DAY = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)
_LAST_DAY = dt.datetime(2107, 12, 31, 23, 59, 58, tzinfo=dt.UTC)

DIRECTORY_MAX: Final = 64 << 20
"""Most bytes of a central directory that is read: a thousand for each entry there can be."""


class ZipFormatError(ValueError):
    """A zip contradicts itself or uses what lambundle leaves out; the text says what."""


class UnsupportedZipError(ZipFormatError):
    """A zip uses what lambundle leaves out: it may be sound, but nothing says what Lambda makes of it."""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the central directory. ``name`` is raw; ``mode`` is a whole st_mode, 0 when unknown.

    ``packed`` and ``size`` are bytes in the zip and bytes unpacked; ``offset`` is where the local header
    starts, counted from the start of the file. ``system`` is where it was made (APPNOTE 4.4.2.2).
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


def dos_time(epoch: int | None) -> tuple[int, int]:
    """Return the time and date words of ``epoch`` (seconds since 1970, None for the earliest there is).

    A zip's clock has no zone and counts in two seconds from 1980 (APPNOTE 4.4.6): the moment is told in UTC,
    so that it is the same everywhere, and moved into the range that can be told.
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
    """Encode the record that ends the file: a directory of ``entries`` in ``size`` bytes at ``offset``."""
    return _END.pack(_END_SIGN, 0, 0, entries, entries, size, offset, 0)


def _common(record: Record, stamp: tuple[int, int]) -> tuple[int, ...]:
    return (_VERSION, record.flags, record.method, *stamp, record.crc, record.packed, record.size)


def read_records(fd: int) -> tuple[list[Record], int]:
    """Read the central directory of the zip open at ``fd``; return its records and where it starts.

    Takes memory in proportion to the directory, at most ``DIRECTORY_MAX``. Raise ZipFormatError when it is damaged or
    hostile; the entries returned do not overlap, but may be ``unsupported``.
    """
    size = os.fstat(fd).st_size
    at, entries, length, start = _find_end(fd, size)
    if start + length != at:
        if at >= _ZIP64_LOCATOR and pread(fd, 4, at - _ZIP64_LOCATOR) == _ZIP64_LOCATOR_SIGN:
            raise UnsupportedZipError(
                "it ends with the records of zip64, as zip writes them for what comes through a pipe"
            )
        raise ZipFormatError("the central directory does not end where the end record starts")
    if length > DIRECTORY_MAX:
        raise ZipFormatError(f"the central directory takes {length:,} bytes")
    data = memoryview(pread(fd, length, start))
    records: list[Record] = []
    position = 0
    while position < length:
        if len(records) == entries:
            raise ZipFormatError(f"the central directory holds more than the {entries} entries it tells of")
        record, position = _central(data, position)
        records.append(record)
    if len(records) != entries:
        raise ZipFormatError(f"the central directory holds {len(records)} entries, not {entries}")
    _check_overlap(records, start)
    return records, start


def unsupported(record: Record) -> str | None:
    """Say what ``record`` uses that lambundle leaves out, None if nothing."""
    if record.flags & ENCRYPTED:
        return "is encrypted"
    if record.method not in {STORED, DEFLATED}:
        return f"is compressed by method {record.method}, which is neither stored nor deflate"
    return None


def name_of(record: Record) -> str:
    """Return a record's name as text.

    Unflagged bytes beyond ASCII are UTF-8 where they can be, as zips made on Unix have them; else they are
    code page 437 (APPNOTE appendix D).
    """
    try:
        return record.name.decode()
    except UnicodeDecodeError as error:
        if record.flags & UTF8:
            raise ZipFormatError(f"{shown(record.name)} is not the UTF-8 that it claims to be") from error
        return record.name.decode("cp437")


def ends_of(records: Sequence[Record], end: int) -> dict[int, int]:
    """Map where each of all ``records`` starts to where the next one does; the last one's end is ``end``."""
    starts = sorted(record.offset for record in records)
    return dict(zip(starts, [*starts[1:], end], strict=False))  # an empty zip has no starts


def content(fd: int, record: Record, end: int) -> Iterator[bytes]:
    """Give the unpacked bytes of ``record`` a block at a time, at most its size; ``end`` as in ``data_offset``.

    Raise ZipFormatError when they are not what is told of them: cut short, longer, or with another checksum
    (known once the last block was taken); UnsupportedZipError as ``data_offset``.
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
        raise ZipFormatError(f"{shown(record.name)} has not the size that is told of it")
    if crc != record.crc:
        raise ZipFormatError(f"{shown(record.name)} has another checksum than is told of it")


def shown(name: bytes) -> str:
    """A raw name for a person."""
    return repr(name.decode(errors="backslashreplace"))


def _raw(fd: int, at: int, length: int) -> Iterator[bytes]:
    for offset in range(at, at + length, _BLOCK):
        yield pread(fd, min(_BLOCK, at + length - offset), offset)


def _inflated(record: Record, raw: Iterator[bytes]) -> Iterator[bytes]:
    """Give what the deflated blocks ``raw`` unpack to, never more than one block's worth at a time."""
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
    """Return where the data of ``record`` start, once its local header was compared with the central one.

    ``end`` is where the next entry starts; data that reach beyond it raise ZipFormatError, as does a local header that
    tells something else. One that tells the same as zip64 does, in an extra field, raises UnsupportedZipError: zip
    readers differ in which of the two they believe.
    """
    head = pread(fd, _LOCAL.size + len(record.name), record.offset)
    sign, _, flags, method, _, _, crc, packed, size, name_size, extra_size = _LOCAL.unpack_from(head)
    if sign != _LOCAL_SIGN:
        raise ZipFormatError(f"{shown(record.name)} has no local header")
    if head[_LOCAL.size :] != record.name or name_size != len(record.name):
        raise ZipFormatError(f"{shown(record.name)} has another name in its local header")
    start: int = record.offset + len(head) + extra_size
    if start + record.packed > end:
        raise ZipFormatError(f"{shown(record.name)} overlaps what follows it")
    later = flags & 0x0008  # a data descriptor follows: sizes here may be 0 (APPNOTE 4.4.4, bit 3)
    told = (crc, packed, size)
    if method == record.method and (later or told == (record.crc, record.packed, record.size)):
        return start
    if (method, crc) == (record.method, record.crc) and packed == size == _ZIP64_TOLD:
        extra = pread(fd, extra_size, start - extra_size)
        if _zip64_sizes(extra) == (record.size, record.packed):
            raise UnsupportedZipError(f"{shown(record.name)} tells its size in zip64's way in its local header")
    raise ZipFormatError(f"{shown(record.name)} has another size, checksum or method in its local header")


def _zip64_sizes(extra: bytes) -> tuple[int, int] | None:
    """Size and packed size as the zip64 field of a local header's extra fields tells them, None without one."""
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == _ZIP64_ID and length >= _ZIP64.size and at + length <= len(extra):
            size, packed = _ZIP64.unpack_from(extra, at)
            return size, packed
        at += length
    return None


def _find_end(fd: int, size: int) -> tuple[int, int, int, int]:
    """Return where the end record starts, the number of entries, and size and start of the directory."""
    tail_at = max(0, size - _END.size - _COMMENT_MAX)
    tail = pread(fd, size - tail_at, tail_at)
    found = len(tail)
    while (found := tail.rfind(_END_SIGN, 0, found + len(_END_SIGN) - 1)) >= 0:
        if found + _END.size > len(tail):
            continue
        _, disk, first, here, entries, length, start, comment = _END.unpack_from(tail, found)
        if found + _END.size + comment != len(tail):
            continue  # the signature occurred inside a comment or inside data
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
        raise ZipFormatError("the central directory holds something else than entries")
    name_at = position + _CENTRAL.size
    after = name_at + name_size + extra_size + comment_size
    if after > len(data):
        raise ZipFormatError("the central directory is cut short")
    name = bytes(data[name_at : name_at + name_size])
    if disk or max(packed, size, offset) > BYTES_MAX:
        raise UnsupportedZipError(f"{shown(name)} needs zip64 or another disk")
    system = made >> 8
    mode = attributes >> 16 if system == UNIX else 0
    return Record(name, mode, method, crc, packed, size, offset, flags, system), after


def _check_overlap(records: list[Record], end: int) -> None:
    """Refuse entries that share bytes, the trick by which a small zip unpacks to petabytes."""
    free = 0
    for record in sorted(records, key=lambda record: record.offset):
        if record.offset < free:
            raise ZipFormatError(f"{shown(record.name)} overlaps the entry before it")
        free = record.offset + _LOCAL.size + len(record.name) + record.packed
    if free > end:
        raise ZipFormatError("the last entry overlaps the central directory")


def pread(fd: int, length: int, offset: int) -> bytes:
    """Return exactly ``length`` bytes from ``offset`` on; ZipFormatError when that many cannot be read."""
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
