"""Which commands of the chosen packages are wanted: a package may hold a hundred, and a program starts a few."""

from __future__ import annotations

import os
import posixpath
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_command
from lambundle.discover.selection.companions import companions
from lambundle.discover.selection.directory import listed
from lambundle.elf import is_elf
from lambundle.model import Reason

if TYPE_CHECKING:
    from lambundle.discover.selection.choice import Choice
    from lambundle.discover.selection.wanted import Chosen

FEW, MANY = 6, 25
"""Commands up to which a package is one program in parts, and up to which a package is depended on for all."""

SOURCES = (".py", ".pl", ".pm", ".rb", ".js", ".mjs", ".cjs", ".lua", ".tcl", ".php")


class Commands:
    """Commands of the packages that a ``choice`` has chosen so far."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice

    def wanted(self) -> dict[str, Reason]:
        """Return the commands that the programs name, and those that they name in turn; each with the reason.

        Those of a package that a program's own depends on are what it depends on it for, and a package of few
        commands, or of such that cost little, is one whole. A link in such a package to a compiled command of
        another, of which only some are wanted, is that command's other name (lualatex, beside pdflatex): it comes if
        the command does.
        """
        offered: dict[str, list[str]] = {}
        whole: dict[str, Reason] = {}
        some: set[str] = set()
        for package in self._choice.packages.values():
            commands = self._of(package)
            for file in commands:
                offered.setdefault(posixpath.basename(file), []).append(file)
            if len(commands) > (limit := MANY if package.near else FEW if package.own else 0):
                some.update(map(os.path.realpath, commands if limit else ()))
                commands = self._some(package, commands)
            whole.update((file, package.reason) for file in commands)
        names = {
            file: target
            for file in whole
            if os.path.islink(file) and (target := os.path.realpath(file)) in some and is_elf(target)
        }
        taken = self._with_named({file: reason for file, reason in whole.items() if file not in names}, offered)
        real = {*self._choice.started, *map(os.path.realpath, taken)}
        return taken | {file: whole[file] for file, target in names.items() if target in real}

    def _some(self, package: Chosen, commands: list[str]) -> list[str]:
        """Of a package's many commands those that need no naming."""
        named = [file for file in commands if package.near and posixpath.basename(file) in self._own_words]
        return named + (companions(self._choice, package.name, commands) if package.own else [])

    def _with_named(self, taken: dict[str, Reason], offered: dict[str, list[str]]) -> dict[str, Reason]:
        """Add what the programs and the commands taken so far name."""
        waiting = [*self._choice.started, *taken]
        while waiting:
            program = os.path.realpath(waiting.pop())
            for name in sorted(self._choice.texts.started(program) & offered.keys()):
                new = [file for file in offered[name] if file not in taken]
                taken.update((file, Reason("started", program, name)) for file in new)
                waiting += new
        return taken

    def _of(self, package: Chosen) -> list[str]:
        """Return the commands of a package, and their names in the alternatives system."""
        commands = [] if package.library else [file for file in package.files if is_command(file)]
        return commands + [link for file in commands for link in self._alternatives.get(file, ())]

    @cached_property
    def _own_words(self) -> set[str]:
        """Words in the programs' own source texts: Python and its like are not understood any better."""
        words: set[str] = set()
        for package in self._choice.packages.values():
            if package.own:
                words |= self._choice.texts.words(file for file in package.files if file.endswith(SOURCES))
        return words

    @cached_property
    def _alternatives(self) -> dict[str, list[str]]:
        """Links of the alternatives system in directories of commands, by what they lead to in the end."""
        found: dict[str, list[str]] = {}
        for name in listed("/etc/alternatives")[0]:
            link = f"/usr/bin/{posixpath.basename(name)}"
            if os.path.islink(link):
                found.setdefault(os.path.realpath(link), []).append(link)
        return found
