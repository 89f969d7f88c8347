"""What of the chosen packages is wanted: their data, plug-ins and helpers, and what their installation made."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_command, is_public_library, is_versioned_library
from lambundle.discover.selection.commands import Commands
from lambundle.discover.selection.directory import is_readable_by_all, listed
from lambundle.discover.selection.interpreters import needed_interpreters
from lambundle.discover.selection.wanted import Wanted
from lambundle.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.discover.selection.choice import Choice
    from lambundle.discover.selection.wanted import Chosen

DEVELOPMENT = (".h", ".hpp", ".a", ".o", ".so", ".rlib", ".rmeta")
LARGE = 1 << 20
"""Bytes from which a file that no package lists needs evidence of its own."""


class Contents:
    """Files of the packages that a ``choice`` has chosen so far."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
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
                if not is_command(file) and self._is_wanted(file):
                    yield Wanted(file, package.reason)
            yield from self._made_later(package)
            yield from self._libraries_named_beside(package)

    def own_files(self) -> Iterator[str]:
        """Files of the programs' own packages."""
        for package in self._choice.packages.values():
            if package.own or package.near:
                yield from (
                    file for file in package.files if not (self._rules.is_unwanted(file) or is_public_library(file))
                )

    def own_plugins(self) -> set[str]:
        """Plug-ins of the programs' own packages, which are a part of them."""
        return {
            file
            for package in self._choice.packages.values()
            if package.own or package.near
            for file in package.files
            if file.endswith(".so") and not is_public_library(file)
        }

    def _libraries_named_beside(self, package: Chosen) -> Iterator[Wanted]:
        """Public libraries that nothing was linked with, but that another file of their package names."""
        libraries = {posixpath.basename(path): path for path in self._catalogue.public_libraries(package.name)}
        others = [file for file in package.files if not is_public_library(file) and not self._rules.is_unwanted(file)]
        for file in others if libraries else ():
            for name in sorted(self._texts.sonames(file) & libraries.keys()):
                yield Wanted(libraries[name], Reason("opened", file, name))

    def _is_wanted(self, file: str) -> bool:
        if (
            self._choice.compiles
            and file.endswith(DEVELOPMENT)
            and not self._rules.is_unwanted(file.removesuffix(".h"))
        ):
            return not is_versioned_library(file)
        if self._rules.is_unwanted(file) or _is_public(file) or file.endswith((".a", ".o", ".la")):
            return file.endswith(".la") and not is_public_library(file.removesuffix(".la") + ".so")
        return True

    # ---- what the installation made ----

    def _made_later(self, package: Chosen) -> Iterator[Wanted]:
        """Files that a maintainer script made: unowned, in directories that only these packages own."""
        waiting = [
            directory
            for directory in self._db.directories(package.name)
            if self._choice.is_private(directory, package.name)
        ]
        names = {posixpath.basename(file) for file in package.files}
        while waiting:
            directory = waiting.pop()
            if self._rules.is_unwanted(f"{directory}/x"):
                continue
            files, directories = listed(directory)
            waiting += [
                below for below in directories if not (self._db.directory_owners(below) or _is_installation(below))
            ]
            for path in files:
                if self._rules.is_unwanted(path) or self._db.owner(path) is not None:
                    continue
                if is_readable_by_all(path) and (
                    # A configuration of the user's is made from a template of the same name.
                    os.path.getsize(path) < LARGE or posixpath.basename(path) in names or self._is_named_after(path)
                ):
                    yield Wanted(path, package.reason)

    def _is_named_after(self, path: str) -> bool:
        """Whether a file is called like a program: pdflatex.fmt among the formats of all TeX engines."""
        stem = posixpath.basename(path).partition(".")[0]
        return stem in self._choice.names


def _is_installation(directory: str) -> bool:
    """Whether somebody put another program there, as a second Java beside the distribution's."""
    return Path(directory, "bin").is_dir()


def _is_public(path: str) -> bool:
    """Whether a path is a library that the loader finds for everybody, or another name of one."""
    return is_public_library(path) or (os.path.islink(path) and is_public_library(os.path.realpath(path)))
