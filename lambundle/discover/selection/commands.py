"""Selection of commands: a package may have a hundred, of which a program starts a few."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.rules import is_command
from lambundle.discover.selection.cheap_commands import CHEAP, cheap_commands, size

if TYPE_CHECKING:
    from lambundle.discover.selection.packages import PackageSelection
    from lambundle.discover.selection.selected import SelectedPackage

FEW, MANY = 6, 25
"""Most commands of a root and of a direct package that are all selected."""


class Commands:
    """Commands of the packages that were selected so far."""

    def __init__(self, selection: PackageSelection) -> None:
        self._selection = selection
        self._files = selection.files

    def selected(self) -> dict[str, Reason]:
        """Return the commands that the programs name, directly or through other commands, each with the reason.

        All commands of a direct dependency are selected, and of a package with few or small ones. A link in such a
        package to a compiled command of a package of which only some are selected (lualatex to luahbtex) is selected
        with its target.
        """
        available: dict[str, list[str]] = {}
        complete: dict[str, Reason] = {}
        some: set[str] = set()
        for package in self._selection.chosen.values():
            commands = self._of(package)
            for file in commands:
                available.setdefault(posixpath.basename(file), []).append(file)
            if not self._is_complete(package, commands):
                some.update(map(self._files.real, commands if package.root or package.direct else ()))
                commands = self._some(package, commands)
            complete.update((file, package.reason) for file in commands)
        names = {
            file: target
            for file in complete
            if self._files.is_link(file)
            and (target := self._files.real(file)) in some
            and self._selection.evidence.is_elf(target)
        }
        taken = self._with_named({file: reason for file, reason in complete.items() if file not in names}, available)
        real = {*self._selection.programs, *map(self._files.real, taken)}
        return taken | {file: complete[file] for file, target in names.items() if target in real}

    def _is_complete(self, package: SelectedPackage, commands: list[str]) -> bool:
        """Return whether all commands of a package are selected."""
        if package.whole:
            return True
        if package.direct:
            return len(commands) <= MANY or size(self._files, commands) <= CHEAP
        return package.root and len(commands) <= FEW

    def _some(self, package: SelectedPackage, commands: list[str]) -> list[str]:
        """Return the commands that source files name, and the cheap ones of a package that was requested."""
        named = [file for file in commands if posixpath.basename(file) in self._words]
        is_requested = package.root and package.name not in self._selection.started_by_scripts
        return named + (cheap_commands(self._selection, package.name, commands) if is_requested else [])

    @cached_property
    def _words(self) -> set[str]:
        return self._selection.own_words()

    def _with_named(self, taken: dict[str, Reason], available: dict[str, list[str]]) -> dict[str, Reason]:
        """Add the commands that the programs and the commands in ``taken`` name."""
        waiting = [*self._selection.programs, *taken]
        while waiting:
            program = self._files.real(waiting.pop())
            for name in sorted(self._selection.evidence.started_names(program) & available.keys()):
                new = [file for file in available[name] if file not in taken]
                taken.update((file, Reason("started", program, name)) for file in new)
                waiting += new
        return taken

    def _of(self, package: SelectedPackage) -> list[str]:
        """Return the commands of a package and their links in the alternatives system."""
        if package.library and not package.whole:
            return []
        links = [link for file in package.files for link in self._alternatives.get(file, ())]
        return [file for file in package.files if is_command(file)] + links

    @cached_property
    def _alternatives(self) -> dict[str, list[str]]:
        """Links of the alternatives system in /usr/bin, by their final target."""
        found: dict[str, list[str]] = {}
        for item in self._files.items("/etc/alternatives"):
            link = f"/usr/bin/{item.name}"
            if self._files.is_link(link):
                found.setdefault(self._files.real(link), []).append(link)
        return found
