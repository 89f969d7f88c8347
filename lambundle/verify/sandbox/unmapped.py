"""Shared memory that no process has mapped: files of memfd_create(2) that are open, segments of shmget(2).

It is held as any other, and no process's figures show it. A file in a message that nobody has received is not seen.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAPPING = re.compile(rb"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ ([0-9]+) +/(memfd:|SYSV)?")
_MEMFD, _SEGMENT = b"memfd:", b"SYSV"
_BLOCK = 512  # stat(2)
_KIB = 1024
_LIST_MAX = 1 << 20
_ID, _RSS, _SWAP = 1, -2, -1  # fields of a line in /proc/sysvipc/shm


class UnmappedMemory:
    """Counts for one run; ``segments`` is its namespace's open /proc/sysvipc/shm, None where it cannot be had."""

    def __init__(self, segments: int | None = None) -> None:
        self._segments = segments

    def held(self, processes: Iterable[int]) -> int:
        """Return the bytes that these processes, and their namespace, hold without having them mapped."""
        known = [*processes]
        held = {item: size for process in known for item, size in _open_files(process)}
        held |= dict(self._listed())
        if not held:
            return 0
        mapped = dict.fromkeys(held, 0)
        for process in known:
            for item, size in mappings(_read(f"/proc/{process}/smaps")):
                if item in mapped:
                    mapped[item] += size
        return sum(max(0, size - mapped[item]) for item, size in held.items())

    def close(self) -> None:
        """Close the list of segments."""
        if self._segments is not None:
            os.close(self._segments)
            self._segments = None

    def _listed(self) -> Iterator[tuple[tuple[bytes, int], int]]:
        if self._segments is None:
            return
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in os.pread(self._segments, _LIST_MAX, 0).splitlines()[1:]:
                fields = line.split()
                yield (_SEGMENT, int(fields[_ID])), int(fields[_RSS]) + int(fields[_SWAP])


def mappings(smaps: bytes) -> Iterator[tuple[tuple[bytes, int], int]]:
    """Give a process's share of each such file or segment that it has mapped: ``smaps`` is that of proc(5)."""
    item: tuple[bytes, int] | None = None
    for line in smaps.splitlines():
        header = _MAPPING.match(line)
        if header is not None:
            item = None if header[2] is None else (header[2], int(header[1]))
        elif line[:1].isdigit() or line[:1] in b"abcdef":
            item = None  # a mapping of nothing
        elif item is not None and line.startswith(b"Pss:"):
            yield item, int(line.split()[1]) * _KIB


def _open_files(process: int) -> Iterator[tuple[tuple[bytes, int], int]]:
    directory = f"/proc/{process}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            with contextlib.suppress(OSError):  # it was closed meanwhile
                path = f"{directory}/{name}"
                if os.readlink(path).startswith("/memfd:"):
                    status = os.stat(path)
                    yield (_MEMFD, status.st_ino), status.st_blocks * _BLOCK


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""
