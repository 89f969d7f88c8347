"""The headers of an ELF file that ld.so reads: program headers, dynamic section, symbol versions, notes.

Source: the System V gABI (chapters "Object Files" and "Dynamic Linking"), the LSB for symbol versions, the UAPI
group's "dlopen() Metadata" for ``.note.dlopen``.

Only a few blocks of a file are read. Every offset is checked and every list and string has an upper bound, so that a
hostile file costs no more than any other. A test over a whole machine compares the results with LIEF's.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from lambundle.elf.notes import DlopenNote, read_notes
from lambundle.elf.reader import LAYOUTS, Layout, Reader, structure
from lambundle.errors import NotElfError, UnreadableFileError

if TYPE_CHECKING:
    import mmap
    import struct
    from collections.abc import Callable, Iterator

    from lambundle.machine import Files

MAGIC = b"\x7fELF"

ET_EXEC = 2
ET_DYN = 3

EM_386 = 3
EM_PPC64 = 21
EM_S390 = 22
EM_ARM = 40
EM_X86_64 = 62
EM_AARCH64 = 183
EM_RISCV = 243
EM_LOONGARCH = 258

DF_1_NODEFLIB = 0x800
DF_1_PIE = 0x0800_0000

_PT_LOAD = 1
_PT_DYNAMIC = 2
_PT_INTERP = 3
_PT_NOTE = 4
_PN_XNUM = 0xFFFF

_DT_NEEDED = 1
_DT_STRTAB = 5
_DT_STRSZ = 10
_DT_SONAME = 14
_DT_RPATH = 15
_DT_RUNPATH = 29
_DT_FLAGS = 30
_DT_FLAGS_1 = 0x6FFF_FFFB
_DT_DEPAUDIT = 0x6FFF_FEFB
_DT_AUDIT = 0x6FFF_FEFC
_DT_AUXILIARY = 0x7FFF_FFFD
_DT_FILTER = 0x7FFF_FFFF
_DT_VERDEF = 0x6FFF_FFFC
_DT_VERDEFNUM = 0x6FFF_FFFD
_DT_VERNEED = 0x6FFF_FFFE
_DT_VERNEEDNUM = 0x6FFF_FFFF

_VER_FLG_BASE = 1

# Upper bounds, far above the output of any linker.
_MAX_NAME = 4096
_MAX_RPATH = 1 << 16
_MAX_DYNAMIC = 1 << 20
_MAX_NEEDED = 4096
_MAX_VERSIONS = 1 << 16


@dataclass(frozen=True, slots=True)
class Filtee:
    """A library that stands before the file in symbol lookup: DT_AUXILIARY, which is ``optional``, or DT_FILTER.

    ``position`` is how many entries of DT_NEEDED are before it.
    """

    name: str
    position: int
    optional: bool


@dataclass(frozen=True, slots=True)
class ElfFile:
    """The headers of an ELF file that decide how it is loaded.

    ``path`` is the path it was read from. ``bits`` is 32 or 64, ``little`` its byte order, ``machine`` an EM_ number,
    ``type`` an ET_ number, ``osabi`` the byte EI_OSABI, ``entry`` the entry address. ``interpreter`` is PT_INTERP,
    ``dynamic`` whether it has PT_DYNAMIC. ``needed``, ``soname``, ``rpath``, ``runpath``, ``flags`` and ``flags_1`` are
    dynamic entries, unexpanded. ``version_needs`` are (library, versions) pairs of DT_VERNEED, ``version_defs`` names
    of DT_VERDEF without the base definition, which repeats the soname. ``dlopen`` are notes on libraries that it opens.
    ``isa_needed`` has a bit for each required x86-64 level (1: baseline, 2: v2, 4: v3, 8: v4), 0 without the note.
    ``strings`` are the offsets of the start and end of the dynamic string table; (0, 0) without one. ``filtees`` are
    DT_AUXILIARY and DT_FILTER in order. ``audits`` are the names in DT_AUDIT and DT_DEPAUDIT.
    """

    path: str
    bits: int
    little: bool
    machine: int
    type: int
    osabi: int
    entry: int
    interpreter: str | None = None
    dynamic: bool = False
    needed: tuple[str, ...] = ()
    soname: str | None = None
    rpath: str | None = None
    runpath: str | None = None
    flags: int = 0
    flags_1: int = 0
    version_needs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    version_defs: tuple[str, ...] = ()
    dlopen: tuple[DlopenNote, ...] = ()
    isa_needed: int = 0
    strings: tuple[int, int] = (0, 0)
    filtees: tuple[Filtee, ...] = ()
    audits: tuple[str, ...] = ()

    @property
    def nodeflib(self) -> bool:
        """Whether the file was linked with ``-z nodefaultlib``."""
        return bool(self.flags_1 & DF_1_NODEFLIB)

    @property
    def is_program(self) -> bool:
        """Whether it is a program.

        A program has an entry point and is ET_EXEC, or ET_DYN with DF_1_PIE or, from linkers before binutils 2.26, with
        an interpreter and no soname. libc.so.6, which prints a banner when started, has a soname.
        """
        if self.entry == 0:
            return False
        if self.type == ET_EXEC or self.flags_1 & DF_1_PIE:
            return True
        return self.type == ET_DYN and self.interpreter is not None and self.soname is None

    @property
    def is_static_program(self) -> bool:
        """Whether it is a program without an interpreter (static or static-pie)."""
        return self.is_program and self.interpreter is None


def read_elf(files: Files, path: str) -> ElfFile:
    """Return the headers of the file that ``path`` leads to.

    Raises NotElfError, BadElfError, or UnreadableFileError if it does not exist or cannot be read.
    """
    try:
        if not stat.S_ISREG(files.stat(path).st_mode):
            raise NotElfError(f"{path} is not an ELF file: it is not a regular file")
        with files.open(path) as file:
            return _parse(partial(_read_at, file), file.seek(0, os.SEEK_END), path)
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read: {error.strerror or error}") from error


def _read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def parse_elf(data: bytes | mmap.mmap, name: str) -> ElfFile:
    """Return the headers of an ELF file in memory; ``name`` is its path in errors. Raises as ``read_elf``."""
    return _parse(lambda offset, size: data[offset : offset + size], len(data), name)


def is_elf(files: Files, path: str) -> bool:
    """Return whether a regular file begins with the ELF magic number; False if it cannot be read."""
    return files.read(path, len(MAGIC)) == MAGIC


def _parse(fetch: Callable[[int, int], bytes], size: int, name: str) -> ElfFile:
    source = Reader(fetch, size, name)
    ident = source.read(0, min(size, 16), "its identification")
    if ident[:4] != MAGIC:
        raise NotElfError(f"{name} is not an ELF file: it does not begin with \\x7fELF")
    if size < 16:  # noqa: PLR2004  (EI_NIDENT)
        raise source.bad("it ends within its identification")
    layout = LAYOUTS.get((ident[4], ident[5]))
    if layout is None:
        raise source.bad(f"no such class or byte order ({ident[4]}, {ident[5]})")
    header = layout.header.unpack(source.read(16, layout.header.size, "its header"))
    type_, machine, _version, entry, table, _sections, _flags, _size, entry_size, count = header
    segments: dict[int, list[tuple[int, int, int, int]]] = {}
    if count and type_ in (ET_EXEC, ET_DYN):
        if entry_size != layout.program.size:
            raise source.bad(f"its program headers have {entry_size} bytes, not {layout.program.size}")
        if count == _PN_XNUM:
            raise source.bad("it has more program headers than the loader supports")
        segments = _segments(source.read(table, entry_size * count, "its program header table"), layout)
    interpreter = _interpreter(source, segments)
    dynamic = _Dynamic(source, layout, segments) if _PT_DYNAMIC in segments else None
    dlopen, isa_needed = read_notes(source, layout, segments.get(_PT_NOTE, []))
    if dynamic is None:
        return ElfFile(
            path=name,
            bits=layout.bits,
            little=layout.little,
            machine=machine,
            type=type_,
            osabi=ident[7],
            entry=entry,
            interpreter=interpreter,
            dlopen=dlopen,
            isa_needed=isa_needed,
        )
    return ElfFile(
        path=name,
        bits=layout.bits,
        little=layout.little,
        machine=machine,
        type=type_,
        osabi=ident[7],
        entry=entry,
        interpreter=interpreter,
        dynamic=True,
        needed=dynamic.needed(),
        soname=dynamic.text(_DT_SONAME, "DT_SONAME", _MAX_NAME),
        rpath=dynamic.text(_DT_RPATH, "DT_RPATH", _MAX_RPATH),
        runpath=dynamic.text(_DT_RUNPATH, "DT_RUNPATH", _MAX_RPATH),
        flags=dynamic.entries.get(_DT_FLAGS, 0),
        flags_1=dynamic.entries.get(_DT_FLAGS_1, 0),
        version_needs=tuple(dynamic.version_needs()),
        version_defs=tuple(dynamic.version_defs()),
        dlopen=dlopen,
        isa_needed=isa_needed,
        strings=dynamic.strings(),
        filtees=dynamic.filtees(),
        audits=dynamic.audits(),
    )


def _segments(table: bytes, layout: Layout) -> dict[int, list[tuple[int, int, int, int]]]:
    """Return the program headers by type, each as (offset, address, size in the file, alignment).

    Empty segments are left out: a separate debug file has all headers without content.
    """
    segments: dict[int, list[tuple[int, int, int, int]]] = {}
    for header in layout.program.iter_unpack(table):
        if layout.is64:
            type_, _flags, offset, address, _physical, size, _memory, align = header
        else:
            type_, offset, address, _physical, size, _memory, _flags, align = header
        if size:
            segments.setdefault(type_, []).append((offset, address, size, align))
    return segments


def _interpreter(source: Reader, segments: dict[int, list[tuple[int, int, int, int]]]) -> str | None:
    if _PT_INTERP not in segments:
        return None
    offset, _address, size, _align = segments[_PT_INTERP][0]
    if not 2 <= size <= _MAX_NAME:  # noqa: PLR2004  (the kernel's bounds, fs/binfmt_elf.c)
        raise source.bad(f"its PT_INTERP has {size} bytes")
    text = source.read(offset, size, "its PT_INTERP")
    if text[-1] != 0:
        raise source.bad("its PT_INTERP has no end")
    return os.fsdecode(text[: text.index(0)])


class _Dynamic:
    """The dynamic section: entries by tag (the last one counts, as in ld.so) and their strings."""

    __slots__ = ("_end", "_filtees", "_loads", "_needed", "_source", "_strings", "_word", "entries")

    def __init__(self, source: Reader, layout: Layout, segments: dict[int, list[tuple[int, int, int, int]]]) -> None:
        offset, _address, size, _align = segments[_PT_DYNAMIC][0]
        if size > _MAX_DYNAMIC:
            raise source.bad(f"its dynamic section has {size} bytes")
        size -= size % layout.dynamic.size
        self._source = source
        self._word = layout.word
        self._loads = segments.get(_PT_LOAD, [])
        self._needed: list[int] = []
        self._filtees: list[tuple[int, int, bool]] = []
        self.entries: dict[int, int] = {}
        for tag, value in layout.dynamic.iter_unpack(source.read(offset, size, "its dynamic section")):
            if tag == 0:
                break
            if tag == _DT_NEEDED:
                self._needed.append(value)
            elif tag in (_DT_AUXILIARY, _DT_FILTER):
                self._filtees.append((value, len(self._needed), tag == _DT_AUXILIARY))
            else:
                self.entries[tag] = value
        if len(self._needed) + len(self._filtees) > _MAX_NEEDED:
            raise source.bad(f"it needs {len(self._needed) + len(self._filtees)} libraries")
        self._strings = self._end = -1
        if _DT_STRTAB in self.entries:
            self._strings = self._offset(self.entries[_DT_STRTAB], "DT_STRTAB")
            self._end = self._strings + self.entries.get(_DT_STRSZ, source.size)

    def strings(self) -> tuple[int, int]:
        """Return the start and end of the string table, within the file."""
        return (self._strings, min(self._end, self._source.size)) if self._strings >= 0 else (0, 0)

    def _offset(self, address: int, what: str) -> int:
        """Return the offset in the file of the byte at ``address``."""
        for offset, start, size, _align in self._loads:
            if start <= address < start + size:
                return offset + address - start
        raise self._source.bad(f"{what} points to {address:#x}, which no segment holds")

    def _string(self, index: int, what: str, limit: int = _MAX_NAME) -> str:
        if self._strings < 0:
            raise self._source.bad(f"it has {what} and no string table")
        return self._source.string(self._strings + index, self._end, limit, what)

    def needed(self) -> tuple[str, ...]:
        """Return DT_NEEDED, in order."""
        return tuple([self._string(index, "DT_NEEDED") for index in self._needed])

    def filtees(self) -> tuple[Filtee, ...]:
        """Return DT_AUXILIARY and DT_FILTER, in order."""
        return tuple(
            [Filtee(self._string(index, "a filter"), position, optional) for index, position, optional in self._filtees]
        )

    def audits(self) -> tuple[str, ...]:
        """Return the names in DT_AUDIT, then those in DT_DEPAUDIT."""
        texts = (self.text(_DT_AUDIT, "DT_AUDIT", _MAX_RPATH), self.text(_DT_DEPAUDIT, "DT_DEPAUDIT", _MAX_RPATH))
        return tuple([name for text in texts if text for name in text.split(":") if name])

    def text(self, tag: int, what: str, limit: int) -> str | None:
        """Return the string of a tag; None without the tag."""
        index = self.entries.get(tag)
        return None if index is None else self._string(index, what, limit)

    def _chain(self, start: int, count: int, layout: struct.Struct, what: str) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Return linked records with their offsets; the last field is the distance to the next record."""
        if count > _MAX_VERSIONS:
            raise self._source.bad(f"it has {count} entries of {what}")
        offset = start
        for _ in range(count):
            record = layout.unpack(self._source.read(offset, layout.size, what))
            yield offset, record
            if record[-1] == 0:
                return
            offset += record[-1]

    def version_needs(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Return DT_VERNEED: libraries, each with the versions needed from it."""
        if _DT_VERNEED not in self.entries:
            return
        start = self._offset(self.entries[_DT_VERNEED], "DT_VERNEED")
        count = self.entries.get(_DT_VERNEEDNUM, 0)
        need, aux = structure(self._word + "HHIII"), structure(self._word + "IHHII")
        left = _MAX_VERSIONS
        for offset, (_version, versions, file, first, _next) in self._chain(start, count, need, "DT_VERNEED"):
            left -= versions
            if left < 0:
                raise self._source.bad("it needs more symbol versions than the reader supports")
            records = self._chain(offset + first, versions, aux, "DT_VERNEED")
            names = [self._string(record[3], "a needed version") for _, record in records]
            yield self._string(file, "DT_VERNEED"), tuple(names)

    def version_defs(self) -> Iterator[str]:
        """Return DT_VERDEF: the versions that the file defines, without the base."""
        if _DT_VERDEF not in self.entries:
            return
        start = self._offset(self.entries[_DT_VERDEF], "DT_VERDEF")
        count = self.entries.get(_DT_VERDEFNUM, 0)
        define, aux = structure(self._word + "HHHHIII"), structure(self._word + "II")
        for offset, record in self._chain(start, count, define, "DT_VERDEF"):
            _version, flags, _index, names, _hash, first, _next = record
            if not flags & _VER_FLG_BASE and names:
                name, _ = aux.unpack(self._source.read(offset + first, aux.size, "DT_VERDEF"))
                yield self._string(name, "a defined version")
