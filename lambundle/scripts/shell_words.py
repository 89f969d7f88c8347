"""Command words of shell scripts (sh(1), "Shell Grammar").

The parser is approximate, since a script can compute any name. Quotes, here-documents and labels of ``case`` are text,
except command substitutions and quotes around a single word or variable. A variable that is assigned a plain word, as
in ``FIND=find``, has that value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXT = re.compile(
    r"""
      \\.
    | (?<![^\s;&|(`]) \# [^\n]*                                                              # a comment
    | <<-? [ \t]* \\? (?P<mark>['"]?) (?P<end>\w+) (?P=mark) (?P<rest>[^\n]*) \n .*? ^\t*(?P=end)$   # a here-document
    | '(?P<single>[^']*)'
    | "(?P<double>(?:[^"\\]|\\.)*)"
    """,
    re.DOTALL | re.VERBOSE | re.MULTILINE,
)
_WORD = re.compile(r"[A-Za-z0-9_./+-]+")
_SUBSTITUTION = re.compile(r"\$\([^()]*\)?|`[^`]*`?")
_LABEL = re.compile(r"(?:^|;;|\bin\b)[ \t]*\(?[^\s()|;&`$]+(?:[ \t]*\|[ \t]*[^\s()|;&`$]+)*[ \t]*\)", re.MULTILINE)
_COMMAND = re.compile(
    r"""
    (?: ^ | [;&|(`!{] )
    \s* (?: (?:if|then|do|else|elif|while|until|exec|command|nohup|nice|env|time|xargs|eval) \s+ (?:[-$]\S+\s+)*
         | [A-Za-z_][A-Za-z0-9_]*=[^\s`(]*\s+ )*
    ([A-Za-z0-9_./+-]+) (?= [\s;&|()`<>] | $ )
    """,
    re.MULTILINE | re.VERBOSE,
)
_STARTED_BY = re.compile(
    r"(?:^|[\s;&|(`!{])(?:stdbuf|eatmydata|fakeroot|setsid|timeout)[ \t]+(?:(?:-\S*|[\d.]+[smhd]?|L)[ \t]+)*"
    r"([A-Za-z0-9_./+-]+)(?=[\s;&|()`<>]|$)",
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
    rf"""
    (?: ^ | [;&|(`!{{] )
    \s* (?: (?:if|then|do|else|elif|while|until|exec|command|nohup|nice|env|time|xargs|eval) \s+
         | [A-Za-z_][A-Za-z0-9_]*=[^\s`(]*\s+ )*
    (?:'')? {_VARIABLE.pattern} (?= [\s;&|()`<>] | $ )
    """,
    re.MULTILINE | re.VERBOSE,
)


def command_words(text: str) -> list[str]:
    """Return the words of a shell script in command position, each once; values of variables last."""
    code = _LABEL.sub("\n", _without_text(text))
    by_default = _COMMAND.findall(_DEFAULT.sub(r"\1", code)) if _DEFAULT.search(code) else []
    started = _STARTED_BY.findall(code)
    return list(dict.fromkeys([*_COMMAND.findall(code), *started, *by_default, *_in_variables(code)]))


def _in_variables(code: str) -> Iterator[str]:
    """Return the words assigned to variables in command position."""
    words: dict[str, list[str]] = {}
    for name, word in _ASSIGNMENT.findall(code):
        words.setdefault(name, []).append(word)
    for braced, plain in _VARIABLE_AS_COMMAND.findall(code):
        yield from words.get(braced or plain, ())


def all_words(text: str) -> set[str]:
    """Return all words of a shell script outside of text: a variable may be a command."""
    return set(_WORD.findall(_without_text(text)))


def _without_text(text: str) -> str:
    """Return a script without its text."""
    return _TEXT.sub(_kept, text)


def _kept(match: re.Match[str]) -> str:
    if match["end"] is not None:
        return f" {_without_text(match['rest'])}\n"
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
