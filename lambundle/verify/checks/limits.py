"""memory and tmp: the peaks of the runs against their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.verify.model import Check, Status
from lambundle.verify.sandbox.interface import MIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambundle.verify.run.result import JobResult
    from lambundle.verify.sandbox.interface import Limits

FULL = "No space left on device"
"""C libraries' text for ENOSPC."""
NEARLY = 0.98
"""A share of /tmp that is not filled by chance."""
STEP = 64
"""MiB that limits are rounded up to in advice."""

_MOST_MEMORY, _MOST_TMP = 10_240, 10_240  # MiB: Lambda's own maxima
_LEAST = {"memory": 128, "tmp": 512}  # and minima


def memory_check(results: Sequence[JobResult], limits: Limits) -> Check:
    """The highest peak of all processes of a run together, against the function's memory."""
    over = [result for result in results if result.worst.ended_by == "memory"]
    peak = _highest(outcome.memory for result in results for outcome in result.outcomes)
    if over:
        detail = f"{over[0].job.name} needs more than {_mib(limits.memory)} of memory"
        return Check("memory", Status.FAIL, detail, _more("memory", limits.memory, _MOST_MEMORY))
    if peak is None:
        return Check("memory", Status.SKIP, "the memory of a run cannot be measured here")
    return Check("memory", Status.PASS, f"{_mib(peak)} of {_mib(limits.memory)} at most, mapped files not counted")


def tmp_check(results: Sequence[JobResult], limits: Limits) -> Check:
    """The most that lay in /tmp, against its size."""
    peak = _highest(outcome.tmp for result in results for outcome in result.outcomes)
    full = [result for result in results if result.failed and _is_full(result, limits)]
    if full:
        detail = f"{full[0].job.name} filled /tmp, which has {_mib(limits.tmp)}"
        return Check("tmp", Status.FAIL, detail, _more("tmp", limits.tmp, _MOST_TMP))
    if peak is None:
        return Check("tmp", Status.SKIP, "what lies in /tmp cannot be measured here")
    detail = f"{_mib(peak)} of {_mib(limits.tmp)} at most"
    if peak >= NEARLY * limits.tmp:
        detail += f": it was full, which no run failed for; {_more('tmp', limits.tmp, _MOST_TMP)}"
    return Check("tmp", Status.PASS, detail)


def _is_full(result: JobResult, limits: Limits) -> bool:
    used = result.worst.tmp
    return FULL in result.error_output or (used is not None and used >= NEARLY * limits.tmp)


def _highest(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return max(known) if known else None


def _mib(size: int) -> str:
    return f"{size / MIB:,.1f} MiB" if size % MIB else f"{size // MIB:,} MiB"


def _more(option: str, now: int, most: int) -> str:
    wanted = max(_LEAST[option], min(most, -(-2 * now // MIB // STEP) * STEP))
    setting = {"memory": "its memory", "tmp": "its ephemeral storage"}[option]
    if wanted <= now // MIB:
        return f"Lambda gives no more than {most:,} MB: do less at once"
    return f"try --{option} {wanted}, and give the function as much ({setting})"
