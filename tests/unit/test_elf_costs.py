"""Whatever a file repeats has a bound: ten times the table is ten times the work at most, and often none."""

from __future__ import annotations

import contextlib
import json
import struct
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from lambundle.elf import files as elf_files
from lambundle.elf.files import SEARCHES_A_FILE, ElfFiles
from lambundle.elf.headers import parse_elf
from lambundle.elf.ldconfig import built_in, parse_cache, read_conf
from lambundle.elf.walk import walk
from lambundle.errors import BadElfError
from lambundle.machine import MemoryFiles
from lambundle.verify.static.symbols import Budget, read_symbols
from tests.unit.test_elf import make_elf, make_note
from tests.unit.verify.elves import LOADER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NEEDED, RPATH, RUNPATH = 1, 15, 29


def program(*dynamic: tuple[int, bytes | int], notes: bytes = b"") -> bytes:
    return make_elf(type_=2, entry=64, interpreter=LOADER, dynamic=dynamic or [(NEEDED, b"libc.so.6")], notes=notes)


def phdrs(count: int, type_: int, size: int) -> bytes:
    """A file whose program headers all are of one type and on the same bytes."""
    end = 64 + 56 * count
    head = b"\x7fELF\2\1\1\0" + bytes(8)
    head += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    note = make_note("<", b"GNU\0", 5, struct.pack("<III4x", 0xC0008002, 4, 1), 4)
    return head + struct.pack("<IIQQQQQQ", type_, 4, end, 0, 0, size, size, 4) * count + (note * size)[:size]


def needed(count: int) -> bytes:
    return program(*[(NEEDED, b"libx%d.so" % number) for number in range(count)])


def directories(count: int) -> bytes:
    return program((NEEDED, b"libx.so"), (RUNPATH, b":".join(b"/%x" % number for number in range(count))))


def origins(count: int) -> bytes:
    return program((NEEDED, b"libx.so"), (RUNPATH, b"$ORIGIN" * count))


def opened(count: int) -> bytes:
    listed = json.dumps([{"soname": [f"lib{number}.so"]} for number in range(count)]).encode()
    return program(notes=make_note("<", b"FDO\0", 0x407C0C0A, listed + b"\0"))


def versions(count: int) -> bytes:
    aux = struct.pack("<IHHII", 0, 0, 2, 1, 16) * count
    need = struct.pack("<HHIII", 1, count, 1, 16, 0) + aux
    return make_elf(dynamic=[(24, 0)], versions=(need, 1, b"", 0), strings=b"\0" + b"v" * 99 + b"\0")


class Counted(MemoryFiles):
    """Files that count what is asked."""

    asked = 0

    def _lstat(self, path: str) -> object:  # type: ignore[override]
        self.asked += 1
        return super()._lstat(path)

    def _readlink(self, path: str) -> str:
        self.asked += 1
        return super()._readlink(path)


def work(data: bytes) -> int:
    """How often a walk over one program asks for a file."""
    files = Counted({"/bin/x": data})
    with contextlib.suppress(BadElfError):
        walk(ElfFiles(files), ["/bin/x"])
    return files.asked


TABLES: dict[str, Callable[[int], bytes]] = {
    "needed": needed,
    "directories": directories,
    "origins": origins,
    "opened": opened,
    "versions": versions,
    "notes": lambda count: phdrs(count, 4, 1 << 12),
    "interpreters": lambda count: phdrs(count, 3, 64),
    "loads": lambda count: phdrs(count, 1, 1 << 12),
}


@pytest.mark.parametrize("table", TABLES)
def test_ten_times_a_table_is_ten_times_the_questions_at_most(table: str) -> None:
    make = TABLES[table]
    assert work(make(2000)) <= 10 * work(make(200)) + 100


@pytest.mark.parametrize("table", TABLES)
def test_ten_times_a_table_is_ten_times_the_memory_at_most(table: str) -> None:
    def peak(count: int) -> int:
        data = TABLES[table](count)
        tracemalloc.start()
        with contextlib.suppress(BadElfError):
            parse_elf(data, "x")
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(200)  # what is compiled once
    assert peak(2000) <= 12 * peak(200) + (1 << 18)


