"""The zip destination: every file is read once, compressed on all cores, written in the manifest's order."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import deflate

from lambundle.bundle import zipformat
from lambundle.bundle.model import Entry, Kind, Manifest
from lambundle.bundle.write.atomic import replacing_file, write_all
from lambundle.bundle.write.content import (
    Progress,
    Written,
    completed,
    manifest_entry,
    read_whole,
    unzipped_size,
)
from lambundle.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

LEVEL = 6
"""libdeflate's default level here, of 1 (fast) to 12 (small)."""
IN_FLIGHT = 96 << 20
"""Most source bytes between reading and writing; a larger file is processed alone."""

_BATCH = 1 << 20  # bytes of a task; single small files cost more to hand over than to compress
_ENTRY_COST = 4096  # bytes that a small entry counts as
_BUFFER = 1 << 20
_TYPES = {Kind.DIRECTORY: stat.S_IFDIR, Kind.FILE: stat.S_IFREG, Kind.LINK: stat.S_IFLNK}
_COMPRESSED = (  # first bytes of compressed formats, from their specifications
    b"\x1f\x8b",  # gzip (RFC 1952)
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",  # JPEG
    b"GIF8",
    b"PK\x03\x04",  # zip, jar, docx, whl
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",  # zstd (RFC 8878)
    b"BZh",
    b"7z\xbc\xaf\x27\x1c",
    b"wOF2",
    b"OggS",
    b"fLaC",
)
_COMPRESSED_AT = ((4, b"ftyp"), (8, b"WEBP"))  # MP4 and related, WebP: after a length


@dataclass(frozen=True, slots=True)
class _Packed:
    """An entry ready to be written: its packed data and header fields."""

    entry: Entry
    data: bytes | bytearray
    method: int
    crc: int
    size: int
    sha256: str | None


def write_zip(
    manifest: Manifest,
    out: Path,
    *,
    level: int = LEVEL,
    epoch: int | None = None,
    progress: Progress | None = None,
) -> Written:
    """Write ``manifest`` as the zip file ``out``, as ``Destination``.

    The same plan and files give the same bytes. ``level`` is libdeflate's, 1 to 12; incompressible files are stored.
    The manifest is the last entry, since it has the digest of every other. Raises OutputError for more than 65,534
    entries or 4 GiB.
    """
    plan = completed(manifest)
    _check_limits(out, plan)
    digests: dict[str, str] = {}
    needs = unzipped_size(plan.entries)
    with replacing_file(out, needs) as fd:
        writer = _Writer(out, fd, zipformat.dos_time(epoch))
        with contextlib.closing(_packed_in_order(plan.entries, level)) as packed:
            for item in packed:
                writer.add(item)
                if item.sha256 is not None:
                    digests[item.entry.path] = item.sha256
                if progress is not None:
                    progress(item.size)
        last = manifest_entry(plan, digests)
        writer.add(_pack(last, level))
        zipped = writer.finish()
    unzipped = unzipped_size((*plan.entries, last))
    return Written(unzipped, zipped, {**digests, last.path: last.sha256 or ""})


