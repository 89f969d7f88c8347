"""Runs jobs in a sandbox: each with a trace, then cold, then warm, as later invocations would."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.target import ENVIRONMENT, TASK
from lambundle.verify.run import tracing
from lambundle.verify.run.page_cache import PageCache, touched_files
from lambundle.verify.run.result import JobResult
from lambundle.verify.sandbox.interface import MIB, Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from lambundle.verify.run.jobs import Job
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.run.trace import Trace
    from lambundle.verify.sandbox.interface import Limits, Outcome, Sandbox


LONG = 2.0
"""Seconds from which on a job is not run a third time: the first run, in which all was in memory, was warm too."""


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Runs jobs of one bundle. ``pipe`` is the directory of the trace's pipe (``tracing.make_pipe``)."""

    sandbox: Sandbox
    mounted: Mounted
    limits: Limits
    pipe: Path

    def run(self, jobs: Iterable[Job], progress: Callable[[str], None] = lambda _: None) -> tuple[JobResult, ...]:
        """Run ``jobs``, one after the other; a failure of one is no reason to leave out the next."""
        results = []
        for job in jobs:
            progress(f"running {job.name}")
            results.append(self._result(job))
        return tuple(results)

    def _result(self, job: Job) -> JobResult:
        first, trace = self._traced(job)
        result = JobResult(job, first, trace=trace)
        if not result.succeeded:
            return result
        cache = PageCache(touched_files(trace, self.mounted))
        left = cache.drop()
        cold = self._run(job, {})
        result = replace(result, cold=cold, read=cache.brought_in(left))
        if not result.succeeded or first.seconds > LONG:
            return result
        return replace(result, warm=self._run(job, {}))

    def _traced(self, job: Job) -> tuple[Outcome, Trace]:
        with tracing.receiving(self.pipe) as receiver:
            outcome = self._run(job, tracing.ENVIRONMENT)
            return outcome, receiver.trace()

    def _run(self, job: Job, more: Mapping[str, str]) -> Outcome:
        command = Command(
            argv=job.command,
            environment={**environment(self.mounted.mount, self.limits), **more},
            mounts={**self.mounted.trees, tracing.MOUNT: self.pipe},
            cwd=job.cwd,
            limits=self.limits,
        )
        running = self.sandbox.start(command)
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
