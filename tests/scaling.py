"""Holds a reader to its input: ten times as much takes at most fifteen times as long."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

TIMES, MOST = 10, 15
_NOISE = 0.02
"""Seconds of processor time that say nothing."""
_ROUNDS = 3


def assert_scales(make: Callable[[int], T], read: Callable[[T], object], size: int) -> None:
    """Read an input of ``size`` and one ten times as large; by processor time, the best of some rounds each."""
    small, large = make(size), make(size * TIMES)
    for last in range(_ROUNDS):  # another process may have had the caches
        before, after = _best(read, small), _best(read, large)
        if after <= MOST * before + _NOISE:
            return
        assert last < _ROUNDS - 1, f"{before:.4f} s, and ten times as much {after:.4f} s"


def _best(read: Callable[[T], object], value: T) -> float:
    found = []
    gc.disable()
    try:
        for _ in range(_ROUNDS):
            start = time.process_time()
            read(value)
            found.append(time.process_time() - start)
            if found[-1] > 1:
                break
    finally:
        gc.enable()
    return min(found)
