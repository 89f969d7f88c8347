"""Packages that are parts of a program: those it was split from, the back ends of a front end, helpers."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.discover.evidence import FileEvidence
    from lambundle.discover.selection.catalogue import Catalogue

WORTH = 2
"""Size of a program relative to a helper that it only names, each with its dependencies."""

SHOWING = 4
"""A package that needs a display is left out if it has at most this many plug-ins."""


class Parts:
    """Parts of programs, by the names of packages, names in programs and source packages."""

    def __init__(self, catalogue: Catalogue, evidence: FileEvidence) -> None:
        self._catalogue = catalogue
        self._db = catalogue.db
        self._rules = catalogue.rules
        self._files = catalogue.files
        self._evidence = evidence

    def split_from(self, name: str) -> Iterator[str]:
        """Return the installed packages that a package was split from: python3 for python3-minimal."""
        for whole in sorted({name.removesuffix(suffix) for suffix in self._rules.split_suffixes} - {name}):
            if self._db.package(whole) is not None and name in self._catalogue.closure(whole):
                yield whole

    def behind_front_end(self, owner: str, path: str) -> Iterator[str]:
        """Return the reverse dependencies of a front end's owner that have its back end.

        This is a file of the same name that is no command, such as psql for pg_wrapper, or a command that a script
        names, such as ghdl-mcode for ghdl.
        """
        real = self._files.real(path)
        commands = frozenset() if self._evidence.is_elf(real) else self._evidence.started_names(real)
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
        """Return whether a package of a program's source is a part of it; other programs are if this one names them."""
        programs = {
            posixpath.basename(file)
            for file in self._db.files(name)
            if ".so" not in file and self._files.is_executable(file) and self._evidence.is_elf(file)
        }
        if programs:
            return bool(programs & self._evidence.started_names(real)) and self.is_small_helper(name, real)
        plugins = sum(file.endswith(".so") for file in self._db.files(name))
        return plugins > SHOWING or not self._catalogue.needs_display(name)

    def is_small_helper(self, name: str, real: str) -> bool:
        """Return whether a helper that a program only names adds at most 1/WORTH of the program's own size.

        gpg names gpg-agent, which has the dependencies of gpg, and dirmngr, whose network libraries are larger than
        all of gpg.
        """
        if self._evidence.started_names(real) and not self._evidence.is_elf(
            real
        ):  # a shell script names the programs that it starts
            return True
        own = self._catalogue.closure(self._db.owner(real) or name)
        more = self._catalogue.closure(name) - own
        return WORTH * self._catalogue.weight(more) <= self._catalogue.weight(own)
