"""The ldconfig of a bundle with Python lists what programs of the bundle open by their names."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from lambundle.bundle.model import Reason
from lambundle.gather.gathering import Gathering
from lambundle.machine import Machine, MemoryFiles
from lambundle.pack.launcher import Loader
from lambundle.pack.library_list import add_library_list
from tests.unit.test_elf import make_elf

if TYPE_CHECKING:
    from pathlib import Path

LIB = "/usr/lib/x86_64-linux-gnu"
UTIL = "/usr/lib/python3.11/ctypes/util.py"
WHY = Reason("package", None, "test")


def with_soname(soname: str) -> bytes:
    return make_elf(dynamic=[(14, soname.encode())])  # DT_SONAME


def listed(tmp_path: Path, *packed: str, libc: str = "glibc") -> list[str]:
    files = MemoryFiles(
        {
            f"{LIB}/libz.so.1.2.13": with_soname("libz.so.1"),
            f"{LIB}/liba b'.so.2": with_soname("liba b'.so.2"),
            UTIL: "",
        },
        links={f"{LIB}/libz.so.1": "libz.so.1.2.13", "/sbin": "usr/sbin"},
        directories=("/usr/sbin",),
    )
    gathering = Gathering(Machine(files), "x86_64", (), ())
    for path in packed:
        gathering.mirror.add(path, WHY)
    add_library_list(gathering, [Loader("/lib64/ld-linux-x86-64.so.2", libc, old=False, directories=(LIB, "/none"))])
    made = [entry for entry in gathering.mirror.entries("") if entry.path == "/usr/sbin/ldconfig"]
    if not made:
        return []
    assert any(entry.path == "/sbin" and entry.target == "usr/sbin" for entry in gathering.mirror.entries(""))
    program = tmp_path / "ldconfig"
    program.write_bytes(made[0].content or b"")
    assert subprocess.run(["sh", program], capture_output=True, check=False).returncode == 1
    return subprocess.run(["sh", program, "-p"], capture_output=True, text=True, check=True).stdout.splitlines()


def test_libraries_are_listed_by_their_sonames(tmp_path: Path) -> None:
    assert listed(tmp_path, UTIL, f"{LIB}/libz.so.1", f"{LIB}/liba b'.so.2") == [
        "2 libs found in the bundle",
        f"\tliba b'.so.2 (libc6,x86-64) => {LIB}/liba b'.so.2",
        f"\tlibz.so.1 (libc6,x86-64) => {LIB}/libz.so.1",
    ]


@pytest.mark.parametrize(
    ("packed", "libc"), [([f"{LIB}/libz.so.1"], "glibc"), ([UTIL], "glibc"), ([UTIL, f"{LIB}/libz.so.1"], "musl")]
)
def test_nobody_asks_or_there_is_nothing_to_list(tmp_path: Path, packed: list[str], libc: str) -> None:
    assert listed(tmp_path, *packed, libc=libc) == []
