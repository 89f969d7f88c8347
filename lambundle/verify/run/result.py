"""One job and its runs: the first with a trace, then a cold one, then a warm one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lambundle.verify.model import RunReport
from lambundle.verify.run.jobs import Origin
from lambundle.verify.run.trace import Trace
from lambundle.verify.sandbox.interface import MIB

if TYPE_CHECKING:
    from lambundle.verify.run.jobs import Job
    from lambundle.verify.run.made import Made
    from lambundle.verify.sandbox.interface import Outcome

NOT_EXECUTABLE, NOT_FOUND = 126, 127
"""A shell's status where a program could not be started."""
FIRST_SIGNAL = 129
"""A shell's status of a program that signal 1 ended."""


@dataclass(frozen=True, slots=True)
class JobResult:
    """A job that was run.

    ``first`` left the trace. ``cold`` is None when it failed, and ``warm`` when ``cold`` did or the first took so
    long that it stands for the warm one. ``read`` are the bytes of the bundle that ``cold`` brought into memory, None
    where that cannot be told. ``colds`` and ``warms`` are the seconds of all runs of these kinds, where there were
    more. ``made`` is what ``first`` made, None where it was not kept. ``fails_at_home`` says that it fails on the
    packing machine in the same way. ``invocations`` are what is reported of a function instead of its runs.
    """

    job: Job
    first: Outcome
    cold: Outcome | None = None
    warm: Outcome | None = None
    trace: Trace = field(default_factory=Trace)
    read: int | None = None
    colds: tuple[float, ...] = ()
    warms: tuple[float, ...] = ()
    made: Made | None = None
    fails_at_home: bool = False
    invocations: tuple[RunReport, ...] = ()

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The runs in their order."""
        return tuple(outcome for outcome in (self.first, self.cold, self.warm) if outcome is not None)

    @property
    def worst(self) -> Outcome:
        """The run that decides: the last, since a failure is the last."""
        return self.outcomes[-1]

    @property
    def succeeded(self) -> bool:
        """Whether every run ended by itself with status 0."""
        return self.worst.status == 0 and not self.worst.ended_by

    @property
    def is_inconclusive(self) -> bool:
        """Whether the program ran and merely rejects --version, or does so at home too."""
        outcome = self.worst
        if self.job.origin is Origin.VERSION and self.fails_at_home:
            return True
        started = outcome.status not in {NOT_FOUND, NOT_EXECUTABLE} and outcome.status < FIRST_SIGNAL
        is_loaded = b"error while loading shared libraries" not in outcome.stderr
        return (
            self.job.origin is Origin.VERSION and not self.succeeded and started and is_loaded and not outcome.ended_by
        )

    @property
    def failed(self) -> bool:
        """Whether the job was not done."""
        return not self.succeeded and not self.is_inconclusive

    @property
    def error_output(self) -> str:
        """Output of the run that decides, stderr first."""
        return f"{_text(self.worst.stderr)}\n{_text(self.worst.stdout)}"

    def runs(self) -> tuple[RunReport, ...]:
        """The runs as they are reported: the cold and the warm one, or the first where it failed."""
        if self.invocations:
            return (replace(self.invocations[0], read_bytes=self.read), *self.invocations[1:])
        if self.cold is None:
            return (_run(self.job, self.first, None),)
        return (_run(self.job, self.cold, self.read), _run(self.job, self.warm or self.first, None))


def _run(job: Job, outcome: Outcome, read: int | None) -> RunReport:
    return RunReport(
        status=outcome.status,
        stdout=_text(outcome.stdout),
        stderr=_text(outcome.stderr),
        duration_ms=round(outcome.seconds * 1000, 1),
        command=job.command,
        max_memory_mb=_mebibytes(outcome.memory),
        tmp_mb=_mebibytes(outcome.tmp),
        read_bytes=read,
    )


def _mebibytes(size: int | None) -> float | None:
    return None if size is None else round(size / MIB, 1)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
