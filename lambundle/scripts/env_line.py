"""What ``env`` makes of the one argument that a shebang gives it (env(1), ``-S``)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPLIT = re.compile(r"-([iv0]*)S(.*)|--split-string=(.*)", re.DOTALL)
_FLAGS = frozenset({"-", "-i", "-v", "-0", "-iv", "-vi", "--ignore-environment", "--debug", "--null"})
_WITH_VALUE = frozenset({"-u", "-C", "-a", "--unset", "--chdir", "--argv0"})
_OTHER = re.compile(r"-[uCa].|--(?:unset|chdir|argv0|(?:block|default|ignore)-signal)=?|--list-signal-handling$")
_ESCAPES = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "_": " "} | {same: same for same in "\"#$'\\"}
_PART = re.compile(
    r"""(?P<space>(?:[ \t\n\v\f\r]|\\_)+)|'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)\""""
    r"""|(?P<end>\\c)|(?P<escape>\\.)|(?P<text>[^ \t\n\v\f\r'"\\]+)""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class EnvLine:
    """The program that ``env`` starts, with its arguments.

    ``by_env`` is true where only env itself can start it as it is to be: with other variables, or in another directory.
    ``search`` is the value of PATH that the line sets, None if it sets none.
    """

    words: tuple[str, ...]
    by_env: bool = False
    search: str | None = None


def parse_env(argument: str) -> EnvLine | None:
    """Read env's argument; None where it starts no program, or is not understood."""
    words, by_env, search = [argument], False, None
    while words and words[0].startswith("-"):
        word = words.pop(0)
        split = _SPLIT.fullmatch(word)
        if word == "--":
            break
        if split is not None:
            text = split[2] or split[3] or "".join(words[:1])
            words = words if split[2] or split[3] else words[1:]  # it may be a word of its own
            parts = _split(text)
            if parts is None:
                return None
            words[:0] = parts
            by_env |= bool(split[1]) or "$" in text
        elif word in _WITH_VALUE:
            by_env = True
            words[:1] = []
        elif word in _FLAGS or _OTHER.match(word):
            by_env = True
        else:
            return None
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        by_env = True
        search = value if name == "PATH" else search
    return EnvLine(tuple(words), by_env, search) if words and words[0] else None


def _split(text: str) -> list[str] | None:
    """Split as ``-S`` does: words in quotes, escapes, and a comment; None where env would refuse it."""
    words: list[str] = []
    word: str | None = None
    at = 0
    for match in _PART.finditer(text):
        plain = _plain(match)
        if match.start() != at or plain is None:
            return None
        at = match.end()
        if match["end"] or (match["text"] and word is None and plain.startswith("#")):
            at = len(text)
            break
        if match["space"]:
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + plain
    if at != len(text):  # a quote without an end
        return None
    return words if word is None else [*words, word]


def _plain(part: re.Match[str]) -> str | None:
    """Return what a part stands for, None for an escape that env does not know."""
    if part["single"] is not None:
        return re.sub(r"\\([\\'])", r"\1", part["single"])
    if part["double"] is None and part["escape"] is None:
        return part[0]
    escapes = re.findall(r"\\(.)|([^\\]+)", part["escape"] or part["double"], re.DOTALL)
    if any(escape and escape not in _ESCAPES for escape, _ in escapes):
        return None
    return "".join(_ESCAPES[escape] if escape else text for escape, text in escapes)
