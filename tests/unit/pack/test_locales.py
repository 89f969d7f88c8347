"""Locales that were made on the packing machine: read from glibc's archive, packed as directories."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.model import Kind, Reason
from lambundle.gather.gathering import Gathering
from lambundle.machine import Machine, MemoryFiles
from lambundle.pack.locale_archive import ARCHIVE, CATEGORIES, read_archive
from lambundle.pack.locales import LOCALES, MAX_LOCALES, add_locales, normalized
from tests.unit.test_elf import make_elf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambundle.bundle.model import Entry

LOADER = "/lib64/ld-linux-x86-64.so.2"
FILES = {f"LC_MESSAGES/SYS_{name}" if name == "LC_MESSAGES" else name for name in CATEGORIES if name != "LC_ALL"}


def ctype(codeset: bytes) -> bytes:
    """Make as much of LC_CTYPE as says the codeset."""
    return struct.pack("=II", 0, 15) + struct.pack("=15I", *[68] * 15) + codeset + b"\0"


def archive(*locales: tuple[tuple[str, ...], Mapping[str, bytes]]) -> bytes:
    """Make an archive of locales, each with its names and its categories; equal data is shared."""
    slots = sum(len(names) for names, _ in locales) + 3
    records = 56 + slots * 12
    strings = records + len(locales) * 108
    text = b"\0" + b"\0".join(name.encode() for names, _ in locales for name in names) + b"\0"
    data = strings + len(text)
    blocks: dict[bytes, int] = {}
    body = b""
    table, record_data = b"", b""
    for place, (names, categories) in enumerate(locales):
        fields = [1]
        for name in CATEGORIES:
            block = categories.get(name, b"the same")
            if block not in blocks:
                blocks[block] = data + len(body)
                body += block
            fields += [blocks[block], len(block)]
        record_data += struct.pack("=27I", *fields)
        for name in names:
            at = strings + text.index(b"\0" + name.encode() + b"\0") + 1
            table += struct.pack("=3I", 7, at, records + place * 108)
    table = table.ljust(slots * 12, b"\0")
    head = struct.pack("=14I", 0xDE020109, 0, 56, slots, slots, strings, 0, 0, records, 0, 0, 0, 0, 0)
    return head + table + record_data + text + body


PROGRAM = Reason("program", None, "p")
KOREAN = (("ko_KR.utf8",), {"LC_TIME": b"Korean time", "LC_CTYPE": ctype(b"UTF-8")})
GERMAN = (("de_DE.utf8", "german"), {"LC_TIME": b"German time", "LC_CTYPE": ctype(b"UTF-8")})


def packed(
    made: bytes, *, text: bytes = b"setlocale", variables: Mapping[str, str] | None = None
) -> tuple[Gathering, dict[str, Entry]]:
    """Pack the locales of a machine with one program that has a symbol."""
    program = make_elf(type_=3, entry=64, interpreter=LOADER.encode(), dynamic=[(21, 0)], strings=b"\0" + text + b"\0")
    content: dict[str, bytes | str] = {
        "/usr/bin/p": program,
        LOADER: make_elf(type_=3, dynamic=[(21, 0)]),
        f"{LOCALES}/C.utf8/LC_CTYPE": ctype(b"UTF-8"),
        ARCHIVE: made,
        "/etc/locale.gen": "# en_US.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\n",
    }
    gathering = Gathering(Machine(MemoryFiles(content), variables or {}), "x86_64", (), ())
    gathering.load("/usr/bin/p", PROGRAM)
    add_locales(gathering)
    entries = {entry.path: entry for entry in gathering.mirror.entries("")}
    return gathering, {path.removeprefix(f"{LOCALES}/"): entry for path, entry in entries.items()}


def test_a_locale_of_the_archive_becomes_a_directory() -> None:
    _, entries = packed(archive(KOREAN))
    assert {f"ko_KR.utf8/{name}" for name in FILES} <= entries.keys()
    assert entries["ko_KR.utf8/LC_TIME"].content == b"Korean time"


def test_names_of_one_locale_and_equal_categories_are_links() -> None:
    _, entries = packed(archive(KOREAN, GERMAN))
    assert entries["german"].target == "de_DE.utf8"
    assert entries["ko_KR.utf8/LC_CTYPE"].target == "../de_DE.utf8/LC_CTYPE"
    assert entries["ko_KR.utf8/LC_MESSAGES/SYS_LC_MESSAGES"].target == "../../de_DE.utf8/LC_NUMERIC"


def test_lambdas_locale_is_the_machines_own_if_it_was_made() -> None:
    assert packed(archive(KOREAN))[1]["en_US.utf8"].target == "C.utf8"
    english = (("en_US.utf8",), {"LC_TIME": b"English time"})
    assert packed(archive(english))[1]["en_US.utf8/LC_TIME"].content == b"English time"


def test_a_program_that_never_asks_for_a_locale_gets_none() -> None:
    assert "ko_KR.utf8" not in packed(archive(KOREAN), text=b"puts")[1]


@pytest.mark.parametrize(("variables", "first"), [({}, "de_DE.utf8"), ({"LC_ALL": "ko_KR.UTF-8"}, "ko_KR.utf8")])
def test_of_too_many_locales_those_in_use_are_taken(variables: dict[str, str], first: str) -> None:
    large = [((name,), {"LC_COLLATE": name[:2].encode() * (MAX_LOCALES // 3)}) for name in ("de_DE.utf8", "ko_KR.utf8")]
    gathering, entries = packed(archive(*large), variables=variables)
    (other,) = {"de_DE.utf8", "ko_KR.utf8"} - {first}
    assert f"{first}/LC_COLLATE" in entries
    assert other not in entries
    assert f"LC_ALL={other}" in gathering.notes[0]


def test_the_converter_of_a_locales_character_set_comes_along() -> None:
    top = "/usr/lib/x86_64-linux-gnu/gconv"
    content: dict[str, bytes | str] = {
        "/usr/bin/p": make_elf(
            type_=3, entry=64, interpreter=LOADER.encode(), dynamic=[(21, 0)], strings=b"\0setlocale\0"
        ),
        LOADER: make_elf(type_=3, dynamic=[(21, 0)]),
        ARCHIVE: archive((("ko_KR.euckr",), {"LC_CTYPE": ctype(b"EUC-KR")})),
        f"{top}/gconv-modules": "module EUC-KR// INTERNAL EUC-KR 1\n",
        f"{top}/EUC-KR.so": make_elf(type_=3, dynamic=[(21, 0)]),
    }
    gathering = Gathering(Machine(MemoryFiles(content)), "x86_64", (), ())
    gathering.load("/usr/bin/p", PROGRAM)
    add_locales(gathering)
    assert f"{top}/EUC-KR.so" in gathering.mirror.files()


def test_a_damaged_archive_has_no_locales() -> None:
    whole = archive(KOREAN, GERMAN)
    assert len(read_archive(whole)) == len([KOREAN, GERMAN])
    assert read_archive(b"") == read_archive(b"\0" * 100) == []
    for length in range(0, len(whole), 7):
        for locale in read_archive(whole[:length]):
            assert all(offset + size <= length for offset, size in locale.categories.values())
    for at in range(0, 56, 4):
        read_archive(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])


@pytest.mark.parametrize("name", ["../../etc", "a/b", ".hidden", ""])
def test_a_name_that_leads_elsewhere_is_left_out(name: str) -> None:
    assert read_archive(archive(((name,), {}))) == []


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("ko_KR.UTF-8", "ko_KR.utf8"),
        ("de_DE@euro", "de_DE@euro"),
        ("de_DE.ISO-8859-15@euro", "de_DE.iso885915@euro"),
        ("C", "C"),
        ("ru_RU.8859-5", "ru_RU.iso88595"),
    ],
)
def test_names_are_compared_as_glibc_does(name: str, known: str) -> None:
    assert normalized(name) == known


def test_links_lead_to_files() -> None:
    _, entries = packed(archive(KOREAN, GERMAN))
    kinds = {entry.kind for path, entry in entries.items() if path.startswith("ko_KR.utf8/LC_T")}
    assert kinds == {Kind.FILE, Kind.LINK}
