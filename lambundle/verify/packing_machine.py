"""The packing machine as verify asks it: which files it has, and their packages."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.errors import LambundleError
from lambundle.machine import DEFAULT_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambundle.bundle.model import PackedOn
    from lambundle.machine import Machine
    from lambundle.packages import PackageDatabase
    from lambundle.recording.filter import Bounds

MANY = 3
"""A directory of so few names is everybody's: /usr, /usr/lib, /usr/share/fonts."""


class PackingMachine:
    """Verify's questions to ``machine``."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.architecture = machine.architecture

    def is_like(self, packed_on: PackedOn) -> bool:
        """Whether a bundle was packed on this distribution and architecture."""
        return (self.machine.distribution, self.architecture) == (packed_on.distribution, packed_on.machine)

    def files(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of ``paths`` that are files here which a bundle may hold, as a recording chooses them."""
        from lambundle.recording.filter import choose

        return choose(self.machine.files, paths, self._bounds)[0]

    def directories(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of ``paths`` that are directories here which belong to one package alone."""
        from lambundle.recording.filter import choose_directories

        deep = [path for path in paths if posixpath.normpath(path).count("/") > MANY]
        found = choose_directories(self.machine.files, deep, self._bounds)
        return tuple(path for path in found if self.owner(path) is not None)

    def real(self, path: str) -> str:
        """The real path of a file here."""
        return self.machine.files.real(path)

    def owner(self, path: str) -> str | None:
        """The package of a file or directory; None where the database cannot be read."""
        if self._packages is None:
            return None
        try:
            if not self.machine.files.is_directory(path):
                return self._packages.owner(path)
            owners = self._packages.directory_owners(path)
        except LambundleError:
            return None
        return next(iter(owners)) if len(owners) == 1 else None

    def library(self, soname: str, program: str) -> str | None:
        """The path under which ``program`` would find the library ``soname``."""
        from lambundle.elf.files import ElfFiles
        from lambundle.elf.walk import Walker

        try:
            return Walker(ElfFiles(self.machine.files)).dlopen(soname, program)
        except LambundleError:
            return None

    def command(self, name: str) -> str | None:
        """A program of that name as ``pack`` takes it: the name if it is on PATH, else its path; None for none."""
        from lambundle.scripts.shebang import find_command

        if find_command(self.machine.files, name, self.machine.search) is not None:
            return name
        return find_command(self.machine.files, name, DEFAULT_PATH.split(":"))

    def has(self, path: str) -> bool:
        """Whether there is anything at a path."""
        return self.machine.files.exists(path)

    def holding(self, soname: str) -> tuple[str, ...]:
        """Where a library lies that no search finds: in LD_LIBRARY_PATH, then in the packages."""
        files = self.machine.files
        named = [path for top in self.machine.library_path if files.is_file(path := posixpath.join(top, soname))]
        if named or self._packages is None:
            return tuple(named)
        try:
            every = (path for package in self._packages.packages() for path in self._packages.files(package))
            return tuple(path for path in every if path.endswith(f"/{soname}") and files.is_file(path))
        except LambundleError:
            return ()

    @property
    def environment(self) -> Mapping[str, str]:
        """The user's variables."""
        return self.machine.variables

    @cached_property
    def _bounds(self) -> Bounds:
        from lambundle.recording.filter import Bounds

        return Bounds(self.machine.directory, self.machine.home_directories)

    @cached_property
    def _packages(self) -> PackageDatabase | None:
        from lambundle.packages import detect

        return detect(self.machine.files)
