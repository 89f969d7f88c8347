"""What strip(1) would take out of the ELF files of a bundle: symbol tables and debug sections.

The only part of ``size`` that looks into files, so only where it is asked to; LIEF does the reading. It copies the name
of every section to its end: names that all end in one long text would cost seconds and gigabytes, so that a file's
table of names is measured first.
"""

from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING, Any

from lambundle.size.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.size.contents import SizedContents

READ_LIMIT = 512 << 20
"""Largest file that is looked into: twice all that Lambda unpacks."""
NAMES_LIMIT = 4 << 20
"""Most bytes of section names in one file; the most seen in a linked file has some ten thousand."""
_MAGIC = b"\x7fELF"
_DEBUG = (".debug_", ".zdebug_", ".gnu.debuglto_", ".stab", ".gnu_debugdata")
_SYMBOLS = {".symtab", ".strtab"}
_64_BITS, _LITTLE_ENDIAN = b"\x02", b"\x01"
_LINKED = {2, 3}
"""ET_EXEC and ET_DYN; an object file, ET_REL, is linked by its symbols (elf(5))."""
_ALLOC = 2
"""SHF_ALLOC: the section is there when the program runs, so strip leaves it (elf(5))."""


def symbols(contents: SizedContents) -> Finding:
    """Return the files that strip would make smaller, with the bytes of what it would take out.

    strip makes them smaller by a little more or less: it packs what is left anew. Static archives and object files
    need their symbols to be linked and are left alone.
    """
    import lief

    lief.logging.disable()
    found = []
    for item in contents.items:
        if item.is_link or not len(_MAGIC) < item.size <= READ_LIMIT:
            continue
        blocks = contents.blocks(item)
        first = next(blocks, b"")
        if not first.startswith(_MAGIC):
            continue
        size = _strippable(lief, b"".join((first, *blocks)))
        if size:
            found.append((item.path, size))
    return Finding("symbols", tuple(sorted(found, key=lambda file: (-file[1], file[0]))))


def _strippable(lief: Any, data: bytes) -> int:
    if not _is_for_strip(data):
        return 0
    config = lief.ELF.ParserConfig()
    for option in (
        "parse_relocations",
        "parse_dyn_symbols",
        "parse_symtab_symbols",
        "parse_symbol_versions",
        "parse_notes",
        "parse_overlay",
    ):
        setattr(config, option, False)
    parsed = lief.ELF.parse(data, config)
    if parsed is None:
        return 0
    return sum(size + parsed.header.section_header_size for size in _sections(parsed, lief.ELF.Section.TYPE.NOBITS))


def _is_for_strip(data: bytes) -> bool:
    """Whether it is a linked file of a machine that Lambda has, all of whose section names are below NAMES_LIMIT.

    Counted as if each name went to the end of their table.
    """
    if data[5:6] != _LITTLE_ENDIAN:
        return False
    where, numbers, size_at = ("<Q", 58, 32) if data[4:5] == _64_BITS else ("<I", 46, 20)
    try:
        (kind,) = struct.unpack_from("<H", data, 16)  # e_type
        (table,) = struct.unpack_from(where, data, 40 if where == "<Q" else 32)  # e_shoff
        each, count, index = struct.unpack_from("<3H", data, numbers)  # e_shentsize, e_shnum, e_shstrndx
        (size,) = struct.unpack_from(where, data, table + index * each + size_at)
    except struct.error:  # no table of sections, or not in the file
        return False
    return kind in _LINKED and int(count * min(size, len(data))) <= NAMES_LIMIT


def _sections(parsed: Any, no_bits: object) -> Iterator[int]:
    for section in parsed.sections:
        if section.flags & _ALLOC or not (section.name in _SYMBOLS or section.name.startswith(_DEBUG)):
            continue
        with warnings.catch_warnings(action="ignore"):  # of a type that LIEF does not know
            kind = section.type
        if kind != no_bits:
            yield section.size
