"""Classes and packages in trees of TeX: distributions gather thousands in one package, of which a document loads a few.

Which ones, only the document says. Small packages come whole, as does one that was installed by name. Of a large one
that came as a dependency those come that are small, and those that something in the bundle loads.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambundle.discover.selection.packages import PackageSelection
    from lambundle.discover.selection.selected import SelectedPackage

UNUSED_TEX = "large classes and packages of TeX that nothing in the bundle loads"

LARGE = 24 << 20
"""Bytes of input files from which a package of TeX does not come whole."""

SMALL = 64 << 10
"""Most bytes of a class or package that comes although nothing loads it."""

_UNIT = re.compile(r"/texmf[^/]*/tex/[^/]+/([^/]+)/")
"""The directory of one class or package by TeX's directory structure: ``tex/FORMAT/NAME``."""

_INPUTS = (".sty", ".cls", ".tex", ".ltx", ".def", ".cfg", ".ldf", ".clo", ".code.tex", ".dfu", ".fd", ".ini")
"""Endings of files in which others are loaded."""

_LOADS = re.compile(
    rb"\\(?:RequirePackage|RequirePackageWithOptions|usepackage|LoadClass|LoadClassWithOptions|documentclass|input"
    rb"|@input|InputIfFileExists|@ifpackageloaded|RequireLuaModule|inputfile)[ \t]*(?:\[[^\]]*\])?[ \t]*"
    rb"(?:\{([^{}]*)\}|([A-Za-z0-9._/-]+))"
)


class TexTrees:
    """The parts of large packages of TeX that nothing loads."""

    def __init__(self, selection: PackageSelection) -> None:
        self._selection = selection
        self._files = selection.files
        self._unused: dict[str, frozenset[str]] | None = None

    def unused(self, package: SelectedPackage) -> frozenset[str]:
        """Return the files of a package that nothing in the bundle loads."""
        if self._unused is None:
            self._unused = self._find()
        return self._unused.get(package.name, frozenset())

    def _find(self) -> dict[str, frozenset[str]]:
        large = {package.name: owned for package in self._selection.chosen.values() if (owned := self._units(package))}
        if not large:
            return {}
        units: dict[str, list[str]] = {}
        for owned in large.values():
            for name, files in owned.items():
                units.setdefault(name, []).extend(files)
        loaded = self._loaded(units)
        return {
            package: frozenset(
                file
                for name, files in owned.items()
                if name not in loaded and not self._is_small(files)
                for file in files
            )
            for package, owned in large.items()
        }

    def _is_small(self, files: Iterable[str]) -> bool:
        return sum(map(self._files.size, files)) <= SMALL

    def _units(self, package: SelectedPackage) -> Mapping[str, list[str]]:
        """Return the input files of a large package that was not asked for, by unit; none of any other package."""
        if package.root or package.whole or package.name in self._selection.db.installed_by_name():
            return {}
        found: dict[str, list[str]] = {}
        for file in package.files:
            match = _UNIT.search(file)
            if match is not None:
                found.setdefault(match[1], []).append(file)
        return found if sum(self._files.size(file) for files in found.values() for file in files) >= LARGE else {}

    def _loaded(self, units: Mapping[str, Iterable[str]]) -> set[str]:
        """Return the units that the other input files in the bundle load, and those that these load."""
        places: dict[str, set[str]] = {}
        for name, files in units.items():
            for file in files:
                base = posixpath.basename(file)
                for key in (base, base.partition(".")[0]):
                    places.setdefault(key, set()).add(name)
        optional = {file for files in units.values() for file in files}
        waiting = [
            file
            for package in self._selection.chosen.values()
            for file in package.files
            if "/texmf" in file and file.endswith(_INPUTS) and file not in optional
        ]
        loaded: set[str] = set()
        while waiting:
            for word in self._words(waiting.pop()):
                for name in places.get(word, set()) - loaded:
                    loaded.add(name)
                    waiting += [file for file in units[name] if file.endswith(_INPUTS)]
        return loaded

    def _words(self, path: str) -> set[str]:
        text = self._selection.evidence.read_small(path)
        lists = {braced or plain for braced, plain in _LOADS.findall(text)}
        return {
            posixpath.basename(word.strip().decode("ascii", "replace")) for item in lists for word in item.split(b",")
        }
