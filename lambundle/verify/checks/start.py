"""How long a start takes when nothing of the bundle is in memory, and when all of it is: the median of several runs.

Lambda reads what a cold run reads from a slower disk than ours.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from lambundle.verify.model import Check, Status
from lambundle.verify.sandbox.interface import MIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambundle.verify.run.result import JobResult


def start_check(results: Sequence[JobResult], unzipped: int) -> Check:
    """How long the first and the next run took, and how much of the bundle the first one brought into memory."""
    measured = [result for result in results if result.succeeded and (result.cold or result.invocations)]
    if not measured:
        return Check("start", Status.SKIP, "no task was done twice")
    slowest = max(measured, key=_cold)
    lines = tuple(_line(result, unzipped) for result in measured)
    if len(measured) == 1:
        return Check("start", Status.PASS, lines[0])
    return Check(
        "start",
        Status.PASS,
        f"{slowest.job.name}, the slowest: {_line(slowest, unzipped)}",
        context=_named(measured, lines),
    )


def _cold(result: JobResult) -> float:
    return statistics.median(result.colds) if result.colds else (result.cold or result.first).seconds


def _named(results: Iterable[JobResult], lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{result.job.name}: {line}" for result, line in zip(results, lines, strict=True))


def _line(result: JobResult, unzipped: int) -> str:
    text = _times(result)
    if result.read is None:
        return f"{text}; what it reads cannot be told here"
    return f"{text}; cold it reads {result.read / MIB:.1f} MiB of {unzipped / MIB:.1f} MiB"


def _times(result: JobResult) -> str:
    if result.invocations:
        first, *others = result.invocations
        init = "" if first.init_ms is None else f"init {first.init_ms:,.0f} ms, then "
        warm = f", warm {_spread([run.duration_ms for run in others])}" if others else ""
        return f"{init}{first.duration_ms:,.0f} ms{warm}"
    cold, warm_one = result.cold or result.first, result.warm or result.first
    colds, warms = result.colds or (cold.seconds,), result.warms or (warm_one.seconds,)
    count = f", medians of {len(colds)}" if len(colds) > 1 else ""
    return f"cold {_spread([one * 1000 for one in colds])}, warm {_spread([one * 1000 for one in warms])}{count}"


def _spread(times: Sequence[float]) -> str:
    """Return the median of times in milliseconds, and between which they lie."""
    told = f"{statistics.median(times):,.0f} ms"
    return told if len(times) == 1 else f"{told} ({min(times):,.0f} to {max(times):,.0f})"
