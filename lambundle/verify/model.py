"""The result of verify: checks, runs, a diagnosis, and the verdict that follows from them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambundle.errors import EXIT_NO, EXIT_UNKNOWN

if TYPE_CHECKING:
    from lambundle.verify.repack.remedy import Remedy


class Status(enum.StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105  (a word of the answer)
    FAIL = "fail"
    SKIP = "skip"
    WARN = "warn"


class Verdict(enum.StrEnum):
    """The answer on the bundle as a whole."""

    PASS = "pass"  # noqa: S105  (a word of the answer)
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    ``detail`` is one line, with value and limit where there is one; ``context`` are further lines (files, places), the
    most telling first; ``hint`` says what to do, and is empty for a check that passed. A warning is what did no harm in
    these runs and may in others.
    """

    name: str
    status: Status
    detail: str
    hint: str = ""
    context: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run in the sandbox: of a command, or of a function on one event (then ``event`` is its name).

    ``status`` is the exit status (128 + N for signal N) of a command, ``ok``, ``error``, ``timeout`` or ``died``
    of a function. Times are milliseconds, sizes MiB as Lambda reports them; None was not measured.
    ``read_bytes`` are the bytes of the bundle that the run touched.
    """

    status: int | str
    stdout: str
    stderr: str
    duration_ms: float
    command: tuple[str, ...] = ()
    event: str | None = None
    response: object = None
    init_ms: float | None = None
    max_memory_mb: float | None = None
    tmp_mb: float | None = None
    read_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One cause of a failure and one cure, in words.

    ``remedy`` is what the cure packs, None where it is something else. ``is_open`` says that the cause is no more than
    the program's own words, which something else may explain.
    """

    cause: str
    cure: str
    remedy: Remedy | None = field(default=None, compare=False)
    is_open: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Verification:
    """The result for one bundle.

    ``is_answered`` is false where what was asked for is a run, and it could not be had or did not tell.
    """

    bundle: str
    checks: tuple[Check, ...]
    runs: tuple[RunReport, ...] = ()
    diagnosis: Diagnosis | None = None
    strict: bool = False
    notes: tuple[str, ...] = field(default=())
    is_answered: bool = True

    @property
    def verdict(self) -> Verdict:
        """Failed when any check failed; unknown without an answer, when none passed, or, if strict, any was skipped.

        If strict a warning is a failure.
        """
        found = {check.status for check in self.checks}
        if Status.FAIL in found or (self.strict and Status.WARN in found):
            return Verdict.FAIL
        if not self.is_answered or not found & {Status.PASS, Status.WARN} or (self.strict and Status.SKIP in found):
            return Verdict.UNKNOWN
        return Verdict.PASS

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 3 could not find out."""
        return {Verdict.PASS: 0, Verdict.FAIL: EXIT_NO, Verdict.UNKNOWN: EXIT_UNKNOWN}[self.verdict]
