"""Interpreters that the package of a compiled program depends on: needed if the program starts their scripts."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_command
from lambundle.discover.selection.cheap_commands import named_in_data
from lambundle.scripts.shebang import SHEBANG_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lambundle.discover.selection.packages import PackageSelection
    from lambundle.machine import Files


def needed_interpreters(selection: PackageSelection, commands: Iterable[str]) -> list[str]:
    """Return the packages in ``selection.held_back`` whose interpreter is needed.

    It is needed if a program, a private library or a selected command names it; if such a command is one of its
    scripts; and if its scripts are in a directory that a program names, as git does for its subcommands. A script
    beside the program is not enough. For a recommended interpreter the program's data must name the script.
    """
    if not selection.held_back:
        return []
    started = {*selection.programs, *map(selection.files.real, commands)}
    words: set[str] = set()
    for path in (*started, *_private_libraries(selection)):
        words |= selection.evidence.started_names(path)
    scripts = {
        file: _first_line(selection.files, file) for file in (*started, *_scripts_in_named_directories(selection))
    }
    return [name for name in selection.held_back if _is_needed(selection, name, words, scripts)]


def _is_needed(selection: PackageSelection, name: str, words: set[str], scripts: Mapping[str, set[str]]) -> bool:
    interpreters = {posixpath.basename(file) for file in selection.db.files(name) if is_command(file)}
    if words & interpreters:
        return True
    own = [file for file, line in scripts.items() if line & interpreters]
    if name in selection.recommended_interpreters:
        own = [file for file in own if named_in_data(selection, selection.db.owner(file) or "", [file])]
    return bool(own)


def _private_libraries(selection: PackageSelection) -> Iterator[str]:
    for package in selection.chosen.values():
        if package.root:
            yield from (
                file for file in package.files if ".so" in posixpath.basename(file) and selection.files.is_file(file)
            )


def _scripts_in_named_directories(selection: PackageSelection) -> Iterator[str]:
    named = {path for program in selection.programs for path in selection.evidence.paths(program)}
    for package in selection.chosen.values():
        if package.root:
            yield from (file for file in package.files if posixpath.dirname(file) in named and not is_command(file))


def _first_line(files: Files, path: str) -> set[str]:
    """Return the names of programs in a shebang."""
    head = files.read(path, SHEBANG_MAX)
    words = head[2:].partition(b"\n")[0].split() if head.startswith(b"#!") else []
    return {posixpath.basename(os.fsdecode(word)) for word in words}
