"""What a failed program said last: of an output, the lines that tell the failure and not what led there or followed.

A program may complain and go on, so an earlier complaint is no cause. It may tell afterwards where it stopped, how to
call it, or that it ends: those lines are no cause either.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NEAR_END = 20
"""So many lines from the end an error is looked for."""

_FOLLOWS = re.compile(
    r"BEGIN failed|Compilation failed in require|Node\.js v|smoke job:|compilation terminated|During handling of"
    r"|The above exception was|Execution halted|Calls: |Traceback \(most recent"
    r"|collect2: error: ld returned|(?:g?make|ninja)(?:\[\d+\])?: (?:\*\*\* |build stopped|Leaving|Entering)"
    r"|(?:\S+: )?[Tt]ry |[Uu]sage: |(?:[Ff]or )?[Mm]ore (?:help|information)|[Ss]ee (?:also )?(?:'|`|\"|the |https?:)"
    r"|at \S.*|\^-+ \w+ here$|\w+ here -+\^$"
    r"|\^+~*$|~*\^[~^]*$|throw \w+|\.\.\. \d+ more|from \S+:\d+:in |goroutine \d|main\.\w+\(|/\S+\.go:\d+ \+0x"
    r"|Require stack:|- /\S+$|[\[{}\])]+,?$|\w+: (?:\[.*\]|'[^']*'|-?\d+),?$|npm (?:ERR!|error) (?:A complete|path)"
    r"|exit(?:ed)? (?:status|code)|(?:Exiting|Aborting|Aborted|Stopping|Giving up)\b[.! ]*$|\S+: exiting\b"
    r"|Operand stack:|Execution stack:|Dictionary stack:|%\w|--\w+(?:\(\w+\))?--|--dict:|--nostringval--|Current \w+"
    r"|Last OS error|GPL Ghostscript.*Unrecoverable|Transcript written|l\.\d+ |Type  ?(?:X|H) |or enter new name"
    r"|Enter file name|!? ?Emergency stop|!  ?==> Fatal error|(?:\*\*\* )?\(?job aborted|!?<\*> |Output written"
    r"|\d* *\|(?:\s|$)|(?:\S+: )?\d+ (?:\w+ )?errors?\b(?: generated)?\.?$"
    r"|.*\bexit (?:status|code) \d+\.?$|.*non-zero exit"
)
"""How lines begin that follow an error and do not say it."""

_TRACEBACK = "Traceback (most recent call last)"
_FRAME = re.compile(r'File "|\[Previous line')
_IN = re.compile(r"\bin \w+$")
_UNDERLINE = re.compile(r"[\^~ ]+$")
_RAISED = re.compile(r"(?:[A-Za-z_]\w*\.)*\w+(?:Error|Exception|Exit|Interrupt|Warning)\b(?::|$)")
_STRONG = re.compile(r"(?:[\w./+-]+: )*(?:fatal|error|panic|exception|uncaught|unhandled|E:|!)(?:\W|$)", re.IGNORECASE)
_ERROR = re.compile(
    r"error|fatal|cannot|can't|could not|couldn't|failed|failure|no such|not found|denied|invalid|unable|undefined"
    r"|unknown|unrecogni[sz]ed|illegal|missing|exception|panic|not supported|unsupported|refused|read-only",
    re.IGNORECASE,
)
_WARNING = re.compile(r"\bwarning\b|\bWARN\b|\bnote:", re.IGNORECASE)
_COMPILERS = re.compile(r"\S+:\d+(?::\d+)?: (?:fatal )?error: ")
_BEGINS = re.compile(r"(?:Error|Fehler|Caused by)\b.*:$")


def is_error(lines: Sequence[str]) -> bool:
    """Whether one of the last lines complains."""
    said = [line for line in lines if not _FOLLOWS.match(line)]
    return any(_ERROR.search(line) and not _WARNING.search(line) for line in said[-NEAR_END:])


def statement(lines: Sequence[str]) -> list[str]:
    """The lines of an output that tell the failure; the last of them says what it was. Empty for no output.

    Of a Python traceback that is all of it, of any other error its line, and the line before where that introduces it.
    """
    if not lines:
        return []
    traceback = _last_traceback(lines)
    if traceback:
        return traceback
    said = [line for line in lines if not _FOLLOWS.match(line)]
    if not said:
        return [lines[-1]]
    at = first = _place(said)
    if at and _BEGINS.match(said[at - 1]):
        first -= 1
    elif _RAISED.match(said[at]):  # of a traceback that was printed in part
        while first and _IN.search(said[first - 1]):
            first -= 1
    return said[first : at + 1]


def telling(lines: Sequence[str]) -> str:
    """The line of an output that says what went wrong; empty for none."""
    said = statement(lines)
    return " ".join(said) if len(said) == 2 and _BEGINS.match(said[0]) else next(reversed(said), "")  # noqa: PLR2004


def _last_traceback(lines: Sequence[str]) -> list[str]:
    """The last Python traceback, if nothing but what follows an error comes after it."""
    start = next((number for number in range(len(lines) - 1, -1, -1) if _TRACEBACK in lines[number]), None)
    if start is None:
        return []
    end = start + 1
    while end < len(lines) - 1 and _is_of_frame(lines[end - 1], lines[end]):
        end += 1
    rest = [line for line in lines[end + 1 :] if not _FOLLOWS.match(line)]
    return [] if is_error(rest) else list(lines[start : end + 1])


def _is_of_frame(before: str, line: str) -> bool:
    """Whether a line of a traceback is a frame's: where it is, or its code, which the line after that is."""
    if _FRAME.match(line) or _UNDERLINE.match(line):
        return True
    return _FRAME.match(before) is not None and not (before.startswith('File "<') and _RAISED.match(line))


def _place(said: Sequence[str]) -> int:
    """Where the line is that says it: the last, unless that is no complaint and there is an outspoken one near it."""
    last = len(said) - 1
    first = max(0, len(said) - NEAR_END)
    plain = [number for number in range(last, first - 1, -1) if not _WARNING.search(said[number])]
    if not plain:
        return last
    at = plain[0]
    if not _ERROR.search(said[at]):
        at = next((number for number in plain if _STRONG.match(said[number])), at)
    while at and _COMPILERS.match(said[at]) and _COMPILERS.match(said[at - 1]):
        at -= 1
    return at
