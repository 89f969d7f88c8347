"""Shebangs, and the programs that shell scripts start."""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.scripts.env_line import parse_env
from lambundle.scripts.shell_words import command_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.machine import Files

SHEBANG_MAX = 256
"""Bytes of the first line that Linux reads (BINPRM_BUF_SIZE)."""

MAX_SCRIPT = 4 << 20

SHELL = "/bin/sh"

_MAX_HEAD = 1 << 13
_HANDS_ON = re.compile(rb"#!.*\n'''exec' +(.+?) +\"\$0\" +\"\$@\"")
_OWN_DIRECTORY = '"$(dirname -- "$(realpath -- "$0")")"'

_SHELLS = re.compile(r"(?:ba|da|a|k|mk|z)?sh")


@dataclass(frozen=True, slots=True)
class FirstLine:
    """A shebang as the kernel reads it (execve(2)): the interpreter as written, the rest as one argument."""

    interpreter: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Shebang:
    """A resolved shebang.

    ``interpreter`` is an absolute path, ``arguments`` the rest as one word, as Linux passes it. For ``#!/usr/bin/env
    NAME`` the interpreter is NAME on PATH, ``env`` is env's path, and ``-S`` splits the arguments. ``by_env`` is env's
    argument if env has to start NAME itself, for example with other variables.
    """

    interpreter: str
    arguments: tuple[str, ...] = ()
    env: str | None = None
    by_env: str | None = None


def parse_first_line(head: bytes) -> FirstLine | None:
    """Return the shebang at the start of a file; None without one, or without an interpreter."""
    if not head.startswith(b"#!"):
        return None
    line = os.fsdecode(head[2:SHEBANG_MAX].partition(b"\n")[0]).strip(" \t")
    interpreter, *argument = re.split(r"[ \t]+", line, maxsplit=1)
    return FirstLine(interpreter, *argument) if interpreter else None


def read_shebang(files: Files, path: str, search: Sequence[str]) -> Shebang | None:
    """Return the shebang of a file; None if it is not a script or ``env`` does not find the interpreter.

    ``search`` are the directories of PATH.
    """
    line = parse_first_line(files.read(path, SHEBANG_MAX))
    if line is None:
        return None
    handed_on = _handed_on(files, path) if is_shell(line.interpreter) else None
    if handed_on is not None:
        return handed_on
    if posixpath.basename(line.interpreter) == "env" and line.argument:
        return _through_env(files, line, search)
    if not line.interpreter.startswith("/"):
        return None
    return Shebang(line.interpreter, (line.argument,) if line.argument else ())


def headless_script(files: Files, path: str) -> Shebang | None:
    """Read an executable text without a shebang, which shells and execvp(3) give to ``sh``; None of any other file."""
    head = files.read(path, SHEBANG_MAX)
    is_text = head.strip() and b"\0" not in head and not head.startswith((b"#!", b"\x7fELF"))
    return Shebang(SHELL) if is_text and files.is_executable(path) else None


def _handed_on(files: Files, path: str) -> Shebang | None:
    """Read the line by which pip and uv name a Python whose path is too long for a shebang, or lies beside the script.

    To ``sh`` it is a command, to Python the beginning of a string.
    """
    if b"\n'''exec' " not in files.read(path, SHEBANG_MAX):
        return None
    match = _HANDS_ON.match(files.read(path, _MAX_HEAD))
    if match is None:
        return None
    beside = posixpath.dirname(files.real(path))
    try:
        words = shlex.split(os.fsdecode(match[1]).replace(_OWN_DIRECTORY, shlex.quote(beside)))
    except ValueError:  # a quote without an end
        return None
    return Shebang(posixpath.normpath(words[0]), tuple(words[1:])) if words and words[0].startswith("/") else None


def _through_env(files: Files, line: FirstLine, search: Sequence[str]) -> Shebang | None:
    env = parse_env(line.argument)
    if env is None:
        return None
    found = find_command(files, env.words[0], search if env.search is None else env.search.split(":"))
    if found is None:
        return None
    return Shebang(found, env.words[1:], line.interpreter, line.argument if env.by_env else None)


def find_command(files: Files, name: str, search: Sequence[str]) -> str | None:
    """Return the path of a program in the absolute directories of PATH, links not followed; None without one."""
    for directory in search:
        path = posixpath.join(directory, name)
        if directory.startswith("/") and files.is_executable(path):
            return path
    return None


def is_shell(interpreter: str) -> bool:
    """Return whether an interpreter is a Bourne shell."""
    return _SHELLS.fullmatch(posixpath.basename(interpreter)) is not None


def started_programs(files: Files, script: str, search: Sequence[str]) -> list[str]:
    """Return the programs that a shell script starts: command words that name an executable."""
    text = files.read(script, MAX_SCRIPT).decode("utf-8", "replace")
    found: dict[str, None] = {}
    known = {name for directory in search if directory.startswith("/") for name in files.names(directory)}
    for word in command_words(text):
        path = word if word.startswith("/") else (find_command(files, word, search) if word in known else None)
        if path is not None and files.is_executable(path):
            found.setdefault(path)
    return list(found)
