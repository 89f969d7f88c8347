"""Sources of what an installation compiled: the tables of a dictionary beside the dictionary that is configured."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_command
from lambundle.discover.selection.configured import configured_directories

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.discover.selection.packages import PackageSelection
    from lambundle.discover.selection.selected import SelectedPackage

SOURCES_OF_COMPILED = "sources of what the installation compiled, which no program reads"

HEAD = 4096
"""Bytes of a file that show whether it is text."""

COMPILED, SOURCES = ("/var/lib/", "/var/cache/"), ("/usr/share/", "/usr/lib/")
"""Where an installation compiles to, and packages have sources, each below the same path."""


class CompiledSources:
    """Sources in the packages that were selected.

    A configuration names a directory that the installation made, ``/var/lib/mecab/dic/ipadic``. A package has a
    directory of nothing but text in the same place below /usr, ``/usr/share/mecab/dic/juman``. Where no program,
    library or configuration names that, it is what the compiled form was made from.
    """

    def __init__(self, selection: PackageSelection) -> None:
        self._selection = selection

    def of(self, package: SelectedPackage) -> frozenset[str]:
        """Return the files of a package that are sources; none of a package that owns a program or was named."""
        if package.root or package.whole:
            return frozenset()
        places = self._places()
        found: set[str] = set()
        if places:
            below: dict[str, list[str]] = {}
            for file in package.files:
                below.setdefault(posixpath.dirname(file), []).append(file)
            for directory, files in below.items():
                if _place(posixpath.dirname(directory), SOURCES) in places and self._are_sources(directory, files):
                    found.update(files)
        return frozenset(found)

    def _places(self) -> frozenset[str]:
        return frozenset(
            place
            for package in self._selection.chosen.values()
            for _, directory in configured_directories(self._selection, package)
            if (place := _place(posixpath.dirname(directory), COMPILED))
        )

    def _are_sources(self, directory: str, files: Iterable[str]) -> bool:
        files = list(files)
        return not (
            any(b"\0" in self._selection.files.read(file, HEAD) for file in files)
            or any(self._selection.evidence.contains(path, [directory]) for path in self._readers())
        )

    def _readers(self) -> Iterator[str]:
        """Return the programs, and the commands, libraries and configurations of their packages."""
        yield from self._selection.programs
        for package in self._selection.chosen.values():
            for file in package.files:
                if file.startswith("/etc/") or is_command(file) or ".so" in posixpath.basename(file):
                    yield file


def _place(directory: str, roots: Iterable[str]) -> str:
    """Return the path of a directory below one of the roots, empty if it is in none."""
    return next((directory.removeprefix(root) for root in roots if directory.startswith(root)), "")
