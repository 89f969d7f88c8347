"""Which modules the Python sources of a bundle import: a library's package depends on much that a program does not use.

Import statements are found by their text, wherever they stand in a source; names between quotes count too, because
modules are imported by name. ``ast`` would take eight times as long, and reads neither sources of Python 2 nor compiled
modules. Nothing is executed.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.machine import Files

MAX_SOURCE = 4 << 20
"""Bytes of a source that are looked at."""

_PLACE = re.compile(r"(/.*/(?:dist|site)-packages)/([A-Za-z_]\w*)(?=[./])")
_IMPORT = re.compile(
    rb"(?:^|[;:])[ \t]*"
    rb"(?:from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]+import[ \t]*(\([^)]*\)|[^\n#;]+)|import[ \t]+([\w. \t,]+))",
    re.MULTILINE,
)
_NAME = re.compile(rb"[A-Za-z_]\w*(?:\.\w+)*")
_QUOTED = re.compile(rb"[\"']([A-Za-z_]\w*)[\"'.]|\0([A-Za-z_]\w*)(?=[\0.])")
"""A name between quotes, or the beginning of one; in a compiled module strings end with a NUL."""
_DOTTED = re.compile(rb"[\"']([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)[\"']")
"""The full name of a module, as in a table of plug-ins that are imported on demand."""


class PythonImports:
    """What is imported from some sources, directly or by what they import, of the packages' common directories.

    ``reached`` are the files of it. Only the imports of files that are to be in the bundle, which ``take`` names, are
    followed further: what another file would import nobody does.
    """

    def __init__(self, files: Files) -> None:
        self._disk = files
        self.reached: set[str] = set()
        self._taken: set[str] = set()
        self._places: dict[str, None] = {}
        self._quoted: set[str] = set()
        self._modules: dict[tuple[str, ...], list[str]] = {}

    def take(self, files: Iterable[str]) -> None:
        """Let files of a package be in the bundle, and follow the imports of those that were reached before."""
        new = set(files) - self._taken
        self._taken |= new
        self._follow([path for path in new if path in self.reached])

    def start(self, sources: Iterable[str]) -> None:
        """Follow the imports of some sources, which are in the bundle."""
        new = [path for path in sources if path not in self.reached or path not in self._taken]
        self._taken.update(new)
        self.reached.update(new)
        self._follow(new)

    def _follow(self, waiting: list[str]) -> None:
        """Follow the imports of files that were reached and taken."""
        while waiting:
            path = waiting.pop()
            data = self._disk.read(path, MAX_SOURCE)
            self._quoted |= {(plain or compiled).decode() for plain, compiled in set(_QUOTED.findall(data))}
            names = () if path.endswith(".so") else _imported(path, data)
            new = {file for name in names for file in self._files(name)} - self.reached
            self.reached |= new
            waiting += new & self._taken

    def are_modules(self, files: Iterable[str]) -> bool:
        """Tell whether some files are modules in a common directory; from now on all modules there are looked at."""
        places = {match[1] for path in files if (match := _PLACE.match(path))}
        self.look_in(sorted(places))
        return bool(places)

    def look_in(self, places: Iterable[str]) -> None:
        """Look for modules in some directories too, from now on and for what was reached before."""
        new = [place for place in places if place not in self._places]
        if new:
            self._places.update(dict.fromkeys(new))
            self._modules.clear()
            self._follow(sorted(self.reached & self._taken))

    def ask_for(self, files: Iterable[str]) -> bool:
        """Whether a package's modules are imported, or one of them is named."""
        files = tuple(files)
        names = {match[2] for path in files if (match := _PLACE.match(path))}
        return not (names.isdisjoint(self._quoted) and self.reached.isdisjoint(files))

    def _files(self, name: tuple[str, ...]) -> list[str]:
        """Return what Python executes for a module: its file, and those of the packages that it is in."""
        if name not in self._modules:
            tops = [""] if name[0].startswith("/") else [f"{place}/" for place in self._places]
            self._modules[name] = [file for top in tops for file in self._module_files(top, name)]
        return self._modules[name]

    def _module_files(self, top: str, name: tuple[str, ...]) -> Iterator[str]:
        for length in range(1, len(name) + 1):
            path = top + "/".join(name[:length])
            directory, last = posixpath.split(path)
            if self._disk.is_file(f"{path}/__init__.py"):
                yield f"{path}/__init__.py"
            elif self._disk.is_file(f"{path}.py"):
                yield f"{path}.py"
            elif length == len(name):
                yield from (
                    f"{directory}/{file}" for file in self._disk.names(directory) if _is_compiled_module(file, last)
                )


def _imported(path: str, data: bytes) -> Iterator[tuple[str, ...]]:
    """Give the parts of the names of all modules that a source may import; relative ones begin with a directory."""
    for dots, module, names, modules in _IMPORT.findall(data):
        if modules:
            yield from (tuple(name.decode().split(".")) for name in _NAME.findall(modules))
            continue
        base = tuple(part for part in module.decode().split(".") if part)
        if dots:
            directory = posixpath.dirname(path)
            for _ in dots[1:]:
                directory = posixpath.dirname(directory)
            base = (directory, *base)
        if base:
            yield base
            yield from ((*base, name.decode()) for name in _NAME.findall(names))
    yield from (tuple(name.decode().split(".")) for name in set(_DOTTED.findall(data)))


def _is_compiled_module(file: str, name: str) -> bool:
    return file.startswith(f"{name}.") and file.endswith(".so")


def imported_names(files: Files, path: str) -> list[str]:
    """Return the top-level names that a source imports, in its order; relative imports and names in quotes aside."""
    found: dict[str, None] = {}
    for dots, module, _, modules in _IMPORT.findall(files.read(path, MAX_SOURCE)):
        names = [part.split()[0] for part in modules.split(b",") if part.strip()] if modules else [module]
        if not dots:
            found.update((name.decode().partition(".")[0], None) for name in names)
    return list(found)