class _Writer:
    """Appends entries to the zip open at ``fd``."""

    def __init__(self, out: Path, fd: int, stamp: tuple[int, int]) -> None:
        self.out = out
        self.fd = fd
        self.stamp = stamp
        self.offset = 0
        self.directory: list[bytes] = []
        self.buffer = bytearray()

    def add(self, item: _Packed) -> None:
        """Write ``item`` and remember its entry of the central directory."""
        name = item.entry.path.encode() + (b"/" if item.entry.kind is Kind.DIRECTORY else b"")
        record = zipformat.Record(
            name=name,
            mode=_TYPES[item.entry.kind] | item.entry.mode,
            method=item.method,
            crc=item.crc,
            packed=len(item.data),
            size=item.size,
            offset=self.offset,
            # ASCII is the same in every code page; Info-ZIP sets the flag only where needed too.
            flags=0 if name.isascii() else zipformat.UTF8,
        )
        self._write(zipformat.local_header(record, self.stamp))
        self._write(item.data)
        self.directory.append(zipformat.central_header(record, self.stamp))

    def finish(self) -> int:
        """Write the central directory and return the size of the zip."""
        start = self.offset
        directory = b"".join(self.directory)
        self._write(directory)
        self._write(zipformat.end_record(len(self.directory), len(directory), start))
        self._flush()
        return self.offset

    def _write(self, data: bytes | bytearray) -> None:
        self.offset += len(data)
        if self.offset > zipformat.BYTES_MAX:
            raise _too_large(self.out, "the zip would pass 4 GiB")
        if len(data) < _BUFFER:
            self.buffer += data
        if len(self.buffer) >= _BUFFER or len(data) >= _BUFFER:
            self._flush()
        if len(data) >= _BUFFER:
            write_all(self.fd, data)

    def _flush(self) -> None:
        write_all(self.fd, self.buffer)
        self.buffer = bytearray()


def _check_limits(out: Path, plan: Manifest) -> None:
    entries = len(plan.entries) + 1
    if entries > zipformat.ENTRIES_MAX:
        raise _too_large(out, f"{entries:,} entries, and a plain zip holds {zipformat.ENTRIES_MAX:,}")
    for entry in plan.entries:
        if entry.size > zipformat.BYTES_MAX:
            raise _too_large(out, f"{entry.path} has {entry.size:,} bytes, and a plain zip holds less than 4 GiB")


def _too_large(out: Path, why: str) -> OutputError:
    return OutputError(
        f"cannot write {out}: too large for a zip without zip64",
        context=(why, "nothing says that Lambda reads zip64, and it takes 250 MiB unzipped at most"),
        hint="leave something out with --exclude, or write a directory: --tree DIR",
    )


def _packed_in_order(entries: Iterable[Entry], level: int) -> Generator[_Packed]:
    """Pack ``entries`` on every core that this process may use; give them in order, whatever the threads do.

    An entry is begun only if all begun entries that were not taken yet stay below ``IN_FLIGHT``.
    """
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="pack")
    waiting: deque[tuple[int, Future[list[_Packed]]]] = deque()
    held = 0
    try:
        for batch in _batches(entries):
            size = sum(entry.size for entry in batch)
            while waiting and held + size > IN_FLIGHT:
                taken, future = waiting.popleft()
                yield from future.result()
                held -= taken
            waiting.append((size, pool.submit(_pack_all, batch, level)))
            held += size
        while waiting:
            yield from waiting.popleft()[1].result()
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Group ``entries`` into tasks large enough for another thread."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += entry.size + _ENTRY_COST
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _pack_all(batch: list[Entry], level: int) -> list[_Packed]:
    return [_pack(entry, level) for entry in batch]


def _pack(entry: Entry, level: int) -> _Packed:
    """Read ``entry`` once; return its digest, checksum and packed data."""
    if entry.kind is Kind.DIRECTORY:
        return _Packed(entry, b"", zipformat.STORED, 0, 0, None)
    if entry.kind is Kind.LINK:
        target = (entry.target or "").encode()
        return _Packed(entry, target, zipformat.STORED, deflate.crc32(target), len(target), None)
    data = read_whole(entry)
    digest = hashlib.sha256(data).hexdigest()
    crc = deflate.crc32(data)
    if data and not _is_compressed(data):
        smaller = deflate.deflate_compress(data, level)
        if len(smaller) < len(data):
            return _Packed(entry, smaller, zipformat.DEFLATED, crc, len(data), digest)
    return _Packed(entry, data, zipformat.STORED, crc, len(data), digest)


def _is_compressed(data: bytes) -> bool:
    return data.startswith(_COMPRESSED) or any(data.startswith(sign, at) for at, sign in _COMPRESSED_AT)
