"""Which processes there are below this one, and what they use, as /proc tells it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/PID/stat behind the name, from 0: see proc(5).
_PARENT, _TIMES, _THREADS, _RESIDENT = 1, slice(11, 15), 17, 21


@dataclass(frozen=True, slots=True)
class Process:
    """One process: seconds of CPU with those of the children it waited for, resident bytes, threads."""

    pid: int
    parent: int
    cpu: float
    resident: int
    threads: int


def everybody() -> list[Process]:
    """All processes that can be seen."""
    return [process for name in os.listdir("/proc") if name.isdigit() and (process := _read(int(name)))]


def descendants() -> list[Process]:
    """All processes below this one, parents before children."""
    children: dict[int, list[Process]] = {}
    for process in everybody():
        children.setdefault(process.parent, []).append(process)
    found = list(children.get(os.getpid(), ()))
    for process in found:  # grows while it is walked
        found += children.get(process.pid, ())
    return found


def memory(processes: list[Process], limit: int) -> int:
    """Bytes that ``processes`` hold together.

    Pages that several of them share are counted once only where the plain sum is over ``limit``: it takes longer.
    """
    total = sum(process.resident for process in processes)
    return total if total <= limit else sum(_proportional(process) for process in processes)


def threads_of_this_user() -> int:
    """What the kernel compares with RLIMIT_NPROC, as far as it can be seen from here."""
    user, count = os.getuid(), 0
    for process in everybody():
        # Of a process that closed itself to others the directory is root's, so its owner says nothing.
        if f"\nUid:\t{user}\t" in _text(f"/proc/{process.pid}/status"):
            count += process.threads
    return count


def _read(pid: int) -> Process | None:
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if not fields:
        return None
    cpu = sum(map(int, fields[_TIMES])) / _TICKS
    return Process(pid, int(fields[_PARENT]), cpu, int(fields[_RESIDENT]) * _PAGE, int(fields[_THREADS]))


def _proportional(process: Process) -> int:
    for line in _text(f"/proc/{process.pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return process.resident


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended meanwhile
        return ""
