"""This machine, asked as the one that a bundle was packed on: what it has, and whose it is."""

from __future__ import annotations

import os
import platform
import posixpath
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lambundle.errors import LambundleError
from lambundle.machine import DiskFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambundle.bundle.model import PackedOn
    from lambundle.packages import PackageDatabase
    from lambundle.recording.choice import Bounds

MANY = 3
"""A directory of so few names is everybody's: /usr, /usr/lib, /usr/share/fonts."""


class PackingMachine(Protocol):
    """What the check of missing files asks of the packing machine."""

    def is_like(self, packed_on: PackedOn) -> bool:
        """Whether it is of the distribution and architecture that a bundle was packed on."""

    def files(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of ``paths`` that are files here which a bundle may hold: nothing private or temporary."""

    def directories(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those of ``paths`` that are directories here which belong to one package alone."""

    def owner(self, path: str) -> str | None:
        """The package that a file or directory belongs to."""

    def files_below(self, directory: str) -> tuple[str, ...]:
        """The files below a directory that the package which it belongs to brought."""

    def library(self, soname: str, program: str) -> str | None:
        """The path under which ``program`` would find the library ``soname`` here."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of whoever runs verify."""


class ThisMachine:
    """The machine that we run on."""

    def is_like(self, packed_on: PackedOn) -> bool:
        """Compare what os-release(5) and uname(2) say."""
        try:
            distribution = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
        except OSError:
            distribution = "Linux"
        return (distribution, os.uname().machine) == (packed_on.distribution, packed_on.machine)

    def files(self, paths: Iterable[str]) -> tuple[str, ...]:
        """See ``PackingMachine``; a recording chooses by the same rules."""
        from lambundle.recording.choice import choose

        return choose(DiskFiles(), paths, self._bounds)[0]

    def directories(self, paths: Iterable[str]) -> tuple[str, ...]:
        """See ``PackingMachine``."""
        from lambundle.recording.choice import choose_directories

        deep = [path for path in paths if posixpath.normpath(path).count("/") > MANY]
        return tuple(
            path for path in choose_directories(DiskFiles(), deep, self._bounds) if self.owner(path) is not None
        )

    def owner(self, path: str) -> str | None:
        """See ``PackingMachine``; None where the database cannot be read."""
        if self._packages is None:
            return None
        try:
            if not Path(path).is_dir():
                return self._packages.owner(path)
            owners = self._packages.directory_owners(path)
        except LambundleError:
            return None
        return next(iter(owners)) if len(owners) == 1 else None

    def files_below(self, directory: str) -> tuple[str, ...]:
        """See ``PackingMachine``."""
        package = self.owner(directory)
        if self._packages is None or package is None:
            return ()
        top = f"{os.path.realpath(directory)}/"
        return tuple(path for path in self._packages.files(package) if os.path.realpath(path).startswith(top))

    def library(self, soname: str, program: str) -> str | None:
        """See ``PackingMachine``."""
        from lambundle.elf.files import ElfFiles
        from lambundle.elf.walk import Walker

        try:
            return Walker(ElfFiles(DiskFiles())).dlopen(soname, program)
        except LambundleError:
            return None

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of our own process."""
        return os.environ

    @cached_property
    def _bounds(self) -> Bounds:
        from lambundle.recording.choice import Bounds

        homes = {str(Path("~").expanduser()), os.environ.get("HOME", "")}
        return Bounds(_directory(), tuple(sorted(home for home in homes if home.startswith("/"))))

    @cached_property
    def _packages(self) -> PackageDatabase | None:
        from lambundle.packages import detect

        return detect()


def _directory() -> str:
    """The current directory, or, when that is gone with all that was in it, the root, which bounds next to nothing."""
    try:
        return str(Path.cwd())
    except OSError:
        return "/"
