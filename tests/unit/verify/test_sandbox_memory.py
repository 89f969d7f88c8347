"""What processes hold, counted from the kernel's own words; here about ourselves and a child."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lambundle.verify.sandbox import memory
from lambundle.verify.sandbox.unmapped import UnmappedMemory, mappings

MIB = 1 << 20
NO_DISK = os.makedev(255, 1)
SMAPS = b"""\
00400000-00401000 r-xp 00000000 fe:00 1234                               /opt/bin/program
Size:                  4 kB
Pss:                   4 kB
7f0000000000-7f0000100000 rw-s 00000000 00:2a 17                         /tmp/mapped
Size:               1024 kB
Pss:                 512 kB
Pss_Dirty:           512 kB
7f0000200000-7f0000300000 rw-s 00000000 00:01 18                         /dev/zero (deleted)
Pss:                1024 kB
7f0000400000-7f0000500000 rw-p 00000000 00:2a 19                         /tmp/other
Pss:                   8 kB
"""


def test_only_mappings_of_the_disk_are_taken_off() -> None:
    assert memory.mapped(SMAPS, os.makedev(0, 0x2A)) == (512 + 8) * 1024
    assert memory.mapped(SMAPS, os.makedev(0xFE, 0)) == 4 * 1024
    assert memory.mapped(SMAPS, os.makedev(9, 9)) == 0


def test_children_and_descendants() -> None:
    script = "sleep 100 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as shell:
        assert shell.stdout is not None
        grandchild = int(shell.stdout.readline())
        assert shell.pid in memory.children(os.getpid())
        assert set(memory.descendants(shell.pid)) == {shell.pid, grandchild}
        os.kill(grandchild, 9)
    assert memory.children(shell.pid) == []


def test_children_are_found_where_the_kernel_keeps_no_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: str) -> bytes:
        with contextlib.suppress(OSError):  # somebody else's process has ended
            return b"" if path.endswith("/children") else Path(path).read_bytes()
        return b""

    monkeypatch.setattr(memory, "_LISTS_CHILDREN", False)
    monkeypatch.setattr(memory, "_read", read)
    with subprocess.Popen(["sleep", "100"]) as child:
        found = memory.children(os.getpid())
        child.kill()
    assert child.pid in found


def test_processes_and_threads_of_a_user_are_counted() -> None:
    assert memory.processes_of(os.getuid()) >= len(list(Path("/proc/self/task").iterdir()))
    assert memory.processes_of(4_000_000_000) == 0


def test_a_process_is_measured_with_its_shared_memory() -> None:
    code = (
        "import mmap, sys\n"
        f"kept = [b'x' * ({20 * MIB}), mmap.mmap(-1, {10 * MIB})]\n"
        f"kept[1].write(b'y' * {10 * MIB})\n"
        "print(flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        meter = memory.Meter(child.pid, disk=NO_DISK)
        held = meter.measure()
        assert 30 * MIB <= held < 80 * MIB
        assert meter.peak == held
        child.communicate()
    assert meter.measure() == 0
    assert meter.peak == held


def test_what_a_family_shares_counts_once() -> None:
    code = (
        "import os, sys\n"
        f"shared = b'x' * {60 * MIB}\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0: sys.stdin.read(); os._exit(0)\n"
        "print(flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        assert len(list(memory.descendants(parent.pid))) == 4
        assert 60 * MIB <= memory.Meter(parent.pid, disk=NO_DISK).measure() < 120 * MIB
        parent.communicate()


HOLDS = """
import ctypes, mmap, os, sys, time
size = 32 << 20
if sys.argv[1] == "memfd":
    fd = os.memfd_create("x")
    for _ in range(32):
        os.write(fd, b"x" * (1 << 20))
elif sys.argv[1] == "mapped":
    fd = os.memfd_create("x")
    os.ftruncate(fd, size)
    held = mmap.mmap(fd, size)
    held[:] = b"x" * size
print("ready", flush=True)
time.sleep(100)
"""


@pytest.mark.parametrize(("how", "unmapped"), [("memfd", 32), ("mapped", 0), ("none", 0)])
def test_memory_that_is_not_mapped_is_counted_once(how: str, unmapped: int) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS, how], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = UnmappedMemory().held([child.pid])
        whole = memory.Meter(child.pid, NO_DISK).measure()
        child.kill()
    assert abs(found - unmapped * MIB) < MIB
    assert (whole > 32 * MIB) == (how != "none")
    assert whole < 56 * MIB


def test_segments_are_counted_as_far_as_they_are_not_mapped(tmp_path: Path) -> None:
    head = "key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap"
    listed = tmp_path / "shm"
    listed.write_text(f"{head}\n0 7 600 99 1 1 0 0 0 0 0 0 0 0 5000000 1000\n0 8 600 99 1 1 0 0 0 0 0 0 0 0 20 0\n")
    unmapped = UnmappedMemory(os.open(listed, os.O_RDONLY))
    assert unmapped.held([]) == 5_001_020
    unmapped.close()
    assert unmapped.held([]) == 0


def test_mappings_of_shared_memory_are_told_by_their_kind_and_number() -> None:
    smaps = b"""\
7f0000000000-7f0000100000 rw-s 00000000 00:01 17                         /memfd:x (deleted)
Pss:                 512 kB
7f0000200000-7f0000300000 rw-s 00000000 00:01 18                         /SYSV00000000 (deleted)
Pss:                1024 kB
a00000400000-a00000500000 rw-p 00000000 00:00 0
Pss:                   8 kB
7f0000400000-7f0000500000 rw-p 00000000 00:2a 19                         /tmp/other
Pss:                   8 kB
"""
    assert dict(mappings(smaps)) == {(b"memfd:", 17): 512 * 1024, (b"SYSV", 18): 1024 * 1024}