@pytest.mark.parametrize("tag", [RPATH, RUNPATH])
def test_libraries_times_directories_has_a_bound_of_its_own(tag: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elf_files, "SEARCHES", 1 << 10)  # as it is, it takes seconds
    names = [(NEEDED, b"libx%d.so" % number) for number in range(400)]
    data = program(*names, (tag, b":".join(b"/%x" % number for number in range(400))))
    files = Counted({"/bin/x": data})
    with pytest.raises(BadElfError, match="in too many places"):
        walk(ElfFiles(files), ["/bin/x"])
    assert files.asked < 8 * ((1 << 10) + SEARCHES_A_FILE)


def test_a_directory_that_is_no_path_is_not_made_up() -> None:
    data = program((NEEDED, b"libx.so"), (RUNPATH, b"$ORIGIN" * 900 + b":" + b"$ORIGIN" * 500))
    closure = walk(ElfFiles(MemoryFiles({f"/{'d' * 200}/x": data})), [f"/{'d' * 200}/x"])
    places = closure.missing[-1].looked_in
    assert [place.reason for place in places if place.rule == "runpath"] == [
        "not searched, it is too long for a path"
    ] * 2


def test_a_name_that_no_file_can_have_is_searched_for_nowhere() -> None:
    closure = walk(ElfFiles(MemoryFiles({"/bin/x": program((NEEDED, b"n" * 256))})), ["/bin/x"])
    assert [place.reason for place in closure.missing[-1].looked_in] == ["the name is too long"]


def test_no_more_than_a_thousand_libraries_are_opened_by_notes() -> None:
    assert sum(len(note.sonames) for note in parse_elf(opened(5000), "x").dlopen) == 1024
    assert len(parse_elf(opened(30), "x").dlopen) == 30


def cache(texts: int) -> bytes:
    """A cache whose entries all have one long path."""
    head = struct.pack("<20sIIB3xI12x", b"glibc-ld.so.cache1.1", texts, 0, 0, 0)
    start = len(head) + 24 * texts
    entries = b"".join(struct.pack("<iIIIQ", 0x303, start + at % 999, start + at % 999, 0, 0) for at in range(texts))
    return head + entries + b"/" * 4000 + b"\0"


def test_a_cache_whose_texts_overlap_without_end_is_not_valid() -> None:
    assert parse_cache(cache(4), 62, 64, little=True)
    assert parse_cache(cache(4000), 62, 64, little=True) is None


@pytest.mark.parametrize("piece", [b"/a", b"/lib", b"/lib/\0"])
def test_the_search_for_a_loader_s_directories_keeps_little(piece: bytes) -> None:
    tracemalloc.start()
    built_in(b"\0" + piece * ((4 << 20) // len(piece)), 62, 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20


class Globs(MemoryFiles):
    """Files that count patterns."""

    def __init__(self, content: dict[str, str]) -> None:
        super().__init__(content, directories=("/etc/ld.so.conf.d/x.conf",))
        self.patterns: list[str] = []

    def glob(self, pattern: str) -> list[str]:
        self.patterns.append(pattern)
        return super().glob(pattern)


def test_includes_of_ld_so_conf_are_bounded_and_a_directory_among_them_is_passed_over() -> None:
    lines: Iterator[str] = (f"include /d{number}/**/*.conf" for number in range(5000))
    files = Globs({"/etc/ld.so.conf": "/lib\ninclude /etc/ld.so.conf.d/*.conf\n" + "\n".join(lines)})
    assert read_conf(ElfFiles(files)) == ("/lib",)
    assert len(files.patterns) <= 1024
    assert not any("**" in pattern for pattern in files.patterns)


def symbols(versions: int, length: int) -> bytes:
    """A library that wants many versions, all with one long name."""
    aux = b"".join(struct.pack("<IHHII", 0, 0, 2 + number, 1, 16) for number in range(versions))
    need = struct.pack("<HHIII", 1, versions, 1, 16, 0) + aux
    dynamic = [(6, 0x10000), (4, 0x10000)]  # DT_SYMTAB, DT_HASH: anywhere
    return make_elf(dynamic=dynamic, versions=(need, 1, b"", 0), strings=b"\0" + b"v" * length + b"\0")


def test_names_of_versions_may_not_overlap_without_end() -> None:
    tracemalloc.start()
    with pytest.raises(BadElfError, match=r"overlap without end|beyond its end"):
        read_symbols(symbols(5000, 1 << 20), Budget())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20
