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
from lambundle.verify.run.statement import is_error, statement, telling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.verify.checks.environment import LostVariable, VariableDifference
    from lambundle.verify.checks.missing import MissingPath
    from lambundle.verify.home.comparison import Comparison
    from lambundle.verify.model import RunReport
    from lambundle.verify.packing_machine import PackingMachine
    from lambundle.verify.repack.repacker import Repacker
    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.run.result import JobResult
    from lambundle.verify.sandbox.interface import Outcome
    from lambundle.verify.subject import Subject

LOG_LINES = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_REPORT", "RequestId:", "Runtime.")
"""How Lambda's own lines begin in a function's log, and the error types that it repeats."""
ADVICE = "LAMBDA_WARNING: "
"""Advice that Amazon's Python runtime prints before every failure; it says nothing of this one."""

FIRST_LINES, LAST_LINES, LINE_MAX = 200, 400, 1_000
"""Lines of an output, and characters of a line, that are looked at: errors stand at its ends, and it may be endless."""

SHOWN = 300
"""Characters of it that a cause repeats."""

_DIGITS = re.compile(r"\d+")
_REQUEST = re.compile(r"RequestId: \S+ (?:Error: )?")


@dataclass(frozen=True)
class Evidence:
    """Everything that was found. ``subject`` and ``mounted`` are None when the bundle could not be read or unpacked.

    ``comparisons`` are the jobs that were done at home too. ``packer`` packs the bundle again, None where it cannot.
    With ``is_whole`` the words are all that was printed, not what was said last.
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
    packer: Repacker | None = None
    is_whole: bool = False

    @property
    def failed(self) -> JobResult | None:
        """The first job that failed."""
        return next((result for result in self.results if result.failed), None)

    @property
    def home(self) -> Outcome | None:
        """How the job that failed ended at home; None where it was not done there."""
        job = None if self.failed is None else self.failed.job
        return next((item.home.outcome for item in self.comparisons if item.result.job is job), None)

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
        """What it said last; of a function its error and all of its log, without Lambda's own lines."""
        if self.failed is None:
            return ""
        if self.is_function:
            return "\n".join([*excerpt(self.error_message), *excerpt(self.failed.error_output)])
        return "\n".join(self._said if self.is_whole else statement(self._said))

    @cached_property
    def _said(self) -> list[str]:
        """What a command printed and home did not: stderr, and stdout where that tells of the failure instead."""
        if self.failed is None:
            return []
        warnings = "" if self.home is None or self.home.status != 0 else _text(self.home.stderr)
        known = set(map(_form, excerpt(warnings)))
        outcome = self.failed.worst
        lines = [line for line in excerpt(_text(outcome.stderr)) if _form(line) not in known]
        printed = excerpt(_text(outcome.stdout))
        if self.is_whole:
            return [*lines, *printed]
        return printed if not lines or (is_error(printed) and not is_error(lines)) else lines

    @property
    def is_same_at_home(self) -> bool:
        """Whether it failed on the packing machine too, with the same status and the same last words."""
        if self.failed is not None and self.failed.fails_at_home:
            return True
        if self.failed is None or self.home is None or self.home.status != self.failed.worst.status:
            return False
        home, away = self.home, self.failed.worst
        both = ((_text(home.stderr), _text(away.stderr)), (_text(home.stdout), _text(away.stdout)))
        said, here = next((pair for pair in both if any(map(excerpt, pair))), ("", ""))
        return self.home.status != 0 and _form(telling(excerpt(said))) == _form(telling(excerpt(here)))

    @property
    def last_words(self) -> str:
        """The line that says most: a function's error, else the last line that was printed; empty for none."""
        first = next(iter(excerpt(self.error_message)), "")
        if first and self.invocation is not None and self.invocation.status == "died":
            printed = excerpt(self.invocation.stderr) or excerpt(self.invocation.stdout)
            return f"{first}; it last printed: {printed[-1]}" if printed else first
        return first or telling(self.words.splitlines() if self.is_function else self._said)

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


def _form(line: str) -> str:
    """A line as it is at home too: numbers of processes, times and addresses differ."""
    return _DIGITS.sub("0", line)


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def of_check(check: Check) -> Diagnosis:
    """The diagnosis that a check makes by itself."""
    return Diagnosis(check.detail, check.hint or "see the lines of that check above")
