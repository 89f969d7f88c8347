"""Files of the selected packages: data, plug-ins, helpers, and files that their installation made."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.rules import is_command, is_public_library, is_versioned_library
from lambundle.discover.selection.catalogue import SHALLOW, is_libc
from lambundle.discover.selection.commands import Commands
from lambundle.discover.selection.compiled_sources import SOURCES_OF_COMPILED, CompiledSources
from lambundle.discover.selection.compiler import DEVELOPMENT
from lambundle.discover.selection.configured import configured_directories
from lambundle.discover.selection.generated import generated_settings
from lambundle.discover.selection.interpreters import needed_interpreters
from lambundle.discover.selection.left_out import LeftOut
from lambundle.discover.selection.packages import SOURCES
from lambundle.discover.selection.tex_trees import UNUSED_TEX, TexTrees
from lambundle.gather.candidate import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.discover.selection.packages import PackageSelection
    from lambundle.discover.selection.selected import SelectedPackage
    from lambundle.machine import Item

MADE = ("/var/lib/", "/var/cache/")
"""Directories in which maintainer scripts make files."""

ALTERNATIVES = "/etc/alternatives/"

LARGE = 1 << 20
"""Bytes from which an unowned file needs evidence of its own."""


class PackageFiles:
    """Files of the packages that were selected so far."""

    def __init__(self, selection: PackageSelection) -> None:
        self._selection = selection
        self._files = selection.files
        self._catalogue = selection.catalogue
        self._db = selection.db
        self._rules = selection.rules
        self._evidence = selection.evidence
        self._names: set[str] = set()
        self._sources = CompiledSources(selection)
        self._tex = TexTrees(selection)
        self.left_out = LeftOut(selection.files)

    def candidates(self) -> Iterator[Candidate]:
        """Return the files of the packages to add."""
        commands = Commands(self._selection).selected()
        while needed := needed_interpreters(self._selection, commands):
            self._selection.release(needed)
            commands = Commands(self._selection).selected()
        self._names = self._selection.names | self._selection.evidence.named_by(self._selection.programs) & set(
            map(posixpath.basename, commands)
        )
        self._tex = TexTrees(self._selection)
        self.left_out.clear()
        yield from (Candidate(file, reason) for file, reason in commands.items() if not self._rules.is_unwanted(file))
        for package in self._selection.chosen.values():
            yield from self._data(package)
            yield from self._made_later(package)
            yield from self._configured(package)
            yield from self._named_after_programs(package)
            yield from self._libraries_named_beside(package)
        yield from generated_settings(self._selection, self.own_libraries())

    def _data(self, package: SelectedPackage) -> Iterator[Candidate]:
        """Return the files of a package that are no commands, without those that a rule leaves out and tells."""
        sources, unused = self._sources.of(package), self._tex.unused(package)
        for file in package.files:
            if is_command(file) or not self._is_wanted(file, package):
                continue
            if file in sources:
                self.left_out.add(package.name, SOURCES_OF_COMPILED, posixpath.dirname(file), file)
            elif file in unused:
                self.left_out.add(package.name, UNUSED_TEX, posixpath.dirname(file), file)
            else:
                yield Candidate(file, package.reason)

    def own_files(self) -> Iterator[str]:
        """Return the files of root and direct packages, without public libraries."""
        for package in self._selection.chosen.values():
            if package.root or package.direct:
                yield from (
                    file for file in package.files if not (self._rules.is_unwanted(file) or is_public_library(file))
                )

    def own_libraries(self) -> set[str]:
        """Return the plug-ins of root and direct packages, and libraries from the same sources."""
        packages = self._selection.chosen.values()
        sources = {self._catalogue.source(package.name) for package in packages if package.root}
        plugins = {
            file
            for package in packages
            if package.root or package.direct
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

    def _libraries_named_beside(self, package: SelectedPackage) -> Iterator[Candidate]:
        """Return public libraries that another file of their package opens by name.

        A source file may name one of a dependency too: Python opens libraries by ctypes.
        """
        libraries = self._libraries_of(package.name)
        if not package.library:
            near = {
                name: path
                for item in self._relevant_dependencies(package)
                for name, path in self._libraries_of(item).items()
            }
            links = self._links_for_developers(package)
            sources = [file for file in package.files if file.endswith(SOURCES)] if near or links else []
            yield from self._named_in(sources, near)
            for path in links:
                if self._evidence.any_contains(sources, posixpath.basename(path).removesuffix("so").encode()):
                    yield Candidate(path, Reason("opened", package.name, posixpath.basename(path)))
        if libraries:
            others = (file for file in package.files if not (is_public_library(file) or self._rules.is_unwanted(file)))
            yield from self._named_in(others, libraries)

    def _named_in(self, files: Iterable[str], libraries: dict[str, str]) -> Iterator[Candidate]:
        for file in files:
            for name in sorted(self._evidence.sonames(file) & libraries.keys()):
                yield Candidate(libraries[name], Reason("opened", file, name))

    def _libraries_of(self, name: str) -> dict[str, str]:
        return {posixpath.basename(path): path for path in self._catalogue.public_libraries(name)}

    def _links_for_developers(self, package: SelectedPackage) -> list[str]:
        """Return library names without a version of the -dev packages that a package depends on, to open them."""
        return [
            path
            for item in self._catalogue.dependencies(package.name)
            for name in item.providers[:1]
            if self._catalogue.is_for_developers(name)
            for path in self._catalogue.public_libraries(name)
            if path.endswith(".so") and self._files.is_link(path)
        ]

    def _relevant_dependencies(self, package: SelectedPackage) -> Iterator[str]:
        """Return the dependencies of a package, without irrelevant ones and the C library."""
        for item in self._catalogue.dependencies(package.name):
            for name in item.providers[:1]:
                if not (self._catalogue.is_irrelevant(name) or is_libc(self._db.files(name))):
                    yield name

    def _is_wanted(self, file: str, package: SelectedPackage) -> bool:
        if package.whole and self._is_public(file) and (package.development or is_versioned_library(file)):
            return True
        if (
            (self._selection.compiles or package.development)
            and file.endswith(DEVELOPMENT)
            and not self._rules.is_unwanted(file.removesuffix(".h"))
        ):
            return not is_versioned_library(file)
        if self._rules.is_unwanted(file) or self._is_public(file) or file.endswith((".a", ".o", ".la")):
            return file.endswith(".la") and not is_public_library(file.removesuffix(".la") + ".so")
        return True

    # ---- what the installation made ----

    def _made_later(self, package: SelectedPackage) -> Iterator[Candidate]:
        """Return files that a maintainer script made: unowned, in private directories."""
        waiting = [
            directory
            for directory in self._db.directories(package.name)
            if self._selection.is_private(directory, package.name)
            or self._is_shared_with_dependents(directory, package)
        ]
        names = {posixpath.basename(file) for file in package.files}
        stems = {name.partition(".")[0] for name in names}
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
                if self._rules.is_unwanted(path) or not (self._db.owner(path) is None or self._is_alternative(path)):
                    continue
                if self._files.is_public(path) and (
                    # A configuration is made from a template of the same name, a word list is compiled.
                    self._files.size(path) < LARGE
                    or posixpath.basename(path) in names
                    or posixpath.basename(path).partition(".")[0] in stems
                    or self._is_named_after(path)
                ):
                    yield Candidate(path, package.reason)

    def _is_alternative(self, path: str) -> bool:
        """Return whether a path is a link of the alternatives system to a file of a selected package."""
        if not (self._files.is_link(path) and self._files.readlink(path).startswith(ALTERNATIVES)):
            return False
        return self._db.owner(path) in self._selection.chosen

    def _is_shared_with_dependents(self, directory: str, package: SelectedPackage) -> bool:
        """Return whether only the package and its dependents share a directory in MADE."""
        owners = self._db.directory_owners(directory) - self._selection.chosen.keys()
        is_deep = directory.count("/") >= SHALLOW and directory.startswith(MADE)
        return is_deep and all(package.name in self._catalogue.closure(owner) for owner in owners)

    def _configured(self, package: SelectedPackage) -> Iterator[Candidate]:
        """Return unowned directories, inside of owned ones, that a configuration file of the package names.

        MeCab names a link, through alternatives, to the dictionary that its installation compiled.
        """
        for named, directory in configured_directories(self._selection, package):
            yield Candidate(named, package.reason)
            paths = _files_of(self._files.items(directory))
            yield from (Candidate(path, package.reason) for path in paths if self._files.is_public(path))

    def _named_after_programs(self, package: SelectedPackage) -> Iterator[Candidate]:
        """Return unowned files named after a program, in directories that packages share: TeX's formats."""
        shared = [
            directory
            for directory in self._db.directories(package.name)
            if directory.startswith(MADE) and not self._selection.is_private(directory, package.name)
        ]
        for top in shared if package.root or package.direct else ():
            for directory in (top, *(item.path for item in self._files.items(top) if item.is_directory)):
                for path in _files_of(self._files.items(directory)):
                    if self._is_named_after(path) and self._db.owner(path) is None and self._files.is_public(path):
                        yield Candidate(path, package.reason)

    def _is_named_after(self, path: str) -> bool:
        """Return whether a file has the name of a program or command of the bundle: pdflatex.fmt of TeX's formats."""
        return posixpath.basename(path).partition(".")[0] in self._names

    def _is_installation(self, directory: str) -> bool:
        """Return whether a directory is a separate installation, such as a second Java."""
        return self._files.is_directory(f"{directory}/bin")

    def _is_public(self, path: str) -> bool:
        """Return whether a path is a public library, or a link to one."""
        return is_public_library(path) or (self._files.is_link(path) and is_public_library(self._files.real(path)))


def _files_of(items: Iterable[Item]) -> list[str]:
    """Return the files and links among a directory's items."""
    return [item.path for item in items if item.is_link or item.is_file]
