"""The lines that Lambda itself writes into a function's log, in the format of its developer guide.

"Understanding the Lambda execution environment lifecycle" shows them; Init Duration is billed since August 2025.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Report:
    """The fields of a REPORT line: times in milliseconds, sizes in MB, None where nothing is known.

    ``status`` is ``timeout`` or ``error``, which ``error`` gives a type; empty when the runtime lives on.
    """

    request: str
    duration: float
    memory_size: int
    memory_used: int | None = None
    init: float | None = None
    status: str = ""
    error: str = ""


def start(request: str) -> str:
    """Return what begins a request."""
    return f"START RequestId: {request} Version: $LATEST"


def end(request: str) -> str:
    """Return what ends a request."""
    return f"END RequestId: {request}"


def init_report(duration: float, phase: str, status: str, error: str = "") -> str:
    """Return what Lambda writes about a start that went wrong; ``phase`` is ``init`` or ``invoke``."""
    fields = [f"Init Duration: {duration:.2f} ms", f"Phase: {phase}", *_ending(status, error)]
    return "\t".join(["INIT_REPORT " + fields[0], *fields[1:]])


def report(told: Report) -> str:
    """Return the line that sums a request up."""
    fields = [
        f"REPORT RequestId: {told.request}",
        f"Duration: {told.duration:.2f} ms",
        f"Billed Duration: {math.ceil(told.duration + (told.init or 0))} ms",
        f"Memory Size: {told.memory_size} MB",
    ]
    if told.memory_used is not None:
        fields.append(f"Max Memory Used: {told.memory_used} MB")
    if told.init is not None:
        fields.append(f"Init Duration: {told.init:.2f} ms")
    return "\t".join([*fields, *_ending(told.status, told.error)])


def _ending(status: str, error: str) -> list[str]:
    return [f"Status: {status}"] * bool(status) + [f"Error Type: {error}"] * bool(error)
