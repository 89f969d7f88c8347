"""Reads the dynamic symbols of an ELF file: what it wants of others and what it gives, with their versions.

Layouts: System V gABI, "Symbol Table", "Hash Table"; symbol versions as in the LSB; ``DT_GNU_HASH`` as glibc's
``elf/dl-lookup.c`` reads it. Only 64-bit little-endian files, which all of Lambda's machines have.

LIEF could tell the same, and a test holds the two equal, but not of files from strangers: it copies every name to its
end, so that 620 KB took it 46 s and 2.7 GB, and finds no symbols where only DT_HASH counts them. On ffmpeg's 267 files
it takes 0.6 s and as long for its import; this takes 0.12 s.
"""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.errors import BadElfError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES_MAX = 256 << 20
"""Most bytes of symbol names that are kept of one bundle; the largest seen, LibreOffice, has a tenth."""

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ = 4, 5, 6, 10
_DT_GNU_HASH, _DT_VERSYM = 0x6FFF_FEF5, 0x6FFF_FFF0
_DT_VERDEF, _DT_VERDEFNUM, _DT_VERNEED, _DT_VERNEEDNUM = 0x6FFF_FFFC, 0x6FFF_FFFD, 0x6FFF_FFFE, 0x6FFF_FFFF
_SHT_DYNSYM = 11
_SHN_UNDEF = 0
_STB_LOCAL, _STB_WEAK = 0, 2
_FIRST_VERSION = 2  # 0 is local, 1 the unversioned rest
_VERSION_MASK = 0x7FFF  # the highest bit hides a version from the linker, not from the loader
_STEPS_MAX = 1 << 18  # records of versions and of the last hash chain; the most seen is some thousands
_SLACK = 1 << 16
_VERSION_BYTES = 64  # of a version's name for each symbol, on average

_HEADER = struct.Struct("<16x2HI3QI6H")
_SEGMENT = struct.Struct("<2I6Q")
_SECTION = struct.Struct("<2I4Q2I2Q")
_DYNAMIC = struct.Struct("<2Q")
_SYMBOL = struct.Struct("<I2BH2Q")
_VERNEED, _VERNAUX = struct.Struct("<2H3I"), struct.Struct("<I2H2I")
_VERDEF, _VERDAUX = struct.Struct("<4H3I"), struct.Struct("<2I")
_WORD, _HASH, _GNU_HASH = struct.Struct("<I"), struct.Struct("<2I"), struct.Struct("<4I")


@dataclass(frozen=True, slots=True)
class Symbols:
    """The dynamic symbols of one file.

    ``wanted`` are those that another file must give, weak ones left out; ``given`` those that it defines. Each is its
    name, or name@VERSION where a version is wanted. A file whose symbols are ``versioned`` gives each both ways.
    """

    wanted: frozenset[bytes]
    given: frozenset[bytes]
    versioned: bool


class Budget:
    """How many bytes of names may still be kept; shared by the threads that read one bundle."""

    def __init__(self, left: int = NAMES_MAX) -> None:
        self._left = left
        self._lock = threading.Lock()

    def spend(self, count: int) -> bool:
        """Whether that many bytes are still to be had; they are taken."""
        with self._lock:
            self._left -= count
            return self._left >= 0


def read_symbols(data: bytes, budget: Budget) -> Symbols | None:
    """Read the symbols of the 64-bit little-endian ELF file ``data``; None if it has no dynamic section.

    None as well when ``budget`` does not suffice. Raise BadElfError when its tables contradict one another.
    """
    try:
        return _SymbolReader(data).symbols(budget)
    except (struct.error, ValueError) as error:
        raise BadElfError(f"its dynamic symbols cannot be read: {error}") from error


