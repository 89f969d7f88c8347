"""What strip(1) would take out of the ELF files of a bundle: symbol tables and debug sections.

The only part of ``size`` that looks into files, so only where it is asked to; LIEF does the reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambundle.size.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.size.contents import SizedContents

READ_LIMIT = 512 << 20
"""Largest file that is looked into: twice all that Lambda unpacks."""
_MAGIC = b"\x7fELF"
_DEBUG = (".debug_", ".zdebug_", ".gnu.debuglto_", ".stab", ".gnu_debugdata")
_SYMBOLS = {".symtab", ".strtab"}
_RELOCATABLE = 1
"""ET_REL: an object file, which is linked by its symbols (elf(5))."""
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
    if parsed is None or int(parsed.header.file_type.value) == _RELOCATABLE:
        return 0
    return sum(size + parsed.header.section_header_size for size in _sections(parsed))


def _sections(parsed: Any) -> Iterator[int]:
    for section in parsed.sections:
        if section.flags & _ALLOC or section.type.name == "NOBITS":
            continue
        if section.name in _SYMBOLS or section.name.startswith(_DEBUG):
            yield section.size
