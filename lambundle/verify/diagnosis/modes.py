"""Causes in modes: files that Lambda's user may not read or execute."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.verify.diagnosis.packed import held, rezipped
from lambundle.verify.diagnosis.words import QUOTE, WORD
from lambundle.verify.run.result import NOT_EXECUTABLE

if TYPE_CHECKING:
    from lambundle.verify.diagnosis.evidence import Evidence
    from lambundle.verify.diagnosis.packed import KeptFile
    from lambundle.verify.model import Diagnosis

_DENIED = (
    re.compile(rf"({WORD}){QUOTE}?: (?:Permission denied|cannot execute|Operation not permitted)"),
    re.compile(rf"cannot exec(?:ute)? {QUOTE}?({WORD})"),
    re.compile(rf"[Pp]ermission denied[^\n]*?{QUOTE}({WORD})"),
)


def lost_mode(evidence: Evidence) -> Diagnosis | None:
    """A file of the bundle, or of a layer, whose mode in the zip does not let it be executed or read."""
    result = evidence.failed
    if result is None:
        return None
    named = [name for pattern in _DENIED for name in pattern.findall(evidence.words)]
    if result.worst.status == NOT_EXECUTABLE:
        named.append(result.job.command[0] if result.job.program is None else result.job.program.launcher)
    closed = (file for name in named for file in held(evidence, name) if file.is_closed)
    return next((rezipped(closed_text(file), file) for file in closed), None)


def closed_text(file: KeptFile) -> str:
    """The fault in the mode of a file."""
    what = "executable" if file.mode & 0o004 else "readable"
    return f"{posixpath.basename(file.path)} is not {what} in {file.place} (mode {file.mode:04o})"
