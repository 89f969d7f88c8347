"""Names with an absolute path in an ELF file's dynamic section become bare names.

ld.so takes a name with a slash as it stands (ld.so(8)), and nothing that is preloaded can change that. The bare name is
the end of the same string, so that only the entry that points to it is written: 8 bytes, or 4 in DT_VERNEED. A list
of audit libraries is written too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lambundle.elf.headers import parse_elf
from lambundle.elf.reader import LAYOUTS, structure
from lambundle.errors import LambundleError

if TYPE_CHECKING:
    import mmap
    from collections.abc import Collection, Iterator

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_STRTAB, _DT_VERNEED, _DT_VERNEEDNUM = 5, 0x6FFF_FFFE, 0x6FFF_FFFF
_AUDITS = (0x6FFF_FEFB, 0x6FFF_FEFC)
"""DT_DEPAUDIT and DT_AUDIT, which are lists."""
_NAMES = (1, *_AUDITS, 0x7FFF_FFFD, 0x7FFF_FFFF)
"""DT_NEEDED, these, DT_AUXILIARY, DT_FILTER."""

Edit = tuple[int, bytes]
"""An offset in a file, and the bytes to be there."""


def bare_name(name: str) -> str:
    """Return the name by which a bundle's file needs what this machine's needs as ``name``.

    Only an absolute path changes: ``$ORIGIN/x`` and a name without a slash mean the same in a bundle.
    """
    return name.rpartition("/")[2] if name.startswith("/") else name


def bare_name_edits(data: mmap.mmap | bytes, names: Collection[str]) -> tuple[Edit, ...]:
    """Return the edits with which the ELF file in ``data``, which was parsed before, needs ``names`` as bare names."""
    section = _Dynamic(data)
    wanted = {os.fsencode(name) for name in names}
    edits: list[Edit] = []
    for at, tag, value in section.entries:
        text = section.string(value) if tag in _NAMES else b""
        items = text.split(b":") if tag in _AUDITS else [text]
        if wanted.isdisjoint(items):
            continue
        new = b":".join(item.rpartition(b"/")[2] if item in wanted else item for item in items)
        skipped = len(text) - len(new)
        edits.append((at, section.word.pack(value + skipped)))
        if not text.endswith(new):  # a list: its end, which other strings may share, stays in its place
            edits.append((section.strings + value + skipped, new))
    for at, value in section.version_needs():
        name = section.string(value)
        if name in wanted:
            edits.append((at, structure(f"{section.layout.word}I").pack(value + name.rindex(b"/") + 1)))
    return tuple(edits)


def with_bare_names(data: bytes, names: Collection[str]) -> bytes:
    """Return the content of a file, perhaps another than was packed, as it is in a bundle."""
    try:
        parse_elf(data, "it")
        edits = bare_name_edits(data, names)
    except LambundleError:
        return data
    changed = bytearray(data)
    for offset, new in edits:
        changed[offset : offset + len(new)] = new
    return bytes(changed)


class _Dynamic:
    """Where the dynamic section has its names: ``entries`` are (offset of the value, tag, value)."""

    def __init__(self, data: mmap.mmap | bytes) -> None:
        self._data = data
        self.layout = LAYOUTS[data[4], data[5]]
        self.word = structure(self.layout.word + ("Q" if self.layout.is64 else "I"))
        self._segments = list(self._read_segments())
        begin, size = next((offset, size) for kind, offset, _, size in self._segments if kind == _PT_DYNAMIC)
        self.entries: list[tuple[int, int, int]] = []
        for at in range(begin, begin + size - self.layout.dynamic.size + 1, self.layout.dynamic.size):
            tag, value = self.layout.dynamic.unpack_from(data, at)
            if tag == 0:
                break
            self.entries.append((at + self.word.size, tag, value))
        self._values = {tag: value for _, tag, value in self.entries}
        self.strings = self._offset(self._values[_DT_STRTAB])

    def string(self, index: int) -> bytes:
        """Return a string of the table."""
        return self._data[self.strings + index : self._data.find(b"\0", self.strings + index)]

    def version_needs(self) -> Iterator[tuple[int, int]]:
        """Return for each library in DT_VERNEED the offset of its name's index, and the index."""
        at = self._offset(self._values[_DT_VERNEED]) if _DT_VERNEED in self._values else 0
        for _ in range(self._values.get(_DT_VERNEEDNUM, 0)):
            _version, _count, file, _aux, after = structure(f"{self.layout.word}HHIII").unpack_from(self._data, at)
            yield at + 4, file
            at += after

    def _read_segments(self) -> Iterator[tuple[int, int, int, int]]:
        """Return type, offset, address and size in the file of each program header."""
        *_, table, _sections, _flags, _size, _entry_size, count = self.layout.header.unpack_from(self._data, 16)
        for number in range(count):
            header = self.layout.program.unpack_from(self._data, table + number * self.layout.program.size)
            first = 2 if self.layout.is64 else 1
            yield header[0], header[first], header[first + 1], header[first + 3]

    def _offset(self, address: int) -> int:
        """Return the offset in the file of the byte at an address."""
        return next(
            offset + address - start
            for kind, offset, start, size in self._segments
            if kind == _PT_LOAD and start <= address < start + size
        )
