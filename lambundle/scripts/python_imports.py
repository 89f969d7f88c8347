"""The modules that the Python sources of a bundle import.

Import statements are found by a regular expression; quoted names count too, since modules are imported by name. ``ast``
takes eight times as long and reads neither Python 2 nor compiled modules. Nothing is executed.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.machine import Files

MAX_SOURCE = 4 << 20
"""Bytes of a source that are read."""
MAX_NAMES = 1 << 14
"""Most modules that one source imports; generated ones, with the most, have some thousands."""
MAX_NAME = 1 << 10
"""Most bytes of a module's name."""
_MAX_DOTS = 64

_SITE = re.compile(r"(/.*/(?:dist|site)-packages)/([A-Za-z_]\w*+)(?=[./])")
_IMPORT = re.compile(
    rb"(?:^|[;:])[ \t]*"
    rb"(?:from[ \t]++(\.*+)(?:[ \t]*+(?!import\b)([\w.]++))?+[ \t]++import[ \t]*+"
    rb"(\((?:[^()]++|\([^()\n]*+\))*+\)|[^\n#;]++)"
    rb"|import[ \t]++([\w. \t,]++))",
    re.MULTILINE,
)
_NAME = re.compile(rb"[A-Za-z_]\w*+(?:\.\w++)*+")
_QUOTED = re.compile(rb"[\"']([A-Za-z_]\w*)[\"'.]|\0([A-Za-z_]\w*)(?=[\0.])")
"""A quoted name or its first part; in a compiled module a string ends with NUL."""
_DOTTED = re.compile(rb"[\"']([A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)++)[\"']")
"""The full name of a module, as in a table of plug-ins that are imported on demand."""


class PythonImports:
    """The modules in site directories that some sources import, directly or indirectly.

    ``reached`` are their files. Only imports of files in the bundle, which ``add_files`` names, are followed.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self.reached: set[str] = set()
        self._taken: set[str] = set()
        self._sites: dict[str, None] = {}
        self._quoted: set[str] = set()
        self._modules: dict[tuple[str, ...], list[str]] = {}

    def add_files(self, files: Iterable[str]) -> None:
        """Mark files of a package as in the bundle, and follow the imports of those reached before."""
        new = set(files) - self._taken
        self._taken |= new
        self._follow([path for path in new if path in self.reached])

    def start(self, sources: Iterable[str]) -> None:
        """Follow the imports of sources in the bundle."""
        new = [path for path in sources if path not in self.reached or path not in self._taken]
        self._taken.update(new)
        self.reached.update(new)
        self._follow(new)

    def _follow(self, waiting: list[str]) -> None:
        """Follow the imports of files that were reached and are in the bundle."""
        while waiting:
            path = waiting.pop()
            data = self._files.read(path, MAX_SOURCE)
            self._quoted |= {(plain or compiled).decode() for plain, compiled in set(_QUOTED.findall(data))}
            names = () if path.endswith(".so") else _imported(path, data)
            new = {file for name in names for file in self._module_sources(name)} - self.reached
            self.reached |= new
            waiting += new & self._taken

    def are_modules(self, files: Iterable[str]) -> bool:
        """Return whether some files are modules in site directories, and add these directories."""
        sites = {match[1] for path in files if (match := _SITE.match(path))}
        self.add_sites(sorted(sites))
        return bool(sites)

    def add_sites(self, sites: Iterable[str]) -> None:
        """Search more site directories, also for the imports of files reached before."""
        new = [site for site in sites if site not in self._sites]
        if new:
            self._sites.update(dict.fromkeys(new))
            self._modules.clear()
            self._follow(sorted(self.reached & self._taken))

    def uses(self, files: Iterable[str]) -> bool:
        """Return whether a module among a package's files is imported or named."""
        files = tuple(files)
        names = {match[2] for path in files if (match := _SITE.match(path))}
        return not (names.isdisjoint(self._quoted) and self.reached.isdisjoint(files))

    def _module_sources(self, name: tuple[str, ...]) -> list[str]:
        """Return the files that Python executes for a module: its own and those of its packages."""
        if name not in self._modules:
            tops = [""] if name[0].startswith("/") else [f"{site}/" for site in self._sites]
            self._modules[name] = [file for top in tops for file in self._module_files(top, name)]
        return self._modules[name]

    def _module_files(self, top: str, name: tuple[str, ...]) -> Iterator[str]:
        for length in range(1, len(name) + 1):
            path = top + "/".join(name[:length])
            directory, last = posixpath.split(path)
            if length > 1 and not self._files.is_directory(directory):
                return  # what is not there has nothing below it
            if self._files.is_file(f"{path}/__init__.py"):
                yield f"{path}/__init__.py"
            elif self._files.is_file(f"{path}.py"):
                yield f"{path}.py"
            elif length == len(name):
                yield from (
                    f"{directory}/{file}" for file in self._files.names(directory) if _is_compiled_module(file, last)
                )


def _imported(path: str, data: bytes) -> Iterable[tuple[str, ...]]:
    """Return the names of all modules that a source may import, split; relative ones begin with a directory."""
    return list(itertools.islice(dict.fromkeys(_names(path, data)), MAX_NAMES))


def _names(path: str, data: bytes) -> Iterator[tuple[str, ...]]:
    for match in _IMPORT.finditer(data):
        dots, module, names, modules = match.groups(b"")
        if modules:
            yield from _split(_NAME.finditer(modules))
            continue
        if len(module) > MAX_NAME:
            continue
        base = tuple(part for part in module.decode().split(".") if part)
        if dots:
            directory = posixpath.dirname(path)
            for _ in dots[1:_MAX_DOTS]:
                directory = posixpath.dirname(directory)
            base = (directory, *base)
        if base:
            yield base
            yield from ((*base, *name) for name in _split(_NAME.finditer(names)))
    yield from _split(_DOTTED.finditer(data))


def _split(found: Iterable[re.Match[bytes]]) -> Iterator[tuple[str, ...]]:
    """Return dotted names in their parts."""
    for match in found:
        name = match[match.lastindex or 0]
        if len(name) <= MAX_NAME:
            yield tuple(name.decode().split("."))


def _is_compiled_module(file: str, name: str) -> bool:
    return file.startswith(f"{name}.") and file.endswith(".so")


def imported_names(files: Files, path: str) -> list[str]:
    """Return the top-level names that a source imports, in order, without relative imports and quoted names."""
    found: dict[str, None] = {}
    for match in _IMPORT.finditer(files.read(path, MAX_SOURCE)):
        dots, module, _, modules = match.groups(b"")
        names = [part.split()[0] for part in modules.split(b",") if part.strip()] if modules else [module]
        if not dots:
            found.update((name.decode().partition(".")[0], None) for name in names)
    return list(found)