class _SymbolReader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        header = _HEADER.unpack_from(data)
        table, self._sections, count, self._section_count = header[4], header[5], header[9], header[11]
        self._loads: list[tuple[int, int, int]] = []
        self._steps = _STEPS_MAX
        self._version_bytes = 0
        dynamic = (0, 0)
        for type_, _, offset, address, _, size, _, _ in _SEGMENT.iter_unpack(self._part(table, count * _SEGMENT.size)):
            if type_ == _PT_LOAD:
                self._loads.append((offset, address, size))
            elif type_ == _PT_DYNAMIC:
                dynamic = (offset, size - size % _DYNAMIC.size)
        self._tags: dict[int, int] = {}
        for tag, value in _DYNAMIC.iter_unpack(self._part(*dynamic)):
            if tag == 0:
                break
            self._tags[tag] = value

    def symbols(self, budget: Budget) -> Symbols | None:
        """Read the table of symbols."""
        if _DT_SYMTAB not in self._tags or _DT_STRTAB not in self._tags:
            return None
        strings = self._part(self._offset(self._tags[_DT_STRTAB]), self._tags.get(_DT_STRSZ, 0))
        start, count = self._offset(self._tags[_DT_SYMTAB]), self._count()
        table = self._part(start, count * _SYMBOL.size)
        needed, defined = dict(self._needed_versions(strings)), dict(self._defined_versions(strings))
        indices = self._version_indices(count) if needed or defined else None
        wanted: set[bytes] = set()
        given: set[bytes] = set()
        spent = versions = 0
        for at, (name_at, info, _, section, _, _) in enumerate(_SYMBOL.iter_unpack(table)):
            binding = info >> 4
            if binding == _STB_LOCAL or not name_at or (section == _SHN_UNDEF and binding == _STB_WEAK):
                continue
            index = indices[at] & _VERSION_MASK if indices is not None else 0
            version = (needed if section == _SHN_UNDEF else defined).get(index, b"")
            name = _string(strings, name_at)
            spent += len(name)
            versions += len(version)
            # Names may share their ends and many have one version, but no linker makes that of it.
            if spent > _SLACK + 4 * len(strings) or versions > _VERSION_BYTES * count + _SLACK:
                raise ValueError("its names overlap without end")
            if section == _SHN_UNDEF:
                wanted.add(name + version)
                continue
            given.add(name)
            if version:
                given.add(name + version)
        if not budget.spend(spent + versions):
            return None
        return Symbols(frozenset(wanted), frozenset(given), bool(defined))

    def _part(self, offset: int, size: int) -> bytes:
        if offset + size > len(self._data):
            raise ValueError("a table lies beyond its end")
        return self._data[offset : offset + size]

    def _offset(self, address: int) -> int:
        for offset, start, size in self._loads:
            if start <= address < start + size:
                return offset + address - start
        raise ValueError(f"no segment holds {address:#x}")

    def _count(self) -> int:
        """How many symbols there are: no field says it but DT_HASH's."""
        if _DT_HASH in self._tags:
            _, chains = _HASH.unpack_from(self._data, self._offset(self._tags[_DT_HASH]))
            return int(chains)
        counts = [self._gnu_count()] if _DT_GNU_HASH in self._tags else [0]
        if self._sections:
            # The hash table leaves out what the file only wants, when that is all it has.
            sections = self._part(self._sections, self._section_count * _SECTION.size)
            counts += [item[5] // _SYMBOL.size for item in _SECTION.iter_unpack(sections) if item[1] == _SHT_DYNSYM]
        return max(counts)

    def _gnu_count(self) -> int:
        start = self._offset(self._tags[_DT_GNU_HASH])
        buckets, first, blooms, _ = _GNU_HASH.unpack_from(self._data, start)
        at = start + _GNU_HASH.size + 8 * blooms
        last = max((bucket for (bucket,) in _WORD.iter_unpack(self._part(at, 4 * buckets))), default=0)
        if last < first:
            return int(first)
        chain = at + 4 * buckets + 4 * (last - first)
        for step in range(_STEPS_MAX):
            if _WORD.unpack_from(self._data, chain + 4 * step)[0] & 1:
                return int(last) + step + 1
        raise ValueError("its hash table has a chain without end")

    def _version_indices(self, count: int) -> tuple[int, ...] | None:
        if _DT_VERSYM not in self._tags:
            return None
        part = self._part(self._offset(self._tags[_DT_VERSYM]), 2 * count)
        return struct.unpack(f"<{count}H", part)

    def _needed_versions(self, strings: bytes) -> Iterator[tuple[int, bytes]]:
        """Versions wanted of others, by the index that symbols have for them."""
        if _DT_VERNEED not in self._tags:
            return
        start, count = self._offset(self._tags[_DT_VERNEED]), self._tags.get(_DT_VERNEEDNUM, 0)
        for at, (_, names, _, first, _) in self._chain(start, count, _VERNEED):
            for _, (_, _, index, name, _) in self._chain(at + first, names, _VERNAUX):
                yield index & _VERSION_MASK, self._version(strings, name)

    def _defined_versions(self, strings: bytes) -> Iterator[tuple[int, bytes]]:
        """Versions that the file defines, by their index; the first only repeats its own name."""
        if _DT_VERDEF not in self._tags:
            return
        start, count = self._offset(self._tags[_DT_VERDEF]), self._tags.get(_DT_VERDEFNUM, 0)
        for at, (_, _, index, names, _, first, _) in self._chain(start, count, _VERDEF):
            if names and index & _VERSION_MASK >= _FIRST_VERSION:
                name, _ = _VERDAUX.unpack_from(self._data, at + first)
                yield index & _VERSION_MASK, self._version(strings, name)

    def _version(self, strings: bytes, at: int) -> bytes:
        name = _string(strings, at)
        self._version_bytes += len(name)
        if self._version_bytes > _SLACK + 4 * len(strings):
            raise ValueError("its versions overlap without end")
        return b"@" + name

    def _chain(self, at: int, count: int, layout: struct.Struct) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Follow records that each tell, in their last field, how far the next one is."""
        for _ in range(count):
            self._steps -= 1
            if self._steps < 0:
                raise ValueError("its versions go on without end")
            record = layout.unpack_from(self._data, at)
            yield at, record
            if record[-1] == 0:
                return
            at += record[-1]


def _string(strings: bytes, at: int) -> bytes:
    return strings[at : strings.index(b"\0", at)]
