"""Which dependencies of Python modules are of use: a library's package depends on much that a program does not use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_public_library
from lambundle.scripts.python_imports import PythonImports

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.discover.evidence import Texts
    from lambundle.discover.selection.catalogue import Catalogue
    from lambundle.gather.wanted import Chosen

LARGE = 4 << 20
"""Bytes of a package from which on it matters whether it is of use."""


class PythonUse:
    """Python modules of the chosen packages, and what those import."""

    def __init__(self, catalogue: Catalogue, texts: Texts) -> None:
        self._catalogue = catalogue
        self._db = catalogue.db
        self._files = catalogue.files
        self._texts = texts
        self._imports = PythonImports(self._files)
        self._is_python: dict[str, bool] = {}
        self._is_large: dict[str, bool] = {}

    def __len__(self) -> int:
        """Count the modules that were reached."""
        return len(self._imports.reached)

    def start(self, sources: Iterable[str]) -> None:
        """Follow the imports of some sources, which are in the bundle."""
        self._imports.start(sources)

    def look_at(self, package: Chosen) -> None:
        """Follow the imports of a program's own modules, and of those that nobody knows how they are imported."""
        if not (self.are_modules(package.name) or package.own):
            return
        sources = [file for file in package.files if file.endswith(".py")]
        if package.own or self._imports.reached.isdisjoint(package.files):
            self._imports.start(sources)
        else:
            self._imports.take(package.files)

    def are_modules(self, name: str) -> bool:
        """Whether a package holds modules for everybody's use."""
        if name not in self._is_python:
            self._is_python[name] = self._imports.are_modules(self._db.files(name))
        return self._is_python[name]

    def is_used(self, package: Chosen, name: str) -> bool:
        """Whether a dependency of a Python library is of use here: it may be for a part that nobody imports.

        Other modules are, if they are imported or named; data are, if a source names their directory or a link leads
        there. What was built together belongs together, and what is small is not worth a mistake.
        """
        files = self._db.files(name)
        is_together = self._catalogue.source(name) == self._catalogue.source(package.name)
        if is_together or not self._is_worth_asking(name):
            return True
        if self.are_modules(name):
            return self._imports.ask_for(files)
        homes = self._catalogue.homes(name)
        sources = [file for file in package.files if file in self._imports.reached]
        return (
            any(map(self._texts.is_elf, files))
            or any(self._texts.any_names(sources, os.fsencode(home)) for home in homes)
            or any(self._files.real(file) in homes for file in package.files if self._files.is_link(file))
        )

    def _is_worth_asking(self, name: str) -> bool:
        if name not in self._is_large:
            is_library = any(map(is_public_library, self._db.files(name)))
            self._is_large[name] = not is_library and self._catalogue.weight([name]) >= LARGE
        return self._is_large[name]
