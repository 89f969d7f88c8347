"""Dependencies of Python modules that a program uses: packages of libraries depend on more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_public_library
from lambundle.scripts.python_imports import PythonImports

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.discover.evidence import FileEvidence
    from lambundle.discover.selection.catalogue import Catalogue
    from lambundle.discover.selection.selected import SelectedPackage

LARGE = 4 << 20
"""Bytes from which a dependency is left out if it is unused."""


class PythonUse:
    """Python modules of the selected packages, and their imports."""

    def __init__(self, catalogue: Catalogue, evidence: FileEvidence) -> None:
        self._catalogue = catalogue
        self._db = catalogue.db
        self._files = catalogue.files
        self._evidence = evidence
        self._imports = PythonImports(self._files)
        self._is_python: dict[str, bool] = {}
        self._is_large: dict[str, bool] = {}

    def __len__(self) -> int:
        """Return the number of modules reached."""
        return len(self._imports.reached)

    def start(self, sources: Iterable[str]) -> None:
        """Follow the imports of sources in the bundle."""
        self._imports.start(sources)

    def follow_package(self, package: SelectedPackage) -> None:
        """Follow the imports of a root package's modules, and of a package of which no module was reached."""
        if not (self.are_modules(package.name) or package.root):
            return
        sources = [file for file in package.files if file.endswith(".py")]
        if package.root or self._imports.reached.isdisjoint(package.files):
            self._imports.start(sources)
        else:
            self._imports.add_files(package.files)

    def are_modules(self, name: str) -> bool:
        """Return whether a package has modules in a site directory."""
        if name not in self._is_python:
            self._is_python[name] = self._imports.are_modules(self._db.files(name))
        return self._is_python[name]

    def is_used(self, package: SelectedPackage, name: str) -> bool:
        """Return whether a dependency of a Python library is used: it may serve a part that is never imported.

        Modules are used if they are imported or named, data if a source names their directory or a link leads there.
        Packages of the same source and small ones always count as used.
        """
        files = self._db.files(name)
        is_together = self._catalogue.source(name) == self._catalogue.source(package.name)
        if is_together or not self._may_be_left_out(name):
            return True
        if self.are_modules(name):
            return self._imports.uses(files)
        directories = self._catalogue.own_directories(name)
        sources = [file for file in package.files if file in self._imports.reached]
        return (
            any(map(self._evidence.is_elf, files))
            or any(self._evidence.any_contains(sources, os.fsencode(directory)) for directory in directories)
            or any(self._files.real(file) in directories for file in package.files if self._files.is_link(file))
        )

    def _may_be_left_out(self, name: str) -> bool:
        if name not in self._is_large:
            is_library = any(map(is_public_library, self._db.files(name)))
            self._is_large[name] = not is_library and self._catalogue.weight([name]) >= LARGE
        return self._is_large[name]
