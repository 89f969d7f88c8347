"""Runs jobs in a sandbox: each with a trace, then cold, then warm, as later invocations would."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambundle.target import ENVIRONMENT, EXECUTION, TASK
from lambundle.verify.run import tracing
from lambundle.verify.run.inputs import DIRECTORY, fill
from lambundle.verify.run.made import collect
from lambundle.verify.run.page_cache import PageCache, touched_files
from lambundle.verify.run.result import JobResult
from lambundle.verify.sandbox.interface import MIB, Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from lambundle.verify.run.jobs import Job
    from lambundle.verify.run.made import Made
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.run.trace import Trace
    from lambundle.verify.sandbox.interface import Limits, Outcome, Sandbox


LONG = 2.0
"""Seconds from which on a job is not run a third time: the first run, in which all was in memory, was warm too."""
TIMES = 3
"""How often a job is timed, cold and warm, so that a median can be told."""
TIMING = 0.5
"""Seconds for that, beyond one cold and one warm run of each job; long jobs are timed once."""


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Runs jobs of one bundle.

    ``pipe`` is the directory of the trace's pipe (``tracing.make_pipe``), ``inputs`` has the files that the job's own
    directory is filled with before each run. What the first run of a job made is kept in ``keep``, if that is given.
    """

    sandbox: Sandbox
    mounted: Mounted
    limits: Limits
    pipe: Path
    inputs: Path | None = None
    keep: Path | None = None

    def run(self, jobs: Iterable[Job], progress: Callable[[str], None] = lambda _: None) -> tuple[JobResult, ...]:
        """Run ``jobs``, one after the other; a failure of one is no reason to leave out the next."""
        results = []
        left = TIMING
        for number, job in enumerate(jobs):
            progress(f"running {job.name}")
            result = self._result(job, number)
            began = time.monotonic()
            results.append(self._timed(result, left))
            left -= time.monotonic() - began
        return tuple(results)

    def again(self, job: Job, name: str) -> tuple[Outcome, Made | None]:
        """Run a job once more, and return what it made then; ``name`` is new for each such run."""
        return run_once(self.sandbox, self._command(job)), self._made(job, name)

    def _made(self, job: Job, name: str) -> Made | None:
        if self.keep is None:
            return None
        made = collect(self.sandbox, job.makes_in, self.keep / name, self.limits)
        return made.without(self.inputs, DIRECTORY)

    def _result(self, job: Job, number: int) -> JobResult:
        first, trace = run_traced(self.sandbox, self._command(job), self.pipe)
        made = self._made(job, str(number))
        result = JobResult(job, first, trace=trace, made=made)
        if not result.succeeded:
            return result
        cache = PageCache(touched_files(trace, self.mounted))
        left = cache.drop()
        cold = run_once(self.sandbox, self._command(job))
        result = replace(result, cold=cold, read=cache.brought_in(left))
        if not result.succeeded or first.seconds > LONG:
            return result
        return replace(result, warm=run_once(self.sandbox, self._command(job)))

    def _timed(self, result: JobResult, seconds: float) -> JobResult:
        """Time a job that was done, ``TIMES`` in all as far as that takes no more than ``seconds``."""
        if result.cold is None or result.warm is None or not result.succeeded:
            return result
        colds, warms = [result.cold.seconds], [result.warm.seconds]
        cache = PageCache(touched_files(result.trace, self.mounted))
        until = time.monotonic() + seconds
        while len(colds) < TIMES and time.monotonic() + colds[0] + warms[0] < until:
            cache.drop()
            for times in (colds, warms):
                outcome = run_once(self.sandbox, self._command(result.job))
                times.append(outcome.seconds)
                if outcome.status != 0 or outcome.ended_by:
                    return replace(result, warm=outcome)
        return replace(result, colds=tuple(colds), warms=tuple(warms))

    def _command(self, job: Job) -> Command:
        """The command of a job's next run, for which its own directory is filled anew."""
        if self.inputs is not None and job.cwd == DIRECTORY:
            fill(self.sandbox, self.inputs, self.limits)
        return Command(
            argv=job.command,
            environment=environment(self.mounted.mount, self.limits),
            mounts=self.mounted.trees,
            cwd=job.cwd,
            stdin=job.stdin,
            limits=self.limits,
        )


def run_traced(sandbox: Sandbox, command: Command, pipe: Path) -> tuple[Outcome, Trace]:
    """Run a command to its end, and return its trace, which comes through the pipe in ``pipe``. Raise SandboxError."""
    environment = {**command.environment, **tracing.ENVIRONMENT}
    mounts = {**command.mounts, tracing.MOUNT: pipe}
    with tracing.receiving(pipe) as receiver:
        outcome = run_once(sandbox, replace(command, environment=environment, mounts=mounts))
        return outcome, receiver.trace()


def run_once(sandbox: Sandbox, command: Command) -> Outcome:
    """Run a command to its end. Raise SandboxError."""
    running = sandbox.start(command)
    try:
        return running.wait(command.limits.seconds)
    except BaseException:
        running.kill()
        raise


def environment(mount: str, limits: Limits) -> dict[str, str]:
    """The variables that a command finds: Lambda's, and on PATH the bundle's programs."""
    found = {**ENVIRONMENT, **EXECUTION, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(limits.memory // MIB)}
    if mount == TASK:  # there Lambda itself puts nothing on PATH
        found["PATH"] = f"{TASK}/bin:{found['PATH']}"
    return found
