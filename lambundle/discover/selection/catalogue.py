"""A package database as the selection asks it: what it has answered once is remembered."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_public_library, is_versioned_library

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.discover.rules import Rules
    from lambundle.machine import Files
    from lambundle.packages import Dependency, PackageDatabase

DEPENDS = ("depends", "pre-depends")

MAX_SHARING = 12
"""Packages that may share a directory for it to be one program's: more share what belongs to a language."""

SHALLOW = 3
"""Slashes in a path from which a directory may be somebody's own: /usr/share and its like belong to everybody."""

_LIBC = ("libc.so.6", "libc.musl-", "libgcc_s.so.1", "libstdc++.so.6")


class Catalogue:
    """Packages of one machine, with what follows from their fields and from the ``rules``."""

    def __init__(self, packages: PackageDatabase, files: Files, rules: Rules) -> None:
        self.db = packages
        self.files = files
        self.rules = rules
        self._absents: dict[str, bool] = {}
        self._displays: dict[str, bool] = {}
        self._publics: dict[str, list[str]] = {}
        self._sources: dict[str, str] = {}
        self._dependents: dict[str, list[str]] | None = None
        self._by_source: dict[str, list[str]] | None = None

    def public_libraries(self, name: str) -> list[str]:
        """Return the libraries of a package that the loader finds for everybody."""
        if name not in self._publics:
            self._publics[name] = [path for path in self.db.files(name) if is_public_library(path)]
        return self._publics[name]

    def dependencies(self, name: str) -> list[Dependency]:
        """Return what a package cannot do without."""
        return [item for item in self.db.depends(name) if item.kind in DEPENDS]

    def closure(self, name: str, limit: int = 4) -> set[str]:
        """Return a package and what it depends on, over at most ``limit`` steps."""
        found, edge = {name}, {name}
        for _ in range(limit):
            edge = {
                provider for dependent in edge for item in self.dependencies(dependent) for provider in item.packages
            } - found
            found |= edge
        return found

    def source(self, name: str) -> str:
        """Return the source package that a package was built from; of an unknown one nothing."""
        if name not in self._sources:
            package = self.db.package(name)
            source = "" if package is None else package.source or package.name
            self._sources[name] = source.partition(" ")[0]
        return self._sources[name]

    def of_source(self, source: str) -> list[str]:
        """Return the packages that were built from one source package."""
        if self._by_source is None:
            self._by_source = {}
            for name in self.db.packages():
                self._by_source.setdefault(self.source(name), []).append(name)
        return self._by_source.get(source, [])

    def dependents(self, name: str) -> list[str]:
        """Return the packages that depend on a package."""
        if self._dependents is None:
            self._dependents = {}
            for dependent in self.db.packages():
                for item in self.dependencies(dependent):
                    for provider in item.packages:
                        self._dependents.setdefault(provider, []).append(dependent)
        return self._dependents.get(name, [])

    def recommendations(self, owners: Iterable[str]) -> Iterator[str]:
        """Return what packages recommend, and what those depend on: a recommended package may be an empty one."""
        for owner in owners:
            for item in self.db.depends(owner):
                if item.kind == "recommends":
                    for name in item.packages[:1]:
                        if name not in item.wanted:  # a virtual package: anything may stand for it
                            continue
                        yield name
                        for below in self.dependencies(name):
                            yield from below.packages[:1]

    def weight(self, names: Iterable[str]) -> int:
        """Return how many bytes the files of some packages have that a program may read, here and now.

        Packages for a machine that Lambda is not count nothing.
        """
        files = {
            self.files.real(path)
            for name in names
            if not self.is_foreign(name)
            for path in self.db.files(name)
            if not self.rules.is_unwanted(path)
        }
        return sum(map(self.files.size, files))

    def homes(self, name: str) -> set[str]:
        """Return directories of a package that only few others have which are not of its source."""
        return {
            directory
            for directory in self.db.directories(name)
            if directory.count("/") >= (SHALLOW - 1 if directory.startswith("/etc/") else SHALLOW)
            and not self.rules.is_unwanted(f"{directory}/x")
            and sum(self.source(owner) != self.source(name) for owner in self.db.directory_owners(directory))
            <= MAX_SHARING
        }

    def is_absent(self, name: str) -> bool:
        """Whether a package is for hardware or a desktop, which Lambda has not."""
        if name not in self._absents:
            libraries = map(posixpath.basename, filter(is_versioned_library, self.public_libraries(name)))
            self._absents[name] = (
                self.rules.absent.match(name) is not None
                or (not self.is_for_developers(name) and any(map(self.rules.absent_libraries.match, libraries)))
                or any(map(self.rules.absent_files.match, self.db.files(name)))
            )
        return self._absents[name]

    def is_foreign(self, name: str) -> bool:
        """Whether a package is there for a machine that Lambda is not: its hardware, its administration."""
        return self.rules.machine.match(name) is not None or self.is_absent(name)

    def is_display(self, name: str) -> bool:
        """Whether a package holds a library that shows something."""
        if name not in self._displays:
            libraries = map(posixpath.basename, self.public_libraries(name))
            self._displays[name] = any(map(self.rules.display.match, libraries))
        return self._displays[name]

    def needs_display(self, name: str) -> bool:
        """Whether an optional part shows something, which nobody sees on Lambda."""
        return any(self.is_display(provider) for item in self.dependencies(name) for provider in item.packages)

    @cached_property
    def interpreters(self) -> dict[str, str]:
        """The smallest package that holds an interpreter, by the name of the package that has all of it."""
        owners = {name: self.db.owner(path) for name, path in self.rules.interpreters.items()}
        return {name: owner for name, owner in owners.items() if owner is not None}

    def is_for_developers(self, name: str) -> bool:
        """Whether a package is for those who build, test or read about another."""
        package = self.db.package(name)
        section = "" if package is None else package.section.rpartition("/")[2]
        return section in {"libdevel", "debug", "doc"} or name.endswith(
            ("-dev", "-devel", "-doc", "-docs", "-dbg", "-debuginfo", "-tests", "-testsuite", "-examples")
        )


def is_libc(files: Iterable[str]) -> bool:
    """Whether files of a package are of the C library or the compilers' own libraries."""
    return any(posixpath.basename(file).startswith(_LIBC) for file in files)
