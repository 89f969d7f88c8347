"""Shell scripts: the words that stand where a command can.

Read loosely: a script can build any name. What stands in quotes, in here-documents and in the labels of ``case`` is
text, except command substitutions, and quotes around a single word, which may be a command's path.
"""

from __future__ import annotations

import re

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


def command_words(text: str) -> list[str]:
    """Words of a shell script that stand where a command can, each once."""
    return list(dict.fromkeys(_COMMAND.findall(_LABEL.sub("\n", _without_text(text)))))


def all_words(text: str) -> set[str]:
    """Words of a shell script that stand anywhere but in text: a command may come from a variable."""
    return set(_WORD.findall(_without_text(text)))


def _without_text(text: str) -> str:
    """The script without what is text in it."""
    return _TEXT.sub(_kept, text)


def _kept(match: re.Match[str]) -> str:
    if match["end"] is not None:
        return f" {_without_text(match['rest'])}\n"
    quoted = match["single"] if match["single"] is not None else match["double"]
    if quoted is None:
        return ""
    if _WORD.fullmatch(quoted):
        return quoted
    return "''" + " ".join(_SUBSTITUTION.findall(match["double"] or ""))
