"""Output of verify: a screen, and JSON (schema: ``verify/schema/verify.schema.json``)."""

from __future__ import annotations

import json
import shlex
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambundle.verify.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambundle.verify.model import Check, RunReport, Verification

    Paint = Callable[[str, str], str]

SCHEMA = Path(__file__).parents[1] / "verify" / "schema" / "verify.schema.json"
"""The JSON schema of ``to_json``."""

NAME = 13
"""Columns of a check's name and the gap behind it."""
SHOWN = 12
"""Lines of context that are shown without -v."""
ANSWER = 1_000
"""Characters of a function's answer that are shown without -v."""

_BELOW = " " * (8 + NAME)
_COLOURS = {"PASS": "green", "FAIL": "red", "SKIP": "yellow", "UNKNOWN": "yellow"}
_WORDS = {Status.FAIL: "failed", Status.PASS: "passed", Status.SKIP: "skipped"}


def plain(text: str, _colour: str) -> str:
    """Give a text no colour."""
    return text


# ---- the screen ----


def screen(
    verification: Verification, log: Sequence[str] = (), *, verbose: bool = False, paint: Paint = plain
) -> list[str]:
    """The whole report as lines; ``log`` is what a function wrote, with Lambda's own lines."""
    lines = [line for check in verification.checks for line in check_lines(check, verbose=verbose, paint=paint)]
    answers = [
        line for run in verification.runs if run.event is not None for line in answer_lines(run, verbose=verbose)
    ]
    if log or answers:
        lines += ["", *(f"  {safe(line)}" for line in log), *answers, ""]
    if verbose:
        lines += [line for run in verification.runs if run.event is None for line in run_lines(run)]
    lines += [f"note: {safe(note)}" for note in verification.notes]
    return [*lines, tally(verification, paint), *diagnosis_lines(verification)]


def check_lines(check: Check, *, verbose: bool, paint: Paint) -> list[str]:
    """One check: status, name and detail; below, where it failed, what leads to it; and what to do."""
    word = check.status.name
    lines = [f"  {paint(word, _COLOURS[word])}  {check.name:<{NAME}}{safe(check.detail)}"]
    if check.status is Status.FAIL or verbose:
        shown = check.context if verbose else check.context[:SHOWN]
        lines += [f"{_BELOW}{safe(line)}" for line in shown]
        if len(shown) < len(check.context):
            lines.append(f"{_BELOW}and {len(check.context) - len(shown)} more; -v shows them")
    if check.hint:
        lines.append(f"{_BELOW}hint: {safe(check.hint)}")
    return lines


def run_lines(run: RunReport) -> list[str]:
    """One run of a command: what was run, how it ended, all that it printed."""
    lines = ["", f"  $ {safe(shlex.join(run.command).partition(chr(10))[0])}"]
    lines += [f"    {safe(line)}" for line in (run.stdout + run.stderr).splitlines()]
    lines.append(f"    status {run.status}, {run.duration_ms:,.0f} ms")
    return lines


def answer_lines(run: RunReport, *, verbose: bool) -> list[str]:
    """One event: how the function took it, and its answer as JSON, cut short without -v."""
    text = json.dumps(run.response, ensure_ascii=False)
    if len(text) > ANSWER and not verbose:
        text = f"{text[:ANSWER]}... ({len(text):,} characters; -v shows them all)"
    return [f"  {safe(run.event or '')}: {run.status}", f"    {safe(text)}"]


def tally(verification: Verification, paint: Paint = plain) -> str:
    """The verdict, and how many checks ended how."""
    word = verification.verdict.name
    counts = Counter(check.status for check in verification.checks)
    told = ", ".join(f"{counts[status]} {text}" for status, text in _WORDS.items() if counts[status])
    return f"{paint(word, _COLOURS[word])}  {told}"


def diagnosis_lines(verification: Verification) -> list[str]:
    """The cause and the cure, where something failed."""
    found = verification.diagnosis
    return [] if found is None else [f"cause: {safe(found.cause)}", f" cure: {safe(found.cure)}"]


def safe(text: str, encoding: str | None = None) -> str:
    """A text from a bundle such that a terminal shows it and obeys nothing in it, in ``encoding`` (stdout's)."""
    shown = "".join(character if character.isprintable() else _escaped(character) for character in text)
    encoding = encoding or getattr(sys.stdout, "encoding", None) or "ascii"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def _escaped(character: str) -> str:
    if unicodedata.category(character) == "Zs":  # a space by another name: a no-break one, say
        return " "
    return "    " if character == "\t" else ascii(character)[1:-1]


# ---- JSON ----


def to_json(verification: Verification) -> dict[str, Any]:
    """The report as data, format 1."""
    return {
        "version": 1,
        "bundle": verification.bundle,
        "verdict": verification.verdict.value,
        "checks": [
            {"name": check.name, "status": check.status.value, "detail": check.detail, "hint": check.hint}
            for check in verification.checks
        ],
        "runs": [_run_json(run) for run in verification.runs],
    }


def _run_json(run: RunReport) -> dict[str, Any]:
    what: dict[str, Any] = {"command": list(run.command)} if run.event is None else {"event": run.event}
    return what | {
        "status": run.status,
        "response": run.response,
        "stdout": run.stdout,
        "stderr": run.stderr,
        "duration_ms": run.duration_ms,
        "init_ms": run.init_ms,
        "max_memory_mb": run.max_memory_mb,
        "tmp_mb": run.tmp_mb,
        "read_bytes": run.read_bytes,
    }
