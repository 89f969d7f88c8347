"""The size of the machine that a function sees, which follows the memory that it is configured with.

An unprivileged sandbox can cover files of the kernel's and bind a run to processors. What sysinfo(2) says stays this
machine's, and there is no share of a processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle import target

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROCESSORS = "/sys/devices/system/cpu"
_KIB = 1024
_USED = 0.12  # of the memory, by Lambda itself


def processors(memory: int) -> int:
    """Return how many processors a function with ``memory`` bytes has."""
    return next(count for below, count in target.PROCESSORS if memory >> 20 <= below)


def kernel_files(memory: int, count: int) -> Mapping[str, str]:
    """Return the content of files of the kernel's, by path, for ``memory`` bytes and ``count`` processors."""
    numbers = "0\n" if count == 1 else f"0-{count - 1}\n"
    return {
        "/proc/meminfo": _meminfo(memory // _KIB),
        **{f"{_PROCESSORS}/{name}": numbers for name in ("online", "possible", "present")},
    }


def _meminfo(total: int) -> str:
    """The lines of proc_meminfo(5) that programs ask for; ``total`` is in kB."""
    cached = int(total * _USED / 2)
    available = total - cached
    sizes = {
        "MemTotal": total,
        "MemFree": available - cached,
        "MemAvailable": available,
        "Buffers": 0,
        "Cached": cached,
        "SwapCached": 0,
        "Active": cached,
        "Inactive": cached,
        "SwapTotal": 0,
        "SwapFree": 0,
        "Dirty": 0,
        "Writeback": 0,
        "AnonPages": cached,
        "Mapped": 0,
        "Shmem": 0,
        "Slab": 0,
        "SReclaimable": 0,
        "SUnreclaim": 0,
    }
    return "".join(f"{name + ':':<16}{size:>8} kB\n" for name, size in sizes.items())
