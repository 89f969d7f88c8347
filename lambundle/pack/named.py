"""Adds to a gathering the programs and files that the user named or recorded."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.errors import LambundleError, UsageError
from lambundle.gather.candidate import Candidate
from lambundle.gather.mirror import is_host_file
from lambundle.gather.programs import Requested, resolve
from lambundle.target import MACHINES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.gather.gathering import Gathering
    from lambundle.machine import Machine


def add_program(gathering: Gathering, program: Requested) -> None:
    """Add a program with its closure, a script with its interpreters. Raises UsageError if it is excluded."""
    for path in (program.path, program.started):
        if gathering.excludes(path):
            raise UsageError(
                f"--exclude leaves out {path}, which starts {program.launcher}",
                hint="exclude less, or do not pack that program",
            )
    reason = Reason("program", None, program.launcher)
    if program.interpreter is None or program.script is None:
        gathering.load(program.path, reason)
        return
    gathering.mirror.add(program.path, reason)
    add_interpreters(gathering, program)


def added_programs(machine: Machine, paths: Iterable[str], architecture: str) -> list[Requested]:
    """Return the programs of an architecture among the files that the user adds, which get what a requested one gets.

    Directories, libraries and data are none, nor are files that only look like a program.
    """
    found = []
    for path in map(machine.absolute, paths):
        if not (machine.files.is_file(path) and machine.files.is_executable(path)):
            continue
        try:
            program = resolve(machine, path)
        except LambundleError:  # data like any other
            continue
        if MACHINES[program.elf.machine] == architecture:
            found.append(program)
    return found


def add_interpreters(gathering: Gathering, program: Requested) -> None:
    """Add the interpreters of a script, with their closure."""
    if program.interpreter is None or program.script is None:
        return
    interprets = Reason("interpreter", program.real)
    if program.script.env is not None:
        gathering.load(program.script.env, interprets)
        if gathering.machine.own and posixpath.dirname(program.interpreter) == gathering.machine.own:
            gathering.notes.append(
                f"{program.launcher} runs with {program.interpreter}, the interpreter of lambundle's own environment: "
                "PATH has no other"
            )
    for path in program.between:
        gathering.mirror.add(path, interprets)
    gathering.load(program.interpreter, interprets)


def add_recorded(gathering: Gathering, paths: Iterable[str]) -> None:
    """Add the files of a recording, with the closure of ELF files."""
    reason = Reason("recorded")
    gathering.add(Candidate(path, reason) for path in paths)


def add_named(gathering: Gathering, path: str) -> None:
    """Add a file or directory of the user's, with the closure of the ELF files in it."""
    absolute = gathering.machine.absolute(path)
    reason = Reason("add", None, path)
    files = gathering.files
    if files.exists(absolute) and not (files.is_file(absolute) or files.is_directory(absolute)):
        raise UsageError(f"--add {path}: it is a pipe, socket or device, not a file", hint="add files and directories")
    if gathering.mirror.add(absolute, reason) is None and is_host_file(files.real(absolute)):
        gathering.notes.append(f"--add {path} adds nothing: the host has its own, which no bundle replaces")
    for real in gathering.mirror.add_tree(absolute, reason):
        gathering.walk_if_elf(real, optional=real != gathering.files.real(absolute))
