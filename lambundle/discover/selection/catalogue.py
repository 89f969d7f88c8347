"""A package database with the facts that the selection needs; each is computed once."""

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
"""Most packages of other sources that share a program's own directory: a language's directories have more."""

SHALLOW = 3
"""Slashes in the path of a directory that may be a package's own: /usr/share belongs to all."""

_LIBC = ("libc.so.6", "libc.musl-", "libgcc_s.so.1", "libstdc++.so.6")


class Catalogue:
    """Packages of one machine, classified by their fields and the ``rules``."""

    def __init__(self, packages: PackageDatabase, files: Files, rules: Rules) -> None:
        self.db = packages
        self.files = files
        self.rules = rules
        self._hardware: dict[str, bool] = {}
        self._displays: dict[str, bool] = {}
        self._publics: dict[str, list[str]] = {}
        self._sources: dict[str, str] = {}
        self._dependents: dict[str, list[str]] | None = None
        self._by_source: dict[str, list[str]] | None = None

    def public_libraries(self, name: str) -> list[str]:
        """Return the libraries of a package in directories that the loader searches for every program."""
        if name not in self._publics:
            self._publics[name] = [path for path in self.db.files(name) if is_public_library(path)]
        return self._publics[name]

    def dependencies(self, name: str) -> list[Dependency]:
        """Return the Depends and Pre-Depends of a package (deb-control(5))."""
        return [item for item in self.db.depends(name) if item.kind in DEPENDS]

    def closure(self, name: str, limit: int = 4) -> set[str]:
        """Return a package and its dependencies, to a depth of at most ``limit``."""
        found, edge = {name}, {name}
        for _ in range(limit):
            edge = {
                provider for dependent in edge for item in self.dependencies(dependent) for provider in item.providers
            } - found
            found |= edge
        return found

    def source(self, name: str) -> str:
        """Return the source package that a package was built from; empty for an unknown package."""
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
        """Return the reverse dependencies of a package."""
        if self._dependents is None:
            self._dependents = {}
            for dependent in self.db.packages():
                for item in self.dependencies(dependent):
                    for provider in item.providers:
                        self._dependents.setdefault(provider, []).append(dependent)
        return self._dependents.get(name, [])

    def recommendations(self, owners: Iterable[str]) -> Iterator[str]:
        """Return recommended packages and their dependencies: a recommended package may be empty."""
        for owner in owners:
            for item in self.db.depends(owner):
                if item.kind == "recommends":
                    for name in item.providers[:1]:
                        if name not in item.names:  # a virtual package, with any provider
                            continue
                        yield name
                        for below in self.dependencies(name):
                            yield from below.providers[:1]

    def weight(self, names: Iterable[str]) -> int:
        """Return the bytes of those files of some packages that a program may read; 0 for irrelevant packages."""
        files = {
            self.files.real(path)
            for name in names
            if not self.is_irrelevant(name)
            for path in self.db.files(name)
            if not self.rules.is_unwanted(path)
        }
        return sum(map(self.files.size, files))

    def own_directories(self, name: str) -> set[str]:
        """Return the directories of a package that at most MAX_SHARING packages of other sources share."""
        return {
            directory
            for directory in self.db.directories(name)
            if directory.count("/") >= (SHALLOW - 1 if directory.startswith("/etc/") else SHALLOW)
            and not self.rules.is_unwanted(f"{directory}/x")
            and sum(self.source(owner) != self.source(name) for owner in self.db.directory_owners(directory))
            <= MAX_SHARING
        }

    def is_hardware(self, name: str) -> bool:
        """Return whether a package serves hardware or a desktop, which Lambda does not have."""
        if name not in self._hardware:
            libraries = map(posixpath.basename, filter(is_versioned_library, self.public_libraries(name)))
            self._hardware[name] = (
                self.rules.hardware.match(name) is not None
                or (not self.is_for_developers(name) and any(map(self.rules.hardware_libraries.match, libraries)))
                or any(map(self.rules.hardware_files.match, self.db.files(name)))
            )
        return self._hardware[name]

    def is_irrelevant(self, name: str) -> bool:
        """Return whether a package serves hardware, a desktop or administration: it is irrelevant on Lambda."""
        return self.rules.system.match(name) is not None or self.is_hardware(name)

    def is_display(self, name: str) -> bool:
        """Return whether a package has a library that draws on a display."""
        if name not in self._displays:
            libraries = map(posixpath.basename, self.public_libraries(name))
            self._displays[name] = any(map(self.rules.display.match, libraries))
        return self._displays[name]

    def needs_display(self, name: str) -> bool:
        """Return whether a package depends on a library that draws on a display."""
        return any(self.is_display(provider) for item in self.dependencies(name) for provider in item.providers)

    @cached_property
    def interpreters(self) -> dict[str, str]:
        """The smallest package with an interpreter, by the name of its full package."""
        owners = {name: self.db.owner(path) for name, path in self.rules.interpreters.items()}
        return {name: owner for name, owner in owners.items() if owner is not None}

    def is_for_developers(self, name: str) -> bool:
        """Return whether a package serves to build, test or document another."""
        package = self.db.package(name)
        section = "" if package is None else package.section.rpartition("/")[2]
        return section in {"libdevel", "debug", "doc"} or name.endswith(
            ("-dev", "-devel", "-doc", "-docs", "-dbg", "-debuginfo", "-tests", "-testsuite", "-examples")
        )


def is_libc(files: Iterable[str]) -> bool:
    """Return whether some files belong to the C library or the compiler's runtime libraries."""
    return any(posixpath.basename(file).startswith(_LIBC) for file in files)
