"""Names with an absolute path in an ELF file's dynamic section become bare names.

ld.so takes a name with a slash as it stands (ld.so(8)), and nothing that is preloaded can change that. The bare name is
the end of the same string, so that only the entry that points to it is written: 8 bytes, or 4 in DT_VERNEED.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.elf.reader import LAYOUTS, structure

if TYPE_CHECKING:
    import mmap
    from collections.abc import Collection

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_STRTAB, _DT_VERNEED, _DT_VERNEEDNUM = 5, 0x6FFF_FFFE, 0x6FFF_FFFF
_NAMES = (1, 0x6FFF_FEFB, 0x6FFF_FEFC, 0x7FFF_FFFD, 0x7FFF_FFFF)
"""DT_NEEDED, DT_DEPAUDIT, DT_AUDIT, DT_AUXILIARY, DT_FILTER."""

Edit = tuple[int, bytes]
"""An offset in a file, and the bytes to be there."""


def bare_name(name: str) -> str:
    """Return the name by which a bundle's file needs what this machine's needs as ``name``.

    Only an absolute path changes: ``$ORIGIN/x`` and a name without a slash mean the same in a bundle.
    """
    return name.rpartition("/")[2] if name.startswith("/") else name


def bare_name_edits(data: mmap.mmap | bytes, names: Collection[str]) -> tuple[Edit, ...]:
    """Return the edits with which the ELF file in ``data``, which was parsed before, needs ``names`` as bare names."""
    layout = LAYOUTS[data[4], data[5]]
    *_, table, _sections, _flags, _size, _entry_size, count = layout.header.unpack_from(data, 16)
    segments = []
    for number in range(count):
        header = layout.program.unpack_from(data, table + number * layout.program.size)
        kind, offset, address, size = (
            (header[0], header[2], header[3], header[5])
            if layout.is64
            else (header[0], header[1], header[2], header[4])
        )
        segments.append((kind, offset, address, size))
    begin, size = next((offset, size) for kind, offset, _, size in segments if kind == _PT_DYNAMIC)
    entries = []
    for at in range(begin, begin + size - layout.dynamic.size + 1, layout.dynamic.size):
        tag, value = layout.dynamic.unpack_from(data, at)
        if tag == 0:
            break
        entries.append((at, tag, value))
    values = {tag: value for _, tag, value in entries}

    def offset_of(address: int) -> int:
        loads = ((start, offset, length) for kind, offset, start, length in segments if kind == _PT_LOAD)
        place: int = next(
            offset + address - start for start, offset, length in loads if start <= address < start + length
        )
        return place

    strings = offset_of(values[_DT_STRTAB])
    wanted = {name.encode(errors="surrogateescape"): name.rindex("/") + 1 for name in names}

    def skipped(index: int) -> int:
        """Return how many bytes of the string are before its bare name."""
        return wanted.get(data[strings + index : data.find(b"\0", strings + index)], 0)

    word = structure(layout.word + ("Q" if layout.is64 else "I"))
    edits = [
        (at + word.size, word.pack(value + skipped(value)))
        for at, tag, value in entries
        if tag in _NAMES and skipped(value)
    ]
    if _DT_VERNEED in values:
        need = structure(layout.word + "HHIII")
        at = offset_of(values[_DT_VERNEED])
        for _ in range(values.get(_DT_VERNEEDNUM, 0)):
            _version, _count, file, _aux, after = need.unpack_from(data, at)
            if skipped(file):
                edits.append((at + 4, structure(layout.word + "I").pack(file + skipped(file))))
            at += after
    return tuple(edits)
