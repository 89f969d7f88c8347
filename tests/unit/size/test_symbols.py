"""Sections that strip would take out, and files that are made to cost."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING

import pytest

from lambundle.size.contents import open_contents
from lambundle.size.symbols import symbols

if TYPE_CHECKING:
    from pathlib import Path


def elf(bits: int, count: int, name: bytes, type_: int = 1) -> bytes:
    """A program with ``count`` sections that all end in one name, the first of them empty, the second the names."""
    wide = bits == 64
    names = b"\0" + name + b"\0"
    start, each = (64, 64) if wide else (52, 40)
    header = b"\x7fELF" + bytes([bits // 32, 1, 1, 0]) + bytes(8)
    layout = "<HHIQQQIHHHHHH" if wide else "<HHIIIIIHHHHHH"
    header += struct.pack(layout, 2, 62 if wide else 3, 1, 0, 0, start + len(names), 0, start, 0, 0, each, count, 1)
    section = "<IIQQQQIIQQ" if wide else "<10I"
    table = bytes(each) + struct.pack(section, 0, 3, 0, 0, start, len(names), 0, 0, 1, 0)
    table += struct.pack(section, 1, type_, 0, 0, start, 5, 0, 0, 1, 0) * (count - 2)
    return header + names + table


def found(tree: Path, data: bytes) -> tuple[tuple[str, int], ...]:
    (tree / "program").write_bytes(data)
    with open_contents(tree) as contents:
        return symbols(contents).files


@pytest.mark.parametrize(("bits", "each"), [(64, 64), (32, 40)])
def test_debug_sections_are_counted_with_their_headers(tmp_path: Path, bits: int, each: int) -> None:
    assert found(tmp_path, elf(bits, 4, b".debug_info")) == (("program", 2 * (5 + each)),)
    assert found(tmp_path, elf(bits, 4, b".text")) == ()


def test_what_strip_does_not_touch_is_not_counted(tmp_path: Path) -> None:
    assert found(tmp_path, elf(64, 4, b".debug_info", type_=0x1234_5678)) == (("program", 2 * (5 + 64)),)
    assert found(tmp_path, elf(64, 4, b".debug_info", type_=8)) == (), "SHT_NOBITS takes no room"
    data = bytearray(elf(64, 4, b".debug_info"))
    data[5] = 2  # big-endian
    assert found(tmp_path, bytes(data)) == ()
    data[5:6], data[16:18] = b"\x01", b"\x34\x12"  # of an unknown type
    assert found(tmp_path, bytes(data)) == ()
    assert found(tmp_path, bytes(data[:50])) == ()


@pytest.mark.parametrize("bits", [64, 32])
def test_sixty_thousand_sections_that_share_their_bytes_cost_no_more_than_their_headers(
    tmp_path: Path, bits: int
) -> None:
    before = time.process_time()
    assert found(tmp_path, elf(bits, 60_000, b".debug_" + b"x" * (1 << 20)))
    assert time.process_time() - before < 5


def test_sections_with_more_bytes_than_their_file_are_nobody_s(tmp_path: Path) -> None:
    data = bytearray(elf(64, 60_000, b".debug_info"))
    struct.pack_into("<Q", data, len(data) - 32, len(data) + 1)
    assert found(tmp_path, bytes(data)) == ()
