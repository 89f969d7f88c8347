"""What strip(1) would take out of the ELF files of a bundle: symbol tables and debug sections.

The only part of ``size`` that looks into files, so only where it is asked to. Of a file nothing but the table of
sections is read, each by its first characters: LIEF, the oracle of the tests, copies every section and every name,
and 60,000 of them that share their bytes take it a minute and gigabytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lambundle.size.findings import Finding

if TYPE_CHECKING:
    from lambundle.size.contents import SizedContents

READ_LIMIT = 512 << 20
"""Largest file that is looked into: twice all that Lambda unpacks."""
_MAGIC = b"\x7fELF"
_DEBUG = (b".debug_", b".zdebug_", b".gnu.debuglto_", b".stab", b".gnu_debugdata")
_SYMBOLS = (b".symtab\0", b".strtab\0")
_NAME = 16  # characters of a name that tell one from another
_64_BITS, _LITTLE_ENDIAN = b"\x02", b"\x01"
_LINKED = {2, 3}
"""ET_EXEC and ET_DYN; an object file, ET_REL, is linked by its symbols (elf(5))."""
_ALLOC, _NOBITS = 2, 8
"""SHF_ALLOC: the section is there when the program runs, so strip leaves it. SHT_NOBITS: it has no bytes (elf(5))."""
_TABLE_64 = struct.Struct("<16xH22xQ10x3H"), struct.Struct("<2I4Q24x")
_TABLE_32 = struct.Struct("<16xH14xI10x3H"), struct.Struct("<6I16x")
"""Of each class the header's type, offset, size and number of sections and index of their names; and a section."""


def symbols(contents: SizedContents) -> Finding:
    """Return the files that strip would make smaller, with the bytes of what it would take out.

    strip makes them smaller by a little more or less: it packs what is left anew. Static archives and object files
    need their symbols to be linked and are left alone.
    """
    found = []
    for item in contents.items:
        if item.is_link or not len(_MAGIC) < item.size <= READ_LIMIT:
            continue
        blocks = contents.blocks(item)
        first = next(blocks, b"")
        if not first.startswith(_MAGIC):
            continue
        size = strippable(b"".join((first, *blocks)))
        if size:
            found.append((item.path, size))
    return Finding("symbols", tuple(sorted(found, key=lambda file: (-file[1], file[0]))))


def strippable(data: bytes) -> int:
    """Return the bytes of the sections that strip takes out, with their headers; 0 of what it would not touch."""
    if data[5:6] != _LITTLE_ENDIAN:
        return 0
    header, section = _TABLE_64 if data[4:5] == _64_BITS else _TABLE_32
    try:
        kind, table, each, count, names = header.unpack_from(data)
        if kind not in _LINKED or each != section.size or not table:
            return 0
        sections = list(section.iter_unpack(data[table : table + each * count]))
        start, length = sections[names][4:6]
    except (struct.error, IndexError):  # no table of sections, or not in the file
        return 0
    strings = data[start : start + length]
    sizes = [
        size
        for name, type_, flags, _, _, size in sections
        if type_ != _NOBITS and not flags & _ALLOC and strings[name : name + _NAME].startswith((*_SYMBOLS, *_DEBUG))
    ]
    total = sum(sizes)
    return total + each * len(sizes) if total <= len(data) else 0  # sections that share their bytes are nobody's
