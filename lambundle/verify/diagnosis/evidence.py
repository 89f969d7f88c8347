"""Everything that was found of a bundle that failed, as the rules of the diagnosis ask for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.verify.checks.smoke import how_it_failed
from lambundle.verify.function.results import error_type
from lambundle.verify.model import Check, Diagnosis, Status
from lambundle.verify.run.jobs import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.verify.checks.environment import LostVariable, VariableDifference
    from lambundle.verify.checks.missing import MissingPath
    from lambundle.verify.home.comparison import Comparison
    from lambundle.verify.model import RunReport
    from lambundle.verify.packing_machine import PackingMachine
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.run.result import JobResult
    from lambundle.verify.subject import Subject

LOG_LINES = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_REPORT", "RequestId:", "Runtime.")
"""How Lambda's own lines begin in a function's log, and the error types that it repeats."""
ADVICE = "LAMBDA_WARNING: "
"""Advice that Amazon's Python runtime prints before every failure; it says nothing of this one."""

FIRST_LINES, LAST_LINES, LINE_MAX = 200, 400, 1_000
"""Lines of an output, and characters of a line, that are looked at: errors stand at its ends, and it may be endless."""

SHOWN = 300
"""Characters of it that a cause repeats."""

NEAR_END = 8
AFTERWARDS = ("BEGIN failed", "Node.js v", "smoke job:", "compilation terminated", "During handling of")
"""Lines that follow an error and do not say it."""
_TRACEBACK = ("Traceback (most", 'File "')
_ERROR = re.compile(r"error|fatal|cannot|can't|could not|failed|no such|not found|denied|invalid|unable", re.IGNORECASE)
_REQUEST = re.compile(r"RequestId: \S+ (?:Error: )?")


@dataclass(frozen=True)
class Evidence:
    """Everything that was found.

    ``subject`` and ``mounted`` are None when the bundle could not be read or unpacked. ``comparisons`` are the jobs
    that were done at home too.
    """

    machine: PackingMachine
    checks: Sequence[Check]
    results: Sequence[JobResult] = ()
    subject: Subject | None = None
    mounted: Mounted | None = None
    missing: Sequence[MissingPath] = ()
    lost: Sequence[LostVariable] = ()
    different: Sequence[VariableDifference] = ()
    comparisons: Sequence[Comparison] = ()

    @property
    def failed(self) -> JobResult | None:
        """The first job that failed."""
        return next((result for result in self.results if result.failed), None)

    @property
    def how(self) -> str:
        """One line on how it failed; empty when none did."""
        return "" if self.failed is None else how_it_failed(self.failed)

    @property
    def is_function(self) -> bool:
        """Whether what failed is a function, not a command."""
        return self.failed is not None and self.failed.job.origin is Origin.FUNCTION

    @property
    def invocation(self) -> RunReport | None:
        """The function's first event that was not answered well."""
        runs = () if self.failed is None else self.failed.invocations
        return next((run for run in runs if run.status != "ok"), None)

    @property
    def error_type(self) -> str:
        """The errorType of a function's answer; empty when it has none."""
        return "" if self.invocation is None else error_type(self.invocation.response)

    @property
    def error_message(self) -> str:
        """The errorMessage of a function's answer, without the number of the request; empty when it has none."""
        response = None if self.invocation is None else self.invocation.response
        message = response.get("errorMessage", "") if isinstance(response, dict) else response
        return _REQUEST.sub("", message) if isinstance(message, str) else ""

    @cached_property
    def words(self) -> str:
        """Its words: a function's error first, then the output, without Lambda's own lines."""
        if self.failed is None:
            return ""
        return "\n".join([*excerpt(self.error_message), *excerpt(self.failed.error_output)])

    @property
    def last_words(self) -> str:
        """The line that says most: a function's error, else the last line that was printed; empty for none."""
        first = next(iter(excerpt(self.error_message)), "")
        if first and self.invocation is not None and self.invocation.status == "died":
            printed = excerpt(self.invocation.stderr) or excerpt(self.invocation.stdout)
            return f"{first}; it last printed: {printed[-1]}" if printed else first
        return first or telling(excerpt(self.words))

    @property
    def failure(self) -> str:
        """How it failed, and what it said."""
        said = self.last_words
        return f"{self.how}: {said[:SHOWN]}{'...' * (len(said) > SHOWN)}" if said else f"{self.how}, and said nothing"

    def check(self, name: str) -> Check | None:
        """The check ``name`` if it failed."""
        return next((check for check in self.checks if check.name == name and check.status is Status.FAIL), None)


def excerpt(text: str) -> list[str]:
    """The lines of ``text`` that are looked at: those with something in them that are not Lambda's own.

    A function's log has CR for the line ends within a message, and no-break spaces for its indentation.
    """
    lines = text.replace("\r", "\n").replace("\xa0", " ").split("\n")
    if len(lines) > FIRST_LINES + LAST_LINES:
        lines = [*lines[:FIRST_LINES], *lines[-LAST_LINES:]]
    cut = (line[:LINE_MAX].strip() for line in lines)
    return [line for line in cut if line and not line.startswith(LOG_LINES) and ADVICE not in line]


def telling(lines: Sequence[str]) -> str:
    """The line of an output that says what went wrong; empty for none.

    That is the first of an error near the end, since others tell where they stopped then; of a Python traceback, whose
    lines of code may hold such words, the last; and where no line is of an error, the last.
    """
    last = [line for line in lines[-NEAR_END:] if not line.startswith(AFTERWARDS)]
    if any(line.startswith(_TRACEBACK) for line in last):
        return last[-1]
    errors = (line for line in last if _ERROR.search(line) and "warning" not in line.lower())
    return next(errors, next(reversed(last or list(lines)), ""))


def of_check(check: Check) -> Diagnosis:
    """The diagnosis that a check makes by itself."""
    return Diagnosis(check.detail, check.hint or "see the lines of that check above")
