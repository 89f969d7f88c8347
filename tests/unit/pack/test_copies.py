"""The list of programs by which the runtime knows copies."""

from __future__ import annotations

import zlib

from lambundle.pack.copies import Original, list_originals
from lambundle.pack.plan import make_plan
from lambundle.pack.request import Request
from lambundle.runtime.limits import HEAD
from tests.unit.machines import machine


def test_a_line_has_the_size_the_checksum_of_the_head_and_the_path() -> None:
    head = bytes(range(256)) * 8
    text = list_originals([Original("/usr/bin/a b", 9000, head), Original("/usr/bin/c", 3, b"abc")])
    assert text == f"9000 {zlib.crc32(head[:HEAD])} /usr/bin/a b\n3 {zlib.crc32(b'abc')} /usr/bin/c\n"


def test_a_name_with_a_line_break_is_left_out() -> None:
    assert list_originals([Original("/a\nb", 1, b"x")]) == ""


def test_every_dynamic_program_of_a_bundle_is_listed() -> None:
    plan = make_plan(Request(programs=("jq",), machine=machine("debian")))
    [entry] = [entry for entry in plan.manifest.entries if entry.path.endswith("/runtime/programs")]
    assert entry.content is not None
    paths = {line.split(" ", 2)[2] for line in entry.content.decode().splitlines()}
    assert "/usr/bin/jq" in paths
    assert any(path.endswith(("/dash", "/bash", "/sh")) for path in paths)
