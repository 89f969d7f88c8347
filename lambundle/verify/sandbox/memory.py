"""Memory of a process tree that the kernel cannot reclaim, as Lambda's limit counts it.

Anonymous and shared memory count, mapped or not (``unmapped.py``); pages of files do not, for the kernel drops them
when memory runs short, nor do pages of files in /tmp, which is a disk on Lambda. A control group would count both: page
cache is charged to whoever reads first, and a tmpfs is memory. It would also need root and outlive a killed verify. So
processes are looked at, fifty times a second; what comes and goes between two looks is not seen.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.verify.sandbox.unmapped import UnmappedMemory

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = re.compile(rb"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ ([0-9a-f]+):([0-9a-f]+) ")
_KIB = 1024
_LISTS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()  # CONFIG_PROC_CHILDREN
_ALONE = 2  # bubblewrap's first process, which holds next to nothing, and one more


class Meter:
    """Measures the processes below ``root`` (a process id), itself included. ``disk`` is the device of /tmp.

    ``unmapped`` counts what none of them has mapped.

    ``peak`` is the most that ``measure`` has seen, in bytes.
    """

    def __init__(self, root: int, disk: int, unmapped: UnmappedMemory | None = None) -> None:
        self._root = root
        self._unmapped = unmapped or UnmappedMemory()
        self._disk = disk
        self.peak = 0

    def measure(self) -> int:
        """Return what is held now, in bytes.

        The quick sum counts pages that processes share after fork(2) once for each. Only where it would be a
        new peak are they looked at again, each page divided by the number of its users.
        """
        statuses = {process: _read(f"/proc/{process}/status") for process in descendants(self._root)}
        more = self._unmapped.held(statuses)
        held = more + sum(_sum(status, b"RssAnon", b"RssShmem") for status in statuses.values())
        if held > self.peak and (len(statuses) > _ALONE or any(_sum(s, b"RssShmem") for s in statuses.values())):
            # Twice: while processes are born, what they share is seen before and after.
            held = more + min(sum(_exact(process, self._disk) for process in statuses) for _ in range(2))
        self.peak = max(self.peak, held)
        return held


def descendants(root: int) -> Iterator[int]:
    """Give the process ids of ``root`` and of all below it. A process that ends meanwhile may be left out."""
    known = {root}
    found = [root]
    while found:
        process = found.pop()
        yield process
        new = [child for child in children(process) if child not in known]
        known.update(new)
        found += new


def children(process: int) -> list[int]:
    """List the process ids of a process's children."""
    try:
        lists = [_read(f"/proc/{process}/task/{task}/children") for task in os.listdir(f"/proc/{process}/task")]
    except OSError:
        return []
    if not any(lists) and not _LISTS_CHILDREN:
        return [other for other in _processes() if _parent(other) == process]
    return [int(word) for text in lists for word in text.split()]


def processes_of(uid: int) -> int:
    """Count the processes and threads of a user, as RLIMIT_NPROC does."""
    count = 0
    for process in _processes():
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{process}").st_uid == uid:
                count += len(os.listdir(f"/proc/{process}/task"))
    return count


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _parent(process: int) -> int | None:
    # pid (name, which may hold anything) state ppid
    fields = _read(f"/proc/{process}/stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else None


def _exact(process: int, disk: int) -> int:
    """Return the process's share of its pages, without those of files on ``disk``, in bytes."""
    share = _read(f"/proc/{process}/smaps_rollup")
    if b"Pss_Anon" not in share:  # Linux before 5.4, or a process that has just ended
        return _sum(_read(f"/proc/{process}/status"), b"RssAnon", b"RssShmem")
    held = _sum(share, b"Pss_Anon", b"Pss_Shmem")
    if _sum(share, b"Pss_Shmem"):
        held -= mapped(_read(f"/proc/{process}/smaps"), disk)
    return max(held, 0)


def mapped(smaps: bytes, disk: int) -> int:
    """Return a process's share of pages of files on the device ``disk``, in bytes: ``smaps`` is that of proc(5)."""
    total = 0
    counted = False
    for line in smaps.splitlines():
        header = _HEADER.match(line)
        if header:
            counted = os.makedev(int(header[1], 16), int(header[2], 16)) == disk
        elif counted and line.startswith(b"Pss:"):
            total += int(line.split()[1]) * _KIB
    return total


def _sum(text: bytes, *names: bytes) -> int:
    """Sum the values of lines such as ``RssAnon:  12 kB``, in bytes."""
    values = (line.split() for line in text.splitlines() if line.partition(b":")[0] in names)
    return sum(int(words[1]) * _KIB for words in values)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""
