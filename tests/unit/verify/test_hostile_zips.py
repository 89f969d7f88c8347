"""Zips that somebody made to do harm: refused in bounded time and memory, with nothing written anywhere."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambundle.bundle import zipformat
from lambundle.bundle.extract import extract
from lambundle.errors import UsageError
from lambundle.verify.static import CHECKS, static_checks
from tests.unit.plans import contents
from tests.unit.test_elf import make_elf
from tests.unit.verify.drafts import assert_fails, details, failures
from tests.unit.verify.elves import LOADER, elf
from tests.unit.zips import DIR, LNK, Raw, patched, raw, zipped

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20
GIB = 1 << 30
TIME = 120  # seconds: far more than it takes anywhere; without a bound it would take hours
MEMORY = 200 * MIB
X = raw(b"x", b"content")
KERNEL = len(zipformat.local_header(X.local, (0, 33)) + X.data)  # where a second entry begins

PROGRAM = """
import resource, sys
from pathlib import Path
from lambundle.verify.static import static_checks
result = static_checks(Path(sys.argv[1]))
for check in result.checks:
    print(check.name, check.status, check.detail[:300])
print("runnable", bool(result.subject and result.subject.runnable))
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def bounded(path: Path, memory: int = MEMORY) -> dict[str, str]:
    """Check ``path`` in a process of its own; give the status and detail of each check."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, path],
        env={**os.environ, "PYTHONPATH": str(Path(zipformat.__file__).parents[2])},
        check=False,
        capture_output=True,
        text=True,
        timeout=TIME,
        cwd=path.parent,
    )
    assert done.returncode == 0, done.stderr
    *lines, peak = done.stdout.splitlines()
    assert int(peak) << 10 < memory, f"{int(peak) >> 10} MiB"
    return dict(line.split(" ", 1) for line in lines)


def zeros(size: int) -> bytes:
    """What ``size`` zero bytes deflate to, without compressing all of them: a flushed block repeats."""
    step = 16 * MIB
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = engine.compress(bytes(step)) + engine.flush(zlib.Z_FULL_FLUSH)
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return block * (size // step) + engine.compress(bytes(size % step)) + engine.flush()


def bomb(name: bytes, size: int, told: int) -> Raw:
    """An entry that unpacks to ``size`` zero bytes and says that it has ``told``."""
    data = zeros(size)
    return replace(raw(name, method=8, size=told, packed=len(data)), data=data)


def million() -> bytes:
    """A million entries in a directory that tells of as many as it can without zip64: the rest modulo 65,536."""
    local = zipformat.local_header(X.local, (0, 33)) + X.data
    central = zipformat.central_header(X.central, (0, 33))
    number = 1_000_000
    end = zipformat.end_record(number & 0xFFFF, number * len(central), len(local))
    return local + central * number + end


def zip64_million() -> bytes:
    """The same with zip64's records, which tell the real number."""
    local = zipformat.local_header(X.local, (0, 33)) + X.data
    central = zipformat.central_header(X.central, (0, 33)) * 1_000_000
    at = len(local) + len(central)
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1_000_000, 1_000_000, len(central), len(local))
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at, 1)
    return local + central + record + locator + zipformat.end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


