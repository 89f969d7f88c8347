"""Which packages are parts of a program: the package it was split from, what a front end starts, helpers."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.discover.evidence import Texts
    from lambundle.discover.selection.catalogue import Catalogue

WORTH = 2
"""How many times as large as a helper a program must be, each with its dependencies, if only a name speaks for it."""

SHOWING = 4
"""Plug-ins of one package up to which all are taken for a display's, if the package can show anything."""


class Parts:
    """Packages that belong to a program by name, by its text or by its source package."""

    def __init__(self, catalogue: Catalogue, texts: Texts) -> None:
        self._catalogue = catalogue
        self._db = catalogue.db
        self._rules = catalogue.rules
        self._files = catalogue.files
        self._texts = texts

    def wholes(self, name: str) -> Iterator[str]:
        """Give the installed packages that a part's name points to: python3-minimal to python3, perl-base to perl."""
        for whole in sorted({name.removesuffix(suffix) for suffix in self._rules.part_suffixes} - {name}):
            if self._db.package(whole) is not None and name in self._catalogue.closure(whole):
                yield whole

    def behind_front_end(self, owner: str, path: str) -> Iterator[str]:
        """Give the packages that depend on the owner of a front end and hold the program behind it.

        One of the same name that is no command, as psql behind pg_wrapper, which has many names; or a command that
        a front end names, as ghdl-mcode behind the script ghdl.
        """
        real = self._files.real(path)
        commands = frozenset() if self._texts.is_elf(real) else self._texts.started(real)
        helpers = {posixpath.basename(path)} - {posixpath.basename(real)}
        if not (commands or helpers):
            return
        for dependent in self._catalogue.dependents(owner):
            for file in self._db.files(dependent):
                names = commands if is_command(file) else helpers
                if posixpath.basename(file) in names and self._files.is_executable(file):
                    yield dependent
                    break

    def is_part(self, name: str, real: str) -> bool:
        """Whether a package of a program's source is a part of it: another program is, if this one names it."""
        programs = {
            posixpath.basename(file)
            for file in self._db.files(name)
            if ".so" not in file and self._files.is_executable(file) and self._texts.is_elf(file)
        }
        if programs:
            return bool(programs & self._texts.started(real)) and self.is_worth_it(name, real)
        plugins = sum(file.endswith(".so") for file in self._db.files(name))
        return plugins > SHOWING or not self._catalogue.needs_display(name)

    def is_worth_it(self, name: str, real: str) -> bool:
        """Whether a helper for which only its name speaks is a small one: half of what the program itself needs.

        gpg names gpg-agent, which needs what gpg needs, and dirmngr, which asks directories in the network by
        protocols whose libraries are larger than all of gpg. What a program cannot do without it depends on.
        """
        if self._texts.started(real) and not self._texts.is_elf(real):  # a shell script names little else
            return True
        own = self._catalogue.closure(self._db.owner(real) or name)
        more = self._catalogue.closure(name) - own
        return WORTH * self._catalogue.weight(more) <= self._catalogue.weight(own)
