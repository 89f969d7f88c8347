"""Interpreters that a compiled program's package depends on: needed where the program starts a script of theirs."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_command
from lambundle.discover.selection.companions import named_in_data
from lambundle.scripts.shebang import SHEBANG_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lambundle.discover.selection.choice import Choice
    from lambundle.machine import Files


def needed_interpreters(choice: Choice, commands: Iterable[str]) -> list[str]:
    """Return the packages, of those that ``choice`` holds back, whose interpreter is needed after all.

    That is where a program, one of its private libraries, or a command that is taken names the interpreter; where
    such a command is a script of the interpreter's; and where scripts of it lie in a directory that a program names,
    as git does for its subcommands. A script that only lies beside the program is no reason. Where the interpreter
    is only recommended, a script is one if the program's data name it.
    """
    if not choice.held_back:
        return []
    started = {*choice.started, *map(choice.files.real, commands)}
    words: set[str] = set()
    for path in (*started, *_private_libraries(choice)):
        words |= choice.texts.started(path)
    scripts = {file: _first_line(choice.files, file) for file in (*started, *_scripts_in_named_directories(choice))}
    return [name for name in choice.held_back if _is_needed(choice, name, words, scripts)]


def _is_needed(choice: Choice, name: str, words: set[str], scripts: Mapping[str, set[str]]) -> bool:
    interpreters = {posixpath.basename(file) for file in choice.db.files(name) if is_command(file)}
    if words & interpreters:
        return True
    own = [file for file, line in scripts.items() if line & interpreters]
    if name in choice.recommended_interpreters:
        own = [file for file in own if named_in_data(choice, choice.db.owner(file) or "", [file])]
    return bool(own)


def _private_libraries(choice: Choice) -> Iterator[str]:
    for package in choice.packages.values():
        if package.own:
            yield from (
                file for file in package.files if ".so" in posixpath.basename(file) and choice.files.is_file(file)
            )


def _scripts_in_named_directories(choice: Choice) -> Iterator[str]:
    named = {path for program in choice.started for path in choice.texts.paths(program)}
    for package in choice.packages.values():
        if package.own:
            yield from (file for file in package.files if posixpath.dirname(file) in named and not is_command(file))


def _first_line(files: Files, path: str) -> set[str]:
    """Names of programs in the first line of a script."""
    head = files.read(path, SHEBANG_MAX)
    words = head[2:].partition(b"\n")[0].split() if head.startswith(b"#!") else []
    return {posixpath.basename(os.fsdecode(word)) for word in words}
