"""smoke: every job succeeded."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from lambundle.verify.function.results import error_type
from lambundle.verify.model import Check, Status
from lambundle.verify.run.jobs import Origin
from lambundle.verify.run.result import FIRST_SIGNAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.verify.run.jobs import Job
    from lambundle.verify.run.result import JobResult

LAST_LINES = 8


def smoke_check(results: Sequence[JobResult]) -> Check:
    """Whether every job was done: exit status 0 in the first run and in the next."""
    failed = [result for result in results if result.failed]
    unknown = [result for result in results if result.is_inconclusive]
    if failed:
        more = f"; {len(failed) - 1} more failed" if len(failed) > 1 else ""
        detail = f"{how_it_failed(failed[0])}{more}"
        lines = () if failed[0].invocations else tuple(output_lines(failed[0]))  # a function's log is shown as a whole
        return Check("smoke", Status.FAIL, detail, context=lines)
    if unknown:
        first = unknown[0]
        detail = f"{first.job.name} --version ended with {first.worst.status}, which says nothing"
        return Check("smoke", Status.SKIP, detail, hint=f"give a real command after --: -- {first.job.name} ARGUMENTS")
    context = tuple(map(_line, results)) if len(results) > 1 else ()
    return Check("smoke", Status.PASS, _done(results), context=context)


def _done(results: Sequence[JobResult]) -> str:
    if len(results) == 1:
        return _told(results[0].job)
    versions = sum(result.job.origin is Origin.VERSION for result in results)
    if versions:
        little = "which proves little: give a real command after --"
        return f"{len(results)} programs ran, {versions} of them with --version only, {little}"
    return f"{len(results)} programs did their smoke jobs"


def _told(job: Job) -> str:
    match job.origin:
        case Origin.SMOKE:
            return f"{job.does} (recipe {job.recipe})"
        case Origin.VERSION:
            return f"{job.does} (--version only, which proves little: give a real command after --)"
        case Origin.COMMAND | Origin.FUNCTION:
            return job.does


def _line(result: JobResult) -> str:
    return f"{result.job.name}: {_told(result.job)}"


def how_it_failed(result: JobResult) -> str:
    """One line on the run that failed."""
    outcome, job = result.worst, result.job
    what = {
        Origin.COMMAND: job.name,
        Origin.SMOKE: f"the smoke job of {job.name}",
        Origin.VERSION: f"{job.name} --version",
        Origin.FUNCTION: f"the function {job.name}",
    }[job.origin]
    when = " when it was run again in the same environment" if result.first is not outcome else ""
    ends = {
        "timeout": f"had not ended after {_seconds(outcome.seconds)}",
        "memory": "was ended because it used more memory than it may",
        "killed": "was ended from outside",
    }
    end = ends.get(outcome.ended_by) or (_unanswered(result) if result.invocations else _status(outcome.status))
    return f"{what} {end}{when}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{f'{seconds:.1f}'.removesuffix('.0')} s"  # noqa: PLR2004


def _unanswered(result: JobResult) -> str:
    """The end of the first event without a good answer."""
    run = next(run for run in result.invocations if run.status != "ok")
    kind = error_type(run.response)
    ends = {"died": "died", "timeout": "ran out of time", "error": "answered with an error"}
    return f"{ends.get(str(run.status), run.status)} on event {run.event}{f': {kind}' if kind else ''}"


def _status(status: int) -> str:
    if status >= FIRST_SIGNAL:
        try:
            return f"was ended by {signal.Signals(status - 128).name}"
        except ValueError:
            return f"ended with {status}"
    return f"ended with {status}"


def output_lines(result: JobResult) -> list[str]:
    """The last lines that a failed run printed, those of stderr first since errors stand there."""
    outcome = result.worst
    lines = outcome.stderr.decode(errors="replace").strip().splitlines()[-LAST_LINES:]
    return lines or outcome.stdout.decode(errors="replace").strip().splitlines()[-LAST_LINES:]
