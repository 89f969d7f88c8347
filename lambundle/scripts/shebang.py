"""Scripts: who interprets them, and which programs a shell script starts."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lambundle.scripts.shell_words import command_words

SHEBANG_MAX = 256
"""Bytes of the first line that Linux reads (BINPRM_BUF_SIZE)."""

MAX_SCRIPT = 4 << 20

_SHELLS = re.compile(r"(?:ba|da|a|k|mk|z)?sh")


@dataclass(frozen=True, slots=True)
class Shebang:
    """The first line of a script.

    ``interpreter`` is the absolute path that the line names, ``arguments`` what follows: one word, as Linux
    hands it on. Of ``#!/usr/bin/env NAME`` the interpreter is NAME, found on PATH, and ``env`` is env's
    path; ``-S`` splits the words.
    """

    interpreter: str
    arguments: tuple[str, ...] = ()
    env: str | None = None


def read_shebang(path: str, search: tuple[str, ...]) -> Shebang | None:
    """Read the first line of a file; None when it is not a script, or its ``env`` finds nothing."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(SHEBANG_MAX)
    except OSError:
        return None
    if not head.startswith(b"#!"):
        return None
    line = os.fsdecode(head[2:].partition(b"\n")[0]).strip()
    interpreter, _, argument = line.partition(" ")
    if "\t" in interpreter:
        interpreter, _, argument = line.partition("\t")
    argument = argument.strip()
    if os.path.basename(interpreter) == "env" and argument:
        return _through_env(interpreter, argument, search)
    if not interpreter.startswith("/"):
        return None
    return Shebang(interpreter, (argument,) if argument else ())


def _through_env(env: str, argument: str, search: tuple[str, ...]) -> Shebang | None:
    words = argument.removeprefix("-S").split() if argument.startswith("-S") else [argument]
    if not words or words[0].startswith("-") or "=" in words[0]:
        return None
    found = find_command(words[0], search)
    return None if found is None else Shebang(found, tuple(words[1:]), env)


def find_command(name: str, search: tuple[str, ...]) -> str | None:
    """Find a program on PATH; the answer keeps its links."""
    for directory in search:
        path = os.path.join(os.path.abspath(directory or "."), name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def is_shell(interpreter: str) -> bool:
    """Whether an interpreter is a Bourne shell."""
    return _SHELLS.fullmatch(os.path.basename(interpreter)) is not None


def started_programs(script: str, search: tuple[str, ...]) -> list[str]:
    """Programs that a shell script starts: words where a command can stand that name a program of this machine."""
    try:
        with Path(script).open("rb") as file:
            text = file.read(MAX_SCRIPT).decode("utf-8", "replace")
    except OSError:
        return []
    found: dict[str, None] = {}
    for word in command_words(text):
        path = word if word.startswith("/") else (None if "/" in word else find_command(word, search))
        if path is not None and os.path.isfile(path) and os.access(path, os.X_OK):
            found.setdefault(path)
    return list(found)
