"""Which files of the chosen packages are wanted: their data, plug-ins and helpers, and what their installation made."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.rules import is_command, is_public_library, is_versioned_library
from lambundle.discover.selection.catalogue import SHALLOW, is_libc
from lambundle.discover.selection.choice import SOURCES
from lambundle.discover.selection.commands import Commands
from lambundle.discover.selection.compiler import DEVELOPMENT
from lambundle.discover.selection.interpreters import needed_interpreters
from lambundle.gather.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.discover.selection.choice import Choice
    from lambundle.gather.wanted import Chosen
    from lambundle.machine import Item

MADE = ("/var/lib/", "/var/cache/")
"""Where what installations make lies, beside what packages bring."""

LARGE = 1 << 20
"""Bytes from which a file that no package lists needs evidence of its own."""


class Contents:
    """Files of the packages that a ``choice`` has chosen so far."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._files = choice.files
        self._catalogue = choice.catalogue
        self._db = choice.db
        self._rules = choice.rules
        self._texts = choice.texts

    def wanted(self) -> Iterator[Wanted]:
        """Every path that is wanted of the packages so far."""
        commands = Commands(self._choice).wanted()
        while needed := needed_interpreters(self._choice, commands):
            self._choice.release(needed)
            commands = Commands(self._choice).wanted()
        yield from (Wanted(file, reason) for file, reason in commands.items() if not self._rules.is_unwanted(file))
        for package in self._choice.packages.values():
            for file in package.files:
                if not is_command(file) and self._is_wanted(file, package):
                    yield Wanted(file, package.reason)
            yield from self._made_later(package)
            yield from self._configured(package)
            yield from self._named_after_programs(package)
            yield from self._libraries_named_beside(package)

    def own_files(self) -> Iterator[str]:
        """Files of the programs' own packages."""
        for package in self._choice.packages.values():
            if package.own or package.near:
                yield from (
                    file for file in package.files if not (self._rules.is_unwanted(file) or is_public_library(file))
                )

    def own_libraries(self) -> set[str]:
        """Libraries that are a part of the programs: plug-ins of their packages, and what is built with them."""
        packages = self._choice.packages.values()
        sources = {self._catalogue.source(package.name) for package in packages if package.own}
        plugins = {
            file
            for package in packages
            if package.own or package.near
            for file in package.files
            if file.endswith(".so") and not is_public_library(file)
        }
        return plugins | {
            file
            for package in packages
            if package.library and self._catalogue.source(package.name) in sources
            for file in self._catalogue.public_libraries(package.name)
            if not self._files.is_link(file)
        }

    def _libraries_named_beside(self, package: Chosen) -> Iterator[Wanted]:
        """Public libraries that nothing was linked with, but that another file of their package names.

        A source text may name one of a package that its own depends on: Python opens libraries by ctypes.
        """
        libraries = self._libraries_of(package.name)
        if not package.library:
            near = {name: path for item in self._near(package) for name, path in self._libraries_of(item).items()}
            links = self._links_for_developers(package)
            sources = [file for file in package.files if file.endswith(SOURCES)] if near or links else []
            yield from self._named_in(sources, near)
            for path in links:
                if self._texts.any_names(sources, posixpath.basename(path).removesuffix("so").encode()):
                    yield Wanted(path, Reason("opened", package.name, posixpath.basename(path)))
        if libraries:
            others = (file for file in package.files if not (is_public_library(file) or self._rules.is_unwanted(file)))
            yield from self._named_in(others, libraries)

    def _named_in(self, files: Iterable[str], libraries: dict[str, str]) -> Iterator[Wanted]:
        for file in files:
            for name in sorted(self._texts.sonames(file) & libraries.keys()):
                yield Wanted(libraries[name], Reason("opened", file, name))

    def _libraries_of(self, name: str) -> dict[str, str]:
        return {posixpath.basename(path): path for path in self._catalogue.public_libraries(name)}

    def _links_for_developers(self, package: Chosen) -> list[str]:
        """Names of libraries without a version on which a package of source texts depends: it opens them so."""
        return [
            path
            for item in self._catalogue.dependencies(package.name)
            for name in item.packages[:1]
            if self._catalogue.is_for_developers(name)
            for path in self._catalogue.public_libraries(name)
            if path.endswith(".so") and self._files.is_link(path)
        ]

    def _near(self, package: Chosen) -> Iterator[str]:
        """Packages that a package depends on, as far as they may matter on Lambda."""
        for item in self._catalogue.dependencies(package.name):
            for name in item.packages[:1]:
                if not (self._catalogue.is_foreign(name) or is_libc(self._db.files(name))):
                    yield name

    def _is_wanted(self, file: str, package: Chosen) -> bool:
        if (
            (self._choice.compiles or package.development)
            and file.endswith(DEVELOPMENT)
            and not self._rules.is_unwanted(file.removesuffix(".h"))
        ):
            return not is_versioned_library(file)
        if self._rules.is_unwanted(file) or self._is_public(file) or file.endswith((".a", ".o", ".la")):
            return file.endswith(".la") and not is_public_library(file.removesuffix(".la") + ".so")
        return True

    # ---- what the installation made ----

    def _made_later(self, package: Chosen) -> Iterator[Wanted]:
        """Files that a maintainer script made: unowned, in directories that only these packages own."""
        waiting = [
            directory
            for directory in self._db.directories(package.name)
            if self._choice.is_private(directory, package.name) or self._is_for_others_too(directory, package)
        ]
        names = {posixpath.basename(file) for file in package.files}
        while waiting:
            directory = waiting.pop()
            if self._rules.is_unwanted(f"{directory}/x"):
                continue
            items = self._files.items(directory)
            waiting += [
                item.path
                for item in items
                if item.is_directory and not (self._db.directory_owners(item.path) or self._is_installation(item.path))
            ]
            for path in _files_of(items):
                if self._rules.is_unwanted(path) or self._db.owner(path) is not None:
                    continue
                if self._files.is_public(path) and (
                    # A configuration of the user's is made from a template of the same name.
                    self._files.size(path) < LARGE or posixpath.basename(path) in names or self._is_named_after(path)
                ):
                    yield Wanted(path, package.reason)

    def _is_for_others_too(self, directory: str, package: Chosen) -> bool:
        """Whether a package keeps a directory of what is made, and others have it since they depend on the package."""
        owners = self._db.directory_owners(directory) - self._choice.packages.keys()
        is_deep = directory.count("/") >= SHALLOW and directory.startswith(MADE)
        return is_deep and all(package.name in self._catalogue.closure(owner) for owner in owners)

    def _configured(self, package: Chosen) -> Iterator[Wanted]:
        """Directories that were made in a package's, and that a configuration file of a package names.

        MeCab's is a link, by way of the alternatives, to the dictionary that an installation has compiled.
        """
        for file in package.files:
            for named in sorted(self._texts.paths(file)) if file.startswith("/etc/") else ():
                directory = self._files.real(named)
                if self._is_made(named) and self._files.is_directory(directory):
                    yield Wanted(named, package.reason)
                    paths = _files_of(self._files.items(directory))
                    yield from (Wanted(path, package.reason) for path in paths if self._files.is_public(path))

    def _named_after_programs(self, package: Chosen) -> Iterator[Wanted]:
        """Files that an installation made for one of the programs, in directories that packages share.

        TeX's formats of all engines lie in directories of whichever of them is installed.
        """
        shared = [
            directory
            for directory in self._db.directories(package.name)
            if directory.startswith(MADE) and not self._choice.is_private(directory, package.name)
        ]
        for top in shared if package.own or package.near else ():
            for directory in (top, *(item.path for item in self._files.items(top) if item.is_directory)):
                for path in _files_of(self._files.items(directory)):
                    if self._is_named_after(path) and self._db.owner(path) is None and self._files.is_public(path):
                        yield Wanted(path, package.reason)

    def _is_made(self, path: str) -> bool:
        """Whether no package lists a path, but packages the directory that it is in: it is no data of a user's."""
        lead_there = {self._db.owner(path) or "", *self._db.directory_owners(path)} - {""}  # by the alternatives
        is_listed = any(path in {*self._db.files(name), *self._db.directories(name)} for name in lead_there)
        if is_listed or self._rules.is_unwanted(f"{path}/x"):
            return False
        parent = posixpath.dirname(path)
        return parent.count("/") >= SHALLOW and bool(self._db.directory_owners(parent))

    def _is_named_after(self, path: str) -> bool:
        """Whether a file is called like a program: pdflatex.fmt among the formats of all TeX engines."""
        stem = posixpath.basename(path).partition(".")[0]
        return stem in self._choice.names

    def _is_installation(self, directory: str) -> bool:
        """Whether somebody put another program there, as a second Java beside the distribution's."""
        return self._files.is_directory(f"{directory}/bin")

    def _is_public(self, path: str) -> bool:
        """Whether a path is a library that the loader finds for everybody, or another name of one."""
        return is_public_library(path) or (self._files.is_link(path) and is_public_library(self._files.real(path)))


def _files_of(items: Iterable[Item]) -> list[str]:
    """Files and links of a directory's items."""
    return [item.path for item in items if item.is_link or item.is_file]
