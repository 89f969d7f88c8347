"""Command words of shell scripts (sh(1), "Shell Grammar").

The parser is approximate, since a script can compute any name. Quotes, here-documents and labels of ``case`` are text,
except command substitutions and quotes around a single word or variable. A variable that is assigned a plain word, as
in ``FIND=find``, has that value.

A script may be anybody's: each pattern takes time in proportion to the text. What repeats is possessive or has a bound,
and no pattern runs over places where it could begin again.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXT = re.compile(
    r"""
      \\.
    | (?<![^\s;&|(`]) \# [^\n]*                                                              # a comment
    | <<-? [ \t]*+ \\? (?P<mark>['"]?) (?P<end>\w++) (?P=mark)          # the head of a here-document
    | '(?P<single>[^']*+)'
    | "(?P<double>(?:[^"\\]++|\\.)*+)"
    """,
    re.DOTALL | re.VERBOSE,
)
_LINE = re.compile(r"^\t*+(\w++)$", re.MULTILINE)

MAX_WORDS = 1 << 14
"""Most words of one script that are taken for commands; configure scripts, the largest, have some two thousand."""

_WORD = re.compile(r"[A-Za-z0-9_./+-]+")
_SUBSTITUTION = re.compile(r"\$\([^()]*\)?|`[^`]*`?")
_LABEL = re.compile(
    r"(?:^|;;|\bin\b)[ \t]*+\(?[^\s()|;&`$]{1,256}+"
    r"(?:[ \t]{0,64}\|[ \t]{0,64}+[^\s()|;&`$]{1,256}+){0,64}[ \t]{0,64}\)",
    re.MULTILINE,
)
_OPTIONS = r"(?:[-$]\S{1,256}+\s{1,99}+){0,16}"


def _before(options: str) -> str:
    """Return what stands before a command: where one may begin, words that start others, and assignments."""
    return rf"""
        (?: ^ | [;&|(`] | [!{{](?=\s) )
        [ \t\r\f\v]*+
        (?: (?:if|then|do|else|elif|while|until|exec|command|nohup|nice|env|time|xargs|eval) \s{{1,99}}+ {options}
         | [A-Za-z_][A-Za-z0-9_]{{0,64}}+=[^\s`(;&|]{{0,1024}}+[ \t]++ ){{0,32}}
    """


_COMMAND = re.compile(
    rf"{_before(_OPTIONS)} (?!(?:if|then|do|else|elif|while|until)\s) ([A-Za-z0-9_./+-]++) (?= [\s;&|()`<>] | $ )",
    re.MULTILINE | re.VERBOSE,
)
_STARTED_BY = re.compile(
    r"(?:^|[\s;&|(`!{])(?:stdbuf|eatmydata|fakeroot|setsid|timeout)[ \t]{1,16}+"
    r"(?:(?:-\S{0,256}+|[\d.]{1,16}+[smhd]?|L)[ \t]{1,16}+){0,16}([A-Za-z0-9_./+-]++)(?=[\s;&|()`<>]|$)",
    re.MULTILINE,
)
"""A command that another starts, which is needed too: with a library of its own, or in another session or time."""
_ASSIGNMENT = re.compile(
    r"(?:^|[;&|({]|\b(?:then|do|else|export|readonly|local|declare|typeset))[ \t]*"
    r"([A-Za-z_]\w*)=(?:\$\{\w+:?-)?([A-Za-z0-9_./+-]+)\}?(?=[\s;&|)}]|$)",
    re.MULTILINE,
)
_DEFAULT = re.compile(r"\$\{[A-Za-z_]\w*:?[-=]([A-Za-z0-9_./+-]+)\}")
"""A variable with the word that it stands for where nobody set it."""
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_VARIABLE_AS_COMMAND = re.compile(
    rf"{_before('')} (?:\'\')? {_VARIABLE.pattern} (?= [\s;&|()`<>] | $ )", re.MULTILINE | re.VERBOSE
)


def command_words(text: str) -> list[str]:
    """Return the words of a shell script in command position, each once; values of variables last."""
    code = _LABEL.sub("\n", _without_text(text))
    by_default = _COMMAND.findall(_DEFAULT.sub(r"\1", code)) if _DEFAULT.search(code) else []
    started = _STARTED_BY.findall(code)
    found = dict.fromkeys([*_COMMAND.findall(code), *started, *by_default, *_in_variables(code)])
    return list(islice(found, MAX_WORDS))


def _in_variables(code: str) -> Iterator[str]:
    """Return the words assigned to variables in command position."""
    words: dict[str, list[str]] = {}
    for name, word in _ASSIGNMENT.findall(code):
        words.setdefault(name, []).append(word)
    for name in dict.fromkeys(braced or plain for braced, plain in _VARIABLE_AS_COMMAND.findall(code)):
        yield from words.get(name, ())


def all_words(text: str) -> set[str]:
    """Return all words of a shell script outside of text: a variable may be a command."""
    return set(_WORD.findall(_without_text(text)))


def _without_text(text: str) -> str:
    """Return a script without its text."""
    parts = []
    at = 0
    ends = _Ends(text)
    while (match := _TEXT.search(text, at)) is not None:
        parts.append(text[at : match.start()])
        at = match.end()
        if match["end"] is None:
            parts.append(_kept(match))
        elif (found := ends.after(match["end"], at)) is not None:
            line, at = found
            parts.append(f" {_without_text(line)}\n")
        else:  # no here-document but a shift, in arithmetic
            at = match.start() + len("<<")
            parts.append("<<")
    return "".join((*parts, text[at:]))


class _Ends:
    """The lines of a script that could end a here-document, listed once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends: dict[str, list[int]] | None = None
        self._line_end = -1

    def after(self, word: str, at: int) -> tuple[str, int] | None:
        """Return the rest of a line, and where the first line below it ends that is the word; None without one.

        Places are asked for in their order.
        """
        if self._ends is None:
            self._ends = {}
            for match in _LINE.finditer(self._text):
                self._ends.setdefault(match[1], []).append(match.end())
        if self._line_end < at:
            self._line_end = self._text.find("\n", at)
            if self._line_end < 0:
                self._line_end = len(self._text)
        ends = self._ends.get(word, [])
        found = bisect_left(ends, self._line_end + 1)
        return (self._text[at : self._line_end], ends[found]) if found < len(ends) else None


def _kept(match: re.Match[str]) -> str:
    quoted = match["single"] if match["single"] is not None else match["double"]
    if quoted is None:
        return ""
    if _WORD.fullmatch(quoted):
        return quoted
    if match["double"] is not None and _DEFAULT.fullmatch(quoted):
        return quoted
    if match["double"] is not None and _VARIABLE.fullmatch(quoted):
        return f"''{quoted}"
    return "''" + " ".join(_SUBSTITUTION.findall(match["double"] or ""))
