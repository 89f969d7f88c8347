"""Whether what was run did its job."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from lambundle.verify.model import Check, Status
from lambundle.verify.run.attempt import FIRST_SIGNAL
from lambundle.verify.run.task import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.verify.run.attempt import Attempt
    from lambundle.verify.run.task import Task

LAST_LINES = 8


def smoke_check(attempts: Sequence[Attempt]) -> Check:
    """Whether every task was done: exit status 0 in the first run and in the next."""
    failed = [attempt for attempt in attempts if attempt.failed]
    unknown = [attempt for attempt in attempts if attempt.is_inconclusive]
    if failed:
        more = f"; {len(failed) - 1} more failed" if len(failed) > 1 else ""
        detail = f"{how_it_failed(failed[0])}{more}"
        lines = () if failed[0].invocations else tuple(output_lines(failed[0]))  # a function's log is shown as a whole
        return Check("smoke", Status.FAIL, detail, context=lines)
    if unknown:
        first = unknown[0]
        detail = f"{first.task.name} --version ended with {first.worst.status}, which says nothing"
        return Check("smoke", Status.SKIP, detail, hint=f"give a real command after --: -- {first.task.name} ARGUMENTS")
    context = tuple(map(_line, attempts)) if len(attempts) > 1 else ()
    return Check("smoke", Status.PASS, _done(attempts), context=context)


def _done(attempts: Sequence[Attempt]) -> str:
    if len(attempts) == 1:
        return _told(attempts[0].task)
    versions = sum(attempt.task.origin is Origin.VERSION for attempt in attempts)
    if versions:
        little = "which proves little: give a real command after --"
        return f"{len(attempts)} programs ran, {versions} of them with --version only, {little}"
    return f"{len(attempts)} programs did their smoke jobs"


def _told(task: Task) -> str:
    match task.origin:
        case Origin.SMOKE:
            return f"{task.does} (recipe {task.recipe})"
        case Origin.VERSION:
            return f"{task.does} (--version only, which proves little: give a real command after --)"
        case Origin.COMMAND | Origin.FUNCTION:
            return task.does


def _line(attempt: Attempt) -> str:
    return f"{attempt.task.name}: {_told(attempt.task)}"


def how_it_failed(attempt: Attempt) -> str:
    """One line on the run that failed."""
    outcome, task = attempt.worst, attempt.task
    what = {
        Origin.COMMAND: task.name,
        Origin.SMOKE: f"the smoke job of {task.name}",
        Origin.VERSION: f"{task.name} --version",
        Origin.FUNCTION: f"the function {task.name}",
    }[task.origin]
    when = " when it was run again in the same environment" if attempt.first is not outcome else ""
    ends = {
        "timeout": f"had not ended after {_seconds(outcome.seconds)}",
        "memory": "was ended because it used more memory than it may",
        "killed": "was ended from outside",
    }
    end = ends.get(outcome.ended_by) or (_unanswered(attempt) if attempt.invocations else _status(outcome.status))
    return f"{what} {end}{when}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{f'{seconds:.1f}'.removesuffix('.0')} s"  # noqa: PLR2004


def _unanswered(attempt: Attempt) -> str:
    """What became of the first event that was not answered well."""
    run = next(run for run in attempt.invocations if run.status != "ok")
    kind = run.response.get("errorType") if isinstance(run.response, dict) else None
    ends = {"died": "died", "timeout": "ran out of time", "error": "answered with an error"}
    return f"{ends.get(str(run.status), run.status)} on event {run.event}{f': {kind}' if kind else ''}"


def _status(status: int) -> str:
    if status >= FIRST_SIGNAL:
        try:
            return f"was ended by {signal.Signals(status - 128).name}"
        except ValueError:
            return f"ended with {status}"
    return f"ended with {status}"


def output_lines(attempt: Attempt) -> list[str]:
    """The last lines that a failed run printed, those of stderr first since errors stand there."""
    outcome = attempt.worst
    lines = outcome.stderr.decode(errors="replace").strip().splitlines()[-LAST_LINES:]
    return lines or outcome.stdout.decode(errors="replace").strip().splitlines()[-LAST_LINES:]