UNREADABLE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "not_a_zip": (lambda: b"#!/bin/sh\n" * 100, "integrity", "not a zip file, or cut short"),
    "empty_file": (lambda: b"", "integrity", "not a zip file, or cut short"),
    "truncated": (lambda: zipped(X)[:-1], "integrity", "cut short"),
    "cut_in_front": (lambda: zipped(X)[5:], "integrity", "does not end where the end record starts"),
    "bytes_after_the_directory": (lambda: zipped(X, gap=b"gap"), "integrity", "does not end where"),
    "overlapping": (
        lambda: zipped(X, replace(raw(b"y"), central=replace(raw(b"y").central, offset=1))),
        "integrity",
        "overlaps the entry before it",
    ),
    "entries_that_share_one_kernel": (
        lambda: zipped(
            X, X, *(replace(X, central=replace(X.central, offset=KERNEL, name=b"%d" % at)) for at in range(9))
        ),
        "integrity",
        "overlaps the entry before it",
    ),
    "zip64": (zip64_million, "names", "it is a zip64 archive"),
    "zip64_lie_in_an_entry": (
        lambda: zipped(replace(X, central=replace(X.central, size=0xFFFFFFFF))),
        "names",
        "needs zip64 or another disk",
    ),
    "zip64_lie_in_the_end": (lambda: patched(zipped(X), b"PK\5\6", 10, b"\xff\xff"), "names", "one part of several"),
    "fewer_entries_than_told": (lambda: zipped(X, count=9), "integrity", "has 1 entries, not 9"),
    "a_million_entries": (million, "integrity", "more than the 16960 entries"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_list_that_cannot_be_read_is_one_failure_and_nothing_else(tmp_path: Path, name: str) -> None:
    make, check, phrase = UNREADABLE[name]
    (tmp_path / "x.zip").write_bytes(make())
    before = contents(tmp_path)
    result = static_checks(tmp_path / "x.zip")
    assert_fails(result, **{check: ["the zip cannot be read", phrase]})
    assert {item.status for item in result.checks if item.name != check} == {"skip"}
    assert tuple(item.name for item in result.checks) == CHECKS
    assert result.subject is None
    assert contents(tmp_path) == before


INSIDE: dict[str, tuple[list[Raw], str]] = {
    "traversal": ([raw(b"../../../../tmp/x", b"x"), raw(b"y")], "names"),
    "absolute": ([raw(b"/tmp/lambundle-was-here", b"x")], "names"),
    "written_through_a_link": ([raw(b"l", b"/usr", LNK), raw(b"l/lambundle-was-here", b"x")], "names links"),
    "written_through_a_link_to_tmp": ([raw(b"l", b"/tmp", LNK), raw(b"l/lambundle-was-here", b"x")], "names"),
    "written_through_a_relative_link": ([raw(b"l", b"../..", LNK), raw(b"l/x", b"x")], "names links"),
    "a_link_and_then_a_file": ([raw(b"l", b"../x", LNK), raw(b"l", b"x")], "names links"),
    "a_chain_of_links": (
        [raw(b"a/b/", mode=DIR), raw(b"l", b"a/b/..", LNK), raw(b"m", b"l/..", LNK), raw(b"n", b"m/..", LNK)],
        "links",
    ),
    "duplicates": ([raw(b"x", b"good"), raw(b"x", b"evil")], "names"),
    "size_lie": ([raw(b"x", b"content", size=6)], "integrity"),
    "another_name_in_the_local_header": (
        [Raw(X.central, replace(X.local, name=b"y"), X.data)],
        "integrity",
    ),
    "stored_data_longer_than_told": ([raw(b"x", b"content", size=8)], "integrity"),
}


@pytest.mark.parametrize("name", INSIDE)
def test_hostile_entries_are_told_and_never_unpacked(tmp_path: Path, name: str) -> None:
    entries, checks = INSIDE[name]
    (tmp_path / "x.zip").write_bytes(zipped(*entries))
    before = contents(tmp_path)
    result = static_checks(tmp_path / "x.zip")
    assert set(failures(result)) == set(checks.split())
    assert result.subject
    assert not result.subject.runnable
    assert contents(tmp_path) == before
    assert not Path("/tmp/lambundle-was-here").exists()


class TestBombs:
    """Memory is measured in a process of its own; what is only listed is not read, what is read is read in blocks."""

    def test_ten_gigabytes_that_say_so_are_not_read(self, tmp_path: Path) -> None:
        size = 4 * GIB - 16 * MIB
        (tmp_path / "x.zip").write_bytes(zipped(*(bomb(name, size, size) for name in (b"a", b"b", b"c"))))
        found = bounded(tmp_path / "x.zip")
        assert found["quota"].startswith("fail 12,834,570,240 bytes unzipped")
        assert found["integrity"].startswith("skip not read: it says that it unpacks to 12,834,570,240 bytes")
        assert (found["closure"][:4], found["platform"][:4], found["runnable"]) == ("skip", "skip", "False")

    def test_ten_gigabytes_that_deny_it_are_given_up_at_once(self, tmp_path: Path) -> None:
        lies = (bomb(name, 4 * GIB - 16 * MIB, 1000) for name in (b"a", b"b", b"c"))
        (tmp_path / "x.zip").write_bytes(zipped(*lies))
        found = bounded(tmp_path / "x.zip")
        assert "'a' has not the size in its header" in found["integrity"]
        assert found["runnable"] == "False"

    def test_what_is_over_the_quota_but_can_be_read_is_read_in_blocks(self, tmp_path: Path) -> None:
        size = 272 * MIB
        (tmp_path / "x.zip").write_bytes(zipped(bomb(b"a", size, size)))
        found = bounded(tmp_path / "x.zip")
        assert found["quota"].startswith("fail")
        assert "has another checksum" in found["integrity"]

    def test_a_bomb_that_begins_as_an_elf_file(self, tmp_path: Path) -> None:
        data = make_elf() + bytes(100 * MIB)
        (tmp_path / "x.zip").write_bytes(zipped(raw(b"a", data, method=8), raw(b"b", data, method=8)))
        found = bounded(tmp_path / "x.zip")  # one at a time
        assert found["integrity"].startswith("pass")

    def test_symbols_whose_names_share_their_ends(self, tmp_path: Path) -> None:
        """A table of 200,000 names, each a megabyte long, in a file of some megabytes."""
        (tmp_path / "x.zip").write_bytes(zipped(raw(b"x.so", overlapping_names(200_000, MIB), method=8)))
        found = bounded(tmp_path / "x.zip")
        assert found["closure"].startswith("pass")

    def test_a_manifest_that_unpacks_to_more_than_its_limit(self, tmp_path: Path) -> None:
        name, size = b"lambundle/x/manifest.json", 256 * MIB
        (tmp_path / "x.zip").write_bytes(zipped(bomb(name, size, size)))
        found = bounded(tmp_path / "x.zip")
        assert "lambundle/x/manifest.json" in found["integrity"]
        assert found["runnable"] == "False"

    def test_many_manifests(self, tmp_path: Path) -> None:
        data = b"[" * MIB
        manifests = (raw(b"lambundle/%d/manifest.json" % at, data, method=8) for at in range(100))
        (tmp_path / "x.zip").write_bytes(zipped(*manifests))
        found = bounded(tmp_path / "x.zip")
        assert "is not a manifest" in found["integrity"]

    def test_as_many_entries_as_a_zip_can_have(self, tmp_path: Path) -> None:
        entries = (raw(b"d/%05d" % number + b"x" * 200) for number in range(zipformat.ENTRIES_MAX))
        (tmp_path / "x.zip").write_bytes(zipped(*entries))
        found = bounded(tmp_path / "x.zip", 300 * MIB)
        assert found["names"] == f"pass {zipformat.ENTRIES_MAX:,} entries with safe names"

    def test_names_that_ask_for_millions_of_directories(self, tmp_path: Path) -> None:
        (tmp_path / "x.zip").write_bytes(zipped(*(raw(b"%05d" % number + b"/x" * 450) for number in range(6000))))
        found = bounded(tmp_path / "x.zip", 400 * MIB)
        assert found["names"].startswith("fail it takes more than 250,000 files and directories")

    def test_programs_that_ask_for_everything_everywhere(self, tmp_path: Path) -> None:
        """Each of 400 programs needs 300 libraries, to be looked for in 1,000 directories: 120 million look-ups."""
        home = b"lambundle/x"
        packed_on = {"distribution": "", "libc": "", "machine": "x86_64"}
        manifest = {"version": 1, "name": "x", "programs": [], "packed_on": packed_on, "entries": []}
        directories = ":".join(f"/d{number}" for number in range(1000))
        entries = [
            raw(home + b"/manifest.json", json.dumps(manifest).encode()),
            raw(home + b"/runtime/config", f"library-path {directories}\n".encode()),
        ]
        for number in range(400):
            needed = (b"lib%d-%d.so" % (number, at) for at in range(300))
            entries.append(raw(home + b"/root/bin/%d" % number, elf(*needed, interpreter=LOADER)))
        (tmp_path / "x.zip").write_bytes(zipped(*entries))
        found = bounded(tmp_path / "x.zip", 400 * MIB)
        assert found["closure"].startswith("fail its programs and libraries ask for one another without end: given up")
        assert found["platform"].startswith("skip")

    def test_links_that_multiply(self, tmp_path: Path) -> None:
        targets = [b"%d/../" % (at + 1) * 600 + b"%d" % (at + 1) for at in range(60)] + [b"0/../" * 500] * 5_940
        links = (raw(b"%d" % at, target, LNK) for at, target in enumerate(targets))
        (tmp_path / "x.zip").write_bytes(zipped(*links))
        found = bounded(tmp_path / "x.zip")
        assert found["links"].startswith("fail")
        assert found["runnable"] == "False"


def overlapping_names(count: int, length: int) -> bytes:
    """A shared object with ``count`` symbols, each named by another end of one text of ``length`` bytes."""
    header = make_elf(dynamic=[(24, 0)])
    strings_at, table_at = 4096, 4096 + length + 8
    strings = b"\0" + b"x" * (length - 2) + b"\0"
    table = b"".join(struct.pack("<I2BH2Q", 1 + at, 0x12, 0, 1, 0, 0) for at in range(count))
    hash_at = table_at + len(table)
    size = hash_at + 8
    dynamic = [(5, strings_at), (10, length), (6, table_at), (4, hash_at), (0, 0)]
    dynamic_at = 1024
    program = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, size, size, 4096)
    program += struct.pack("<IIQQQQQQ", 2, 4, dynamic_at, dynamic_at, 0, 16 * len(dynamic), 0, 8)
    out = bytearray(size)
    out[:64] = header[:64]
    out[32:40] = struct.pack("<Q", 64)
    out[56:58] = struct.pack("<H", 2)
    out[64 : 64 + len(program)] = program
    out[dynamic_at : dynamic_at + 16 * len(dynamic)] = b"".join(struct.pack("<2Q", *item) for item in dynamic)
    out[strings_at : strings_at + length] = strings
    out[table_at:hash_at] = table
    out[hash_at:] = struct.pack("<2I", 0, count)
    return bytes(out)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_damage_is_told_and_what_is_called_runnable_can_be_unpacked(data: st.DataObject) -> None:
    sound = bytearray(
        zipped(
            raw(b"d/", mode=DIR),
            raw(b"d/l", b"../x", LNK),
            raw(b"x", b"content " * 99, method=8),
            raw(b"y", make_elf(dynamic=[(1, b"libc.so.6")])),
        )
    )
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(sound) - 1))
        sound[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        (top / "x.zip").write_bytes(sound)
        result = static_checks(top / "x.zip")
        assert tuple(check.name for check in result.checks) == CHECKS
        if result.subject is not None and result.subject.runnable:
            extract(top / "x.zip", top / "tree")
        else:
            assert failures(result)


def test_nothing_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        static_checks(tmp_path / "none")


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert_fails(static_checks(tmp_path / "pipe"), integrity="neither a file nor a directory")


def test_a_sound_zip_with_none_of_this_passes(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zipped(raw(b"d/", mode=DIR), raw(b"d/l", b"../x", LNK), X))
    result = static_checks(tmp_path / "x.zip")
    assert failures(result) == {}
    assert details(result)["integrity"].endswith("all checksums are right (1 file)")
