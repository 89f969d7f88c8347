"""Invokes a function: one event after the other, in one warm environment as long as it lives.

The first start is a phase of its own. When it fails, and when an environment has died, Lambda starts the function
again as a part of the next invocation, and so within its timeout: it calls that a suppressed init.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.target import INIT_SECONDS
from lambundle.verify.function import lines
from lambundle.verify.function.environment import Environment
from lambundle.verify.function.exchange import Invocation, State
from lambundle.verify.function.model import FunctionReport
from lambundle.verify.function.open_answer import check_answered
from lambundle.verify.function.results import Result, answered, died, failed_init, timed_out
from lambundle.verify.function.starting import plan_start
from lambundle.verify.function.variables import function_arn
from lambundle.verify.model import RunReport
from lambundle.verify.sandbox.interface import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.verify.function.model import Event, Function
    from lambundle.verify.function.starting import FunctionStart
    from lambundle.verify.sandbox.interface import Limits, Outcome, Sandbox

LAST_WORDS = 1.0
"""Seconds that a runtime has to end by itself after it said that it could not start."""
_SLACK = 60.0  # seconds beyond all that the events may take: the clock that counts is ours


def invoke_function(
    sandbox: Sandbox,
    function: Function,
    events: Sequence[Event],
    limits: Limits,
    *,
    work: Path | None = None,
    init_seconds: float = INIT_SECONDS,
) -> FunctionReport:
    """Start ``function`` in ``sandbox`` and give it ``events``, one after the other.

    ``limits.seconds`` is the function's timeout; ``work`` where files of ours may lie meanwhile (by default where
    temporary files do). A Run's status is ``ok``; ``error``: the function reported one, or answered too much;
    ``timeout``; or ``died``, even when that was after the answer. Its response is what the caller of Invoke gets:
    the answer, parsed when it is JSON, else Lambda's ``{"errorType", "errorMessage"}``. Memory and /tmp are the most
    that its environment had from start to end, whichever event that was for. An environment that died or ran out of
    time is started again for the next event, with its /tmp kept.

    Raise HandlerError when a handler cannot be started here, or wants what only Lambda has; SandboxError when the
    sandbox breaks.
    """
    with tempfile.TemporaryDirectory(prefix="lambundle-function-", dir=work) as directory:
        seconds = init_seconds + (limits.seconds + 1) * (len(events) + 1) + _SLACK
        start = plan_start(sandbox, function, replace(limits, seconds=seconds), Path(directory))
        with contextlib.closing(_Invoker(sandbox, start, function_arn(function), limits)) as invoker:
            invoker.init_phase(init_seconds)
            for event in events:
                invoker.invoke(event)
        runs = invoker.runs()
        report = FunctionReport(runs, invoker.log(), start.notes)
        check_answered(report, sandbox, start)
        return report


@dataclass(slots=True)
class _Life:
    """How one environment ended, once it has."""

    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class _InvocationRecord:
    """One invocation that is over; times in milliseconds."""

    event: str
    request: str
    life: _Life
    result: Result
    duration: float
    init: float | None
    stdout: str
    stderr: str


class _Invoker:
    """The function's environments, one at a time, and what is known of its invocations."""

    def __init__(self, sandbox: Sandbox, start: FunctionStart, arn: str, limits: Limits) -> None:
        self._sandbox = sandbox
        self._plan = start
        self._arn = arn
        self._limits = limits
        self._environment: Environment | None = None
        self._life = _Life()
        self._init: float | None = None
        self._init_failed = False
        self._heard = ["", ""]
        self._log: list[str | _InvocationRecord] = []
        self._records: list[_InvocationRecord] = []

    def init_phase(self, seconds: float) -> None:
        """Start the function before its first event."""
        found, took = self._start("", seconds)
        if isinstance(found, Result):
            self._init_failed = True
            self._write(lines.init_report(took, "init", found.fatal, found.error))
        else:
            self._init = took

    def invoke(self, event: Event) -> None:
        """Give the function one event and see what becomes of it."""
        request = str(uuid.uuid4())
        seconds = self._limits.seconds
        self._hear()  # what it wrote when it started
        self._write(lines.start(request))
        found, took = (self._environment, 0.0) if self._environment else self._start(request, seconds)
        if isinstance(found, Environment):
            result, more = self._give(found, request, event, seconds - took / 1000)
            took += more
        else:
            result = found
            if self._init_failed:
                self._write(lines.init_report(took, "invoke", result.fatal, result.error))
        self._hear()
        if result.said:
            self._write(result.said)
        self._write(lines.end(request))
        record = _InvocationRecord(event.name, request, self._life, result, took, self._init, *self._heard)
        self._log.append(record)
        self._records.append(record)
        self._init, self._init_failed, self._heard = None, False, ["", ""]

    def runs(self) -> tuple[RunReport, ...]:
        """Return what became of each event; known in full once this is closed."""
        return tuple(map(_run, self._records))

    def log(self) -> str:
        """Return all that the function and Lambda wrote; known in full once this is closed."""
        return "".join(part if isinstance(part, str) else self._report(part) for part in self._log)

    def close(self) -> None:
        """End the environment that may still be there."""
        if self._environment is not None:
            self._lose(self._environment)

    # --- the steps

    def _start(self, request: str, seconds: float) -> tuple[Environment | Result, float]:
        """Start an environment; return it, or how that ended, and how many milliseconds it took."""
        self._life = _Life()
        environment = self._environment = Environment(self._sandbox, self._plan, self._arn)
        state = environment.exchange.until_ready(environment.started + seconds)
        took = (time.monotonic() - environment.started) * 1000
        if state is State.READY:
            return environment, took
        if state is State.INIT_ERROR:
            environment.exchange.until_ended(time.monotonic() + LAST_WORDS)
        return self._why(environment, request), took

    def _give(self, environment: Environment, request: str, event: Event, seconds: float) -> tuple[Result, float]:
        """Give the event to the environment; return the result and how many milliseconds it took."""
        began = time.monotonic()
        deadline = int((time.time() + seconds) * 1000)
        environment.exchange.give(Invocation(request, event.payload, deadline))
        done = environment.exchange.until_done(began + seconds)
        took = (time.monotonic() - began) * 1000
        answer = environment.exchange.answer
        return answered(answer) if done and answer else self._why(environment, request), took

    def _why(self, environment: Environment, request: str) -> Result:
        """Say why an environment is of no more use, and end it."""
        exchange = environment.exchange
        answer = exchange.answer
        if exchange.state is State.INIT_ERROR and answer is not None:
            result = failed_init(answer)
        elif exchange.ended:
            result = died(request, environment.death(), answer)
        else:
            result = timed_out(request, self._limits.seconds, answer)
        self._lose(environment)
        return result

    def _lose(self, environment: Environment) -> None:
        self._environment = None
        with contextlib.closing(environment):
            self._life.outcome = environment.kill()
            self._take(environment)

    # --- the log

    def _hear(self) -> None:
        if self._environment is not None:
            self._take(self._environment)

    def _take(self, environment: Environment) -> None:
        written = environment.output.take()
        self._heard = [self._heard[0] + written.stdout, self._heard[1] + written.stderr]
        if written.merged:
            self._write(written.merged)

    def _write(self, text: str) -> None:
        self._log.append(text if text.endswith("\n") else f"{text}\n")

    def _report(self, record: _InvocationRecord) -> str:
        outcome = record.life.outcome
        result, size = record.result, self._limits.memory // MIB
        used = None if outcome is None or outcome.memory is None else min(math.ceil(outcome.memory / MIB), size)
        told = lines.Report(
            record.request, record.duration, size, used, record.init, status=result.fatal, error=result.error
        )
        return f"{lines.report(told)}\n"


def _run(record: _InvocationRecord) -> RunReport:
    outcome = record.life.outcome
    return RunReport(
        status=record.result.status,
        stdout=record.stdout,
        stderr=record.stderr,
        duration_ms=record.duration,
        event=record.event,
        response=record.result.response,
        init_ms=record.init,
        max_memory_mb=None if outcome is None else _mib(outcome.memory),
        tmp_mb=None if outcome is None else _mib(outcome.tmp),
    )


def _mib(size: int | None) -> float | None:
    return None if size is None else size / MIB
