"""Runs tasks in a sandbox: each with a trace, then cold, then warm, as later invocations would."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.target import ENVIRONMENT
from lambundle.verify.checks.start import PageCache, touched_files
from lambundle.verify.run import tracing
from lambundle.verify.run.attempt import Attempt
from lambundle.verify.run.mounted import TASK
from lambundle.verify.sandbox.interface import MIB, Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.run.task import Task
    from lambundle.verify.run.trace import Trace
    from lambundle.verify.sandbox.interface import Limits, Outcome, Sandbox


LONG = 2.0
"""Seconds from which on a task is not run a third time: the first run, in which all was in memory, was warm too."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs tasks of one bundle. ``pipe`` is the directory of the trace's pipe (``tracing.make_pipe``)."""

    sandbox: Sandbox
    mounted: Mounted
    limits: Limits
    pipe: Path

    def run(self, tasks: Iterable[Task], progress: Callable[[str], None] = lambda _: None) -> tuple[Attempt, ...]:
        """Run ``tasks``, one after the other; a failure of one is no reason to leave out the next."""
        attempts = []
        for task in tasks:
            progress(f"running {task.name}")
            attempts.append(self._attempt(task))
        return tuple(attempts)

    def _attempt(self, task: Task) -> Attempt:
        first, trace = self._traced(task)
        attempt = Attempt(task, first, trace=trace)
        if not attempt.succeeded:
            return attempt
        cache = PageCache(touched_files(trace, self.mounted))
        left = cache.drop()
        cold = self._run(task, {})
        attempt = replace(attempt, cold=cold, read=cache.brought_in(left))
        if not attempt.succeeded or first.seconds > LONG:
            return attempt
        return replace(attempt, warm=self._run(task, {}))

    def _traced(self, task: Task) -> tuple[Outcome, Trace]:
        with tracing.receiving(self.pipe) as receiver:
            outcome = self._run(task, tracing.ENVIRONMENT)
            return outcome, receiver.trace()

    def _run(self, task: Task, more: Mapping[str, str]) -> Outcome:
        job = Job(
            command=task.command,
            environment={**environment(self.mounted.mount, self.limits), **more},
            mounts={**self.mounted.trees, tracing.MOUNT: self.pipe},
            cwd=task.cwd,
            limits=self.limits,
        )
        running = self.sandbox.start(job)
        try:
            return running.wait(self.limits.seconds)
        except BaseException:
            running.kill()
            raise


def environment(mount: str, limits: Limits) -> dict[str, str]:
    """The variables that a command finds: Lambda's, and on PATH the bundle's programs."""
    found = {**ENVIRONMENT, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(limits.memory // MIB)}
    if mount == TASK:  # there Lambda itself puts nothing on PATH
        found["PATH"] = f"{TASK}/bin:{found['PATH']}"
    return found
