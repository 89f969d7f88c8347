"""Which commands of the chosen packages are wanted: a package may hold a hundred, and a program starts a few."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.rules import is_command
from lambundle.discover.selection.companions import CHEAP, companions, size

if TYPE_CHECKING:
    from lambundle.discover.selection.choice import Choice
    from lambundle.gather.wanted import Chosen

FEW, MANY = 6, 25
"""Commands up to which a package is one program in parts, and up to which a package is depended on for all."""


class Commands:
    """Commands of the packages that a ``choice`` has chosen so far."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._files = choice.files

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
            if not self._is_whole(package, commands):
                some.update(map(self._files.real, commands if package.own or package.near else ()))
                commands = self._some(package, commands)
            whole.update((file, package.reason) for file in commands)
        names = {
            file: target
            for file in whole
            if self._files.is_link(file)
            and (target := self._files.real(file)) in some
            and self._choice.texts.is_elf(target)
        }
        taken = self._with_named({file: reason for file, reason in whole.items() if file not in names}, offered)
        real = {*self._choice.started, *map(self._files.real, taken)}
        return taken | {file: whole[file] for file, target in names.items() if target in real}

    def _is_whole(self, package: Chosen, commands: list[str]) -> bool:
        """Whether all commands of a package are wanted: it has few, or is depended on for them and they are small."""
        if package.near:
            return len(commands) <= MANY or size(self._files, commands) <= CHEAP
        return package.own and len(commands) <= FEW

    def _some(self, package: Chosen, commands: list[str]) -> list[str]:
        """Of a package's many commands those that need no naming by a program, or that its source texts name."""
        named = [file for file in commands if posixpath.basename(file) in self._words]
        is_asked_for = package.own and package.name not in self._choice.started_by_scripts
        return named + (companions(self._choice, package.name, commands) if is_asked_for else [])

    @cached_property
    def _words(self) -> set[str]:
        return self._choice.own_words()

    def _with_named(self, taken: dict[str, Reason], offered: dict[str, list[str]]) -> dict[str, Reason]:
        """Add what the programs and the commands taken so far name."""
        waiting = [*self._choice.started, *taken]
        while waiting:
            program = self._files.real(waiting.pop())
            for name in sorted(self._choice.texts.started(program) & offered.keys()):
                new = [file for file in offered[name] if file not in taken]
                taken.update((file, Reason("started", program, name)) for file in new)
                waiting += new
        return taken

    def _of(self, package: Chosen) -> list[str]:
        """Return the commands of a package, and their names in the alternatives system."""
        if package.library:
            return []
        links = [link for file in package.files for link in self._alternatives.get(file, ())]
        return [file for file in package.files if is_command(file)] + links

    @cached_property
    def _alternatives(self) -> dict[str, list[str]]:
        """Links of the alternatives system in directories of commands, by what they lead to in the end."""
        found: dict[str, list[str]] = {}
        for item in self._files.items("/etc/alternatives"):
            link = f"/usr/bin/{item.name}"
            if self._files.is_link(link):
                found.setdefault(self._files.real(link), []).append(link)
        return found
