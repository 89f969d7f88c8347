"""The reader, on files made by hand: every class and byte order, and what it makes of each field."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambundle.elf.headers import DF_1_NODEFLIB, DF_1_PIE, ElfFile, parse_elf
from lambundle.elf.notes import DlopenNote
from lambundle.errors import BadElfError, NotElfError, UnreadableFileError
from tests.here import is_elf, read_elf

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = [(bits, order) for bits in (32, 64) for order in "<>"]


def make_elf(
    bits: int = 64,
    order: str = "<",
    *,
    type_: int = 3,
    machine: int = 62,
    entry: int = 0,
    interpreter: bytes | None = None,
    dynamic: Sequence[tuple[int, bytes | int]] = (),
    notes: bytes = b"",
    note_align: int = 4,
    versions: tuple[bytes, int, bytes, int] | None = None,
    strings: bytes = b"\0",
) -> bytes:
    """Write a small ELF file; text in ``dynamic`` goes into the string table.

    ``versions`` are DT_VERNEED's content and count, then DT_VERDEF's; their names index ``strings``.
    """
    header_size, program_size = (64, 56) if bits == 64 else (52, 32)
    table = bytearray(strings)
    entries: list[tuple[int, int]] = []
    for tag, value in dynamic:
        if isinstance(value, bytes):
            entries.append((tag, len(table)))
            table += value + b"\0"
        else:
            entries.append((tag, value))
    parts: list[tuple[int, bytes, int]] = []  # type of segment, content, alignment
    if interpreter is not None:
        parts.append((3, interpreter + b"\0", 1))
    if notes:
        parts.append((4, notes, note_align))
    count = len(parts) + (2 if dynamic else 0)
    at = -(-(header_size + program_size * count) // 8) * 8
    content = bytearray()
    headers: list[tuple[int, int, int, int, int]] = []
    base = 0x10000

    def put(data: bytes) -> int:
        while (at + len(content)) % 8:
            content.append(0)
        content.extend(data)
        return at + len(content) - len(data)

    for segment, data, align in parts:
        offset = put(data)
        headers.append((segment, offset, base + offset, len(data), align))
    if dynamic:
        entries += [(5, base + put(bytes(table))), (10, len(table))]
        if versions is not None:
            need, needs, define, defines = versions
            entries += [(0x6FFFFFFE, base + put(need)), (0x6FFFFFFF, needs)]
            entries += [(0x6FFFFFFC, base + put(define)), (0x6FFFFFFD, defines)]
        word = "QQ" if bits == 64 else "II"
        data = b"".join(struct.pack(order + word, *item) for item in [*entries, (0, 0)])
        offset = put(data)
        headers.append((2, offset, base + offset, len(data), 8))
        headers.append((1, 0, base, at + len(content), 4096))
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1, 3]) + bytes(8)
    layout = "HHIQQQIHHHHHH" if bits == 64 else "HHIIIIIHHHHHH"
    out = ident + struct.pack(
        order + layout,
        *(type_, machine, 1, entry, header_size, 0, 0, header_size, program_size, len(headers), 0, 0, 0),
    )
    for segment, offset, address, size, align in headers:
        if bits == 64:
            out += struct.pack(order + "IIQQQQQQ", segment, 4, offset, address, address, size, size, align)
        else:
            out += struct.pack(order + "IIIIIIII", segment, offset, address, address, size, size, 4, align)
    return out.ljust(at, b"\0") + bytes(content)


def make_note(order: str, owner: bytes, type_: int, content: bytes, align: int = 4) -> bytes:
    """Write one note."""
    start = (struct.pack(order + "III", len(owner), len(content), type_) + owner).ljust(12 + len(owner))
    start += bytes(-len(start) % align)
    return start + content + bytes(-len(content) % align)


def make_library(bits: int = 64, order: str = "<") -> bytes:
    """Write a library that has every field that the reader knows."""
    strings = b"\0libc.so.6\0GLIBC_2.2.5\0GLIBC_2.34\0libown.so.1\0OWN_1\0"
    at = {name: strings.index(name + b"\0") for name in strings.strip(b"\0").split(b"\0")}
    need = struct.pack(order + "HHIII", 1, 2, at[b"libc.so.6"], 16, 0)
    need += struct.pack(order + "IHHII", 0, 0, 2, at[b"GLIBC_2.2.5"], 16)
    need += struct.pack(order + "IHHII", 0, 0, 3, at[b"GLIBC_2.34"], 0)
    define = struct.pack(order + "HHHHIII", 1, 1, 1, 1, 0, 20, 28)
    define += struct.pack(order + "II", at[b"libown.so.1"], 0)
    define += struct.pack(order + "HHHHIII", 1, 0, 2, 1, 0, 20, 0)
    define += struct.pack(order + "II", at[b"OWN_1"], 0)
    listed = [{"soname": ["libz.so.1", "libz.so"], "priority": "required", "feature": "zip"}]
    note = make_note(order, b"FDO\0", 0x407C0C0A, json.dumps(listed).encode() + b"\0")
    step = bits // 8
    isa = struct.pack(order + "III", 0xC0008002, 4, 3)
    note += make_note(order, b"GNU\0", 5, isa + bytes(-len(isa) % step))
    return make_elf(
        bits,
        order,
        interpreter=b"/lib/ld.so",
        dynamic=[
            (1, b"libc.so.6"),
            (1, b"libm.so.6"),
            (14, b"libown.so.1"),
            (15, b"/rpath"),
            (29, b"$ORIGIN:/runpath"),
            (30, 8),
            (0x6FFFFFFB, DF_1_NODEFLIB),
        ],
        notes=note,
        versions=(need, 1, define, 2),
        strings=strings,
    )


@pytest.mark.parametrize(("bits", "order"), FORMATS)
def test_every_field_in_every_format(bits: int, order: str) -> None:
    data = make_library(bits, order)
    begin = data.index(b"\0libc.so.6\0")
    assert parse_elf(data, "it") == ElfFile(
        path="it",
        bits=bits,
        little=order == "<",
        machine=62,
        type=3,
        osabi=3,
        entry=0,
        interpreter="/lib/ld.so",
        dynamic=True,
        needed=("libc.so.6", "libm.so.6"),
        soname="libown.so.1",
        rpath="/rpath",
        runpath="$ORIGIN:/runpath",
        flags=8,
        flags_1=DF_1_NODEFLIB,
        version_needs=(("libc.so.6", ("GLIBC_2.2.5", "GLIBC_2.34")),),
        version_defs=("OWN_1",),
        dlopen=(DlopenNote(("libz.so.1", "libz.so"), "required", "zip"),),
        isa_needed=3,
        strings=(begin, begin + 108),
    )


@pytest.mark.parametrize(
    ("entry", "type_", "flags_1", "interpreter", "soname", "program", "static"),
    [
        pytest.param(1, 2, 0, None, None, True, True, id="static"),
        pytest.param(1, 2, 0, b"/ld", None, True, False, id="dynamic"),
        pytest.param(1, 3, DF_1_PIE, None, None, True, True, id="static-pie"),
        pytest.param(1, 3, DF_1_PIE, b"/ld", None, True, False, id="pie"),
        pytest.param(1, 3, 0, b"/ld", None, True, False, id="pie of an old linker"),
        pytest.param(1, 3, 0, b"/ld", b"libc.so.6", False, False, id="libc"),
        pytest.param(1, 3, 0, None, b"ld.so", False, False, id="loader"),
        pytest.param(0, 3, 0, None, b"libz.so.1", False, False, id="library"),
        pytest.param(0, 3, 0, None, None, False, False, id="plug-in"),
        pytest.param(1, 1, 0, None, None, False, False, id="object file"),
    ],
)
def test_what_is_a_program(
    entry: int,
    type_: int,
    flags_1: int,
    interpreter: bytes | None,
    soname: bytes | None,
    program: bool,
    static: bool,
) -> None:
    dynamic: list[tuple[int, bytes | int]] = [(0x6FFFFFFB, flags_1)]
    if soname is not None:
        dynamic.append((14, soname))
    data = make_elf(type_=type_, entry=entry, interpreter=interpreter, dynamic=dynamic)
    elf = parse_elf(data, "it")
    assert (elf.is_program, elf.is_static_program) == (program, static)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize(
    ("flags", "program", "static"),
    [
        (["-static"], True, True),
        (["-static-pie"], True, True),
        (["-no-pie"], True, False),
        (["-pie"], True, False),
        (["-shared", "-fPIC"], False, False),
        (["-c"], False, False),
    ],
)
def test_what_the_compiler_makes(tmp_path: Path, flags: list[str], program: bool, static: bool) -> None:
    source = tmp_path / "main.c"
    source.write_text("int main(void) { return 0; }\n")
    subprocess.run(["gcc", *flags, "-o", tmp_path / "out", source], check=True)
    elf = read_elf(tmp_path / "out")
    assert (elf.is_program, elf.is_static_program) == (program, static)


def test_the_names_of_a_path_that_is_no_elf_file(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("#!/bin/sh\n")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (text, tmp_path, fifo):
        assert not is_elf(path)
        with pytest.raises(NotElfError, match=str(path)):
            read_elf(path)
    assert not is_elf(tmp_path / "gone")
    with pytest.raises(UnreadableFileError, match="gone cannot be read: No such file"):
        read_elf(tmp_path / "gone")
    with pytest.raises(UnreadableFileError, match="null"):
        read_elf("a\0b")
    assert not is_elf("a\0b")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(make_library())
    (tmp_path / "link").symlink_to("real")
    assert is_elf(tmp_path / "link")
    assert read_elf(tmp_path / "link").soname == "libown.so.1"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not an ELF file"),
        (b"\x7fELF\2\1", "ends within its identification"),
        (b"\x7fELF\3\1" + bytes(60), r"no such class or byte order \(3, 1\)"),
        (make_elf(interpreter=b"x" * 5000), "PT_INTERP has 5001 bytes"),
        (make_elf(interpreter=b"/ld")[:-1] + b"x", "PT_INTERP has no end"),
        (make_elf(dynamic=[(1, 0x7FFFFFFF)]), "DT_NEEDED is beyond the end of the string table"),
        (make_elf(dynamic=[(1, b"a" * 4096)]), "DT_NEEDED has no end"),
        (make_elf(dynamic=[(1, b"x")] * 4097), "needs 4097 libraries"),
        (make_elf(dynamic=[(5, 1), (0x6FFFFFFE, 5)]), "points to 0x5, which no segment holds"),
        (make_elf(dynamic=[(15, b"r" * 70000)]), "DT_RPATH has no end"),
        (make_elf(dynamic=[(14, b"x" * 4000), *[(1, 1)] * 1500]), "its names have more than"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, message: str) -> None:
    with pytest.raises((BadElfError, NotElfError), match=message) as caught:
        parse_elf(data, "it")
    assert caught.value.message.startswith("it is ")


def test_a_chain_of_versions_that_bites_its_tail_ends() -> None:
    # vn_next and vna_next of 0xFFFFFFF0 lead out of the file; a count beyond reason is refused at once.
    need = struct.pack("<HHIII", 1, 0xFFFF, 0, 0, 0)
    with pytest.raises(BadElfError):
        parse_elf(make_elf(dynamic=[(1, b"x")], versions=(need, 1 << 40, b"\0" * 28, 1)), "it")
    endless = struct.pack("<HHIII", 1, 0xFFFF, 0, 1, 1) * 2000
    with pytest.raises(BadElfError):
        parse_elf(make_elf(dynamic=[(1, b"x")], versions=(endless, 0xFFFF, b"\0" * 28, 1)), "it")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 60000, b'{"soname": []}', b'[1, {"soname": 3}, {"soname": []}]', b"\xff\xfe"],
)
def test_a_malformed_dlopen_note_is_passed_over(content: bytes) -> None:
    note = make_note("<", b"FDO\0", 0x407C0C0A, content)
    assert parse_elf(make_elf(notes=note), "it").dlopen == ()


def test_a_note_aligned_to_eight() -> None:
    isa = struct.pack("<IIII", 0xC0008002, 4, 7, 0)
    notes = make_note("<", b"GNU\0", 5, isa, 8)
    assert parse_elf(make_elf(notes=notes, note_align=8), "it").isa_needed == 7


def test_a_name_that_is_no_text_survives() -> None:
    elf = parse_elf(make_elf(dynamic=[(1, b"lib\xff.so")]), "it")
    assert os.fsencode(elf.needed[0]) == b"lib\xff.so"


def test_a_name_across_two_blocks() -> None:
    name = b"n" * 4000
    for fill in range(12000, 13000, 37):
        data = make_elf(dynamic=[(14, name)], strings=bytes(fill))
        assert parse_elf(data, "it").soname == name.decode()


def test_the_string_table_has_the_names_of_what_is_needed() -> None:
    data = Path("/bin/sh").read_bytes()
    elf = parse_elf(data, "sh")
    begin, end = elf.strings
    assert elf.needed
    assert all(os.fsencode(name) in data[begin:end] for name in elf.needed)
    assert (data[begin], data[end - 1]) == (0, 0)


def test_note_headers_on_the_same_bytes_are_read_up_to_one_budget() -> None:
    content = b'[{"soname":["libz.so.1"]}]' + b" " * 100_000
    data = make_elf(notes=make_note("<", b"FDO\0", 0x407C0C0A, content))
    header = data[64 : 64 + 56]
    many = bytearray(data + header * 1000)
    struct.pack_into("<Q", many, 32, len(data))  # e_phoff
    struct.pack_into("<H", many, 56, 1000)  # e_phnum
    assert len(parse_elf(bytes(many), "it").dlopen) == 2  # of 256 KiB, each has 100
