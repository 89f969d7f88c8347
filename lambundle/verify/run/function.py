"""Runs a function in the sandbox as one job, so that the checks of commands hold for it too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.target import BOOTSTRAP
from lambundle.verify.function.results import error_type
from lambundle.verify.run import tracing
from lambundle.verify.run.jobs import Job, Origin
from lambundle.verify.run.page_cache import PageCache, touched_files
from lambundle.verify.run.result import JobResult
from lambundle.verify.run.trace import Trace
from lambundle.verify.sandbox.interface import MIB, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lambundle.verify.function.model import Event, FunctionReport
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.sandbox.interface import Limits, Sandbox

PIPE = "trace"
"""The directory of the trace's pipe, in that of a run."""


def run_function(
    sandbox: Sandbox, mounted: Mounted, handler: str | None, events: Sequence[Event], limits: Limits, work: Path
) -> tuple[JobResult, FunctionReport]:
    """Give ``events`` to the function; returns its result, and the emulator's own report.

    ``work`` is where files of ours lie meanwhile, the trace's pipe (``tracing.make_pipe``) among them. Raise
    HandlerError, SandboxError.
    """
    from lambundle.verify.function.invoke import invoke_function
    from lambundle.verify.function.model import Function

    pipe = work / PIPE
    mounts = {**mounted.trees, tracing.MOUNT: pipe}
    function = Function(mounts, handler, tracing.ENVIRONMENT)
    cache = PageCache(touched_files(Trace(), mounted))
    left = cache.drop()
    with tracing.receiving(pipe) as receiver:
        report = invoke_function(sandbox, function, events, limits, work=work)
        trace = receiver.trace()
    name = handler or BOOTSTRAP
    job = Job((name,), Origin.FUNCTION, _does(name, report), name=name)
    read = cache.brought_in(left)
    return JobResult(job, _outcome(report), trace=trace, read=read, invocations=report.runs), report


def _does(name: str, report: FunctionReport) -> str:
    count = len(report.runs)
    return f"{name} answered {count} event{'s' if count != 1 else ''}"


def _outcome(report: FunctionReport) -> Outcome:
    """How the function ended, in the terms of a command: status 1 when an event was not answered well."""
    bad = next((run for run in report.runs if run.status != "ok"), None)
    kind = "" if bad is None else error_type(bad.response)
    ended_by = (
        "" if bad is None else "timeout" if bad.status == "timeout" else "memory" if "OutOfMemory" in kind else ""
    )
    return Outcome(
        status=0 if bad is None else 1,
        stdout=b"",  # the log holds it
        stderr=(report.log if bad is not None else "").encode(),
        seconds=sum(run.duration_ms + (run.init_ms or 0) for run in report.runs) / 1000,
        ended_by=ended_by,
        memory=_bytes([run.max_memory_mb for run in report.runs]),
        tmp=_bytes([run.tmp_mb for run in report.runs]),
    )


def _bytes(sizes: Sequence[float | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return int(max(known) * MIB) if known else None
