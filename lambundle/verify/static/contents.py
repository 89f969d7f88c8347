"""Reads every byte of a bundle once, on every core: digests, ELF headers and symbols, first lines."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambundle.bundle.model import Kind
from lambundle.bundle.zipformat import UnsupportedZipError, ZipFormatError
from lambundle.elf.headers import MAGIC, ElfFile, parse_elf
from lambundle.errors import BadElfError
from lambundle.scripts.shebang import SHEBANG_MAX
from lambundle.verify.static.symbols import Budget, Symbols, read_symbols

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from lambundle.bundle.listing import Member
    from lambundle.verify.static.listing import Listing

ELF_MAX = 256 << 20
"""Largest ELF file that is looked into, in bytes: all that Lambda takes at once is less."""

_BATCH = 1 << 20  # bytes of a task: small files one by one would cost more in hand-overs than in work
_ENTRY_COST = 4096
_LARGE = 32 << 20  # ELF files above this are held in memory one at a time
_ELF64 = 64
_SCRIPT = b"#!"


@dataclass(frozen=True, slots=True)
class Content:
    """Facts from the bytes of one file.

    ``sha256`` is their digest in hexadecimal, empty when they could not all be read; then ``damage`` says why, or
    ``unsupported``: nothing is wrong with them, but they are written as lambundle reads no zip. ``elf`` are the headers
    where it is an ELF file, ``symbols`` its dynamic symbols where it is one of Lambda's machines; ``bad_elf`` says why
    it begins as an ELF file and is none. ``head`` is the first line of a script, as far as the kernel reads it, and the
    first bytes of any other file. ``data`` are the bytes themselves where they were asked for.
    """

    sha256: str = ""
    damage: str = ""
    unsupported: str = ""
    elf: ElfFile | None = None
    symbols: Symbols | None = None
    bad_elf: str = ""
    head: bytes = b""
    data: bytes | None = field(default=None, repr=False)

    @property
    def script(self) -> bool:
        """Whether it begins with ``#!``."""
        return self.head.startswith(_SCRIPT)


def read_contents(listing: Listing, keep: Container[str]) -> Mapping[str, Content]:
    """Read the files of ``listing``; of those whose path is in ``keep`` the bytes are kept."""
    reader = _ContentReader(listing, keep)
    files = sorted(
        (member for member in listing.members if member.kind is Kind.FILE), key=lambda member: member.size, reverse=True
    )
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="verify")
    try:
        found = pool.map(reader.batch, _batches(files))
        return {path: content for batch in found for path, content in batch}
    finally:
        pool.shutdown(cancel_futures=True)


def head_of(data: bytes) -> bytes:
    """The first line with which a script begins, without its end, or the first bytes of anything else."""
    return data[:SHEBANG_MAX].partition(b"\n")[0] if data.startswith(_SCRIPT) else data[: len(MAGIC)]


class _ContentReader:
    def __init__(self, listing: Listing, keep: Container[str]) -> None:
        self._store = listing.store
        self._keep = keep
        self._budget = Budget()
        self._large = threading.Lock()

    def batch(self, members: Iterable[Member]) -> list[tuple[str, Content]]:
        """Read some files, one after the other."""
        return [(member.path, self._content(member)) for member in members]

    def _content(self, member: Member) -> Content:
        if member.size < _LARGE:
            return self._read(member)
        with self._large:
            return self._read(member)

    def _read(self, member: Member) -> Content:
        digest = hashlib.sha256()
        kept = io.BytesIO()  # gives its bytes without a copy, which a list of blocks would need
        head = b""
        wanted = member.path in self._keep
        try:
            for block in self._store.blocks(member):
                if not head:
                    head = head_of(block)
                    wanted = wanted or (head == MAGIC and member.size <= ELF_MAX)
                digest.update(block)
                if wanted:
                    kept.write(block)
        except UnsupportedZipError as error:
            return Content(unsupported=str(error))
        except ZipFormatError as error:
            return Content(damage=str(error))
        data = kept.getvalue()
        found = self._look_into(data, member.path) if data.startswith(MAGIC) else Content()
        return Content(
            sha256=digest.hexdigest(),
            elf=found.elf,
            symbols=found.symbols,
            bad_elf=found.bad_elf,
            head=head,
            data=data if member.path in self._keep else None,
        )

    def _look_into(self, data: bytes, path: str) -> Content:
        try:
            elf = parse_elf(data, path)
            readable = elf.dynamic and elf.bits == _ELF64 and elf.little
            return Content(elf=elf, symbols=read_symbols(data, self._budget) if readable else None)
        except BadElfError as error:
            return Content(bad_elf=error.message)


def _batches(members: Iterable[Member]) -> Iterator[list[Member]]:
    batch: list[Member] = []
    size = 0
    for member in members:
        batch.append(member)
        size += member.size + _ENTRY_COST
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
