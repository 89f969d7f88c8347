"""What ``lambundle verify`` says to a person: each check, what runs printed, the verdict, cause and cure."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING

from lambundle.cli.line import Line, line
from lambundle.verify.model import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lambundle.cli.line import Style
    from lambundle.verify.model import Check, RunReport, Verification

NAME = 13
"""Columns of a check's name and the gap behind it."""
SHOWN = 12
"""Lines of context that are shown without -v."""
ANSWER = 1_000
"""Characters of a function's answer that are shown without -v."""

_BELOW = " " * (8 + NAME)
_STYLES: Mapping[str, Style] = MappingProxyType(
    {"PASS": "pass", "FAIL": "fail", "SKIP": "skip", "WARN": "warn", "UNKNOWN": "warn"}
)
_WORDS = {Status.FAIL: "failed", Status.PASS: "passed", Status.WARN: "warned", Status.SKIP: "skipped"}


def screen(verification: Verification, log: Sequence[str] = (), *, verbose: bool = False) -> list[Line]:
    """The whole report; ``log`` is what a function wrote, with Lambda's own lines."""
    lines = [text for check in verification.checks for text in check_lines(check, verbose=verbose)]
    answers = [
        text for run in verification.runs if run.event is not None for text in answer_lines(run, verbose=verbose)
    ]
    if log or answers:
        lines += [line(), *(line(f"  {text}") for text in log), *answers, line()]
    if verbose:
        lines += [text for run in verification.runs if run.event is None for text in run_lines(run)]
    lines += [line(("note:", "note"), f" {note}", hang=" " * 6) for note in verification.notes]
    return [*lines, tally(verification), *diagnosis_lines(verification)]


def check_lines(check: Check, *, verbose: bool) -> list[Line]:
    """One check: status, name and detail; below, where it failed, what leads to it; and what to do."""
    word = check.status.name
    lines = [line("  ", (word, _STYLES[word]), f"  {check.name:<{NAME}}{check.detail}", hang=_BELOW)]
    if check.status in {Status.FAIL, Status.WARN} or verbose:
        shown = check.context if verbose else check.context[:SHOWN]
        lines += [line(f"{_BELOW}{text}", hang=f"{_BELOW}  ") for text in shown]
        if len(shown) < len(check.context):
            lines.append(line(_BELOW, (f"and {len(check.context) - len(shown)} more; -v shows them", "dim")))
    if check.hint:
        lines.append(line(_BELOW, ("hint:", "hint"), f" {check.hint}", hang=f"{_BELOW}      "))
    return lines


def run_lines(run: RunReport) -> list[Line]:
    """One run of a command: what was run, how it ended, all that it printed."""
    command = shlex.join(run.command).partition("\n")[0]
    lines = [line(), line("  ", ("$", "dim"), " ", (command, "command"))]
    lines += [line(f"    {text}") for text in (run.stdout + run.stderr).splitlines()]
    lines.append(line("    ", (f"status {run.status}, {run.duration_ms:,.0f} ms", "dim")))
    return lines


def answer_lines(run: RunReport, *, verbose: bool) -> list[Line]:
    """One event: how the function took it, and its answer as JSON, cut short without -v."""
    text = json.dumps(run.response, ensure_ascii=False)
    more = ""
    if len(text) > ANSWER and not verbose:
        text, more = text[:ANSWER], f"... ({len(text):,} characters; -v shows them all)"
    style: Style = "pass" if run.status == "ok" else "fail"
    return [line(f"  {run.event or ''}: ", (str(run.status), style)), line(f"    {text}", (more, "dim"))]


def tally(verification: Verification) -> Line:
    """The verdict, and how many checks ended how."""
    word = verification.verdict.name
    counts = Counter(check.status for check in verification.checks)
    told = ", ".join(f"{counts[status]} {text}" for status, text in _WORDS.items() if counts[status])
    return line((word, _STYLES[word]), f"  {told}")


def diagnosis_lines(verification: Verification) -> list[Line]:
    """The cause and the cure, where something failed."""
    found = verification.diagnosis
    if found is None:
        return []
    return [
        line(("cause:", "error"), f" {found.cause}", hang=" " * 7),
        line((" cure:", "hint"), f" {found.cure}", hang=" " * 7),
    ]
