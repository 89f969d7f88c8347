"""A Python of no package: its standard library, and the distributions that a script imports.

Source: the Python documentation, "The initialization of the sys.path module search path" and ``site``; the PyPA
specification "Recording installed projects". The target is never asked: what it would import is read.
"""

from __future__ import annotations

import ast
import glob
import os
import posixpath
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.discover.installation.files import files_below, is_for_all
from lambundle.scripts.python_imports import PythonImports

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

MAX_SCRIPT = 4 << 20
MAX_FILES = 5_000
"""Modules of a script's own that are read for what they import."""

_PYTHON = re.compile(r"python[0-9.]*$")
_DESCRIPTIONS = ("*.dist-info", "*.egg-info", "*.egg/EGG-INFO")
_REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")
_UNWANTED = (
    "/__pycache__", "/test", "/tests", "/idlelib", "/turtledemo", "/ensurepip", "/lib2to3/tests", ".pyc", ".a",
)  # fmt: skip


def is_python(program: str) -> bool:
    """Whether a program is a Python interpreter, by its name."""
    return _PYTHON.match(posixpath.basename(program)) is not None


def standard_library(interpreter: str) -> Iterator[tuple[str, str]]:
    """Give the standard library that an interpreter finds beside itself, without what was installed into it."""
    for home in _homes(interpreter):
        top = _library(home, interpreter)
        if top is not None:

            def wanted(path: str, top: str = top) -> bool:
                return not path.endswith((*_UNWANTED, "/site-packages")) and not path.startswith(
                    (f"{top}/config-", *_display(top))
                )

            for path in files_below(top, wanted):
                yield path, f"standard library of {posixpath.basename(interpreter)}"
            return


def _display(top: str) -> tuple[str, ...]:
    """What shows windows: there is no display."""
    return f"{top}/tkinter", f"{top}/lib-dynload/_tkinter"


def imported(script: str, interpreter: str, owned: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Give what a script imports: modules beside it, the distributions that are installed, and packages' modules.

    A distribution comes with those it requires. ``owned`` says of a path whether a package has it: of what a package
    has only a file is given, by which to know the package. A module that is imported by a computed name is not seen.
    """
    sites = _sites(interpreter)
    names: set[str] = set()
    beside = [*_own_modules(script, names)]
    yield from ((path, f"imported by {posixpath.basename(script)}") for path in beside)
    installed = []
    for path, detail in _installed(names, sites, owned):
        yield path, detail
        installed.append(path)
    imports = PythonImports()
    imports.look_in([posixpath.dirname(script), *sites])
    imports.take(path for path in installed if not owned(path))
    imports.start([script, *(path for path in beside if path.endswith(".py"))])
    yield from ((path, f"imported by {posixpath.basename(script)}") for path in sorted(imports.reached) if owned(path))


def _installed(names: Collection[str], sites: Sequence[str], owned: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Modules of no package that are installed, with what they require; of a package only its description."""
    installed = _Installed(sites)
    waiting = [name for top in sorted(names) for name in installed.holding(top) if not owned(installed.place(name))]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if owned(installed.place(name)):
            yield installed.place(name), f"distribution {name}"
            continue
        for path in installed.files(name):
            if is_for_all(path):
                yield path, f"distribution {name}"
        waiting += installed.required(name)
    for name in sorted(names):
        yield from ((path, f"imported as {name}") for path in _copied(name, sites) if not owned(path))


def is_of_python(program: str) -> bool:
    """Whether a program lies in the bin of a Python or of a virtual environment, where pip puts commands."""
    home = posixpath.dirname(posixpath.dirname(program))
    markers = ("pyvenv.cfg", "lib/python3*/os.py", "lib64/python3*/os.py")
    return any(glob.glob(f"{glob.escape(home)}/{marker}") for marker in markers)


def brought_with(program: str) -> Iterator[tuple[str, str]]:
    """Give the files of the distribution that brought a command to a Python's bin."""
    home = posixpath.dirname(posixpath.dirname(program))
    installed = _Installed(sorted(glob.glob(f"{glob.escape(home)}/lib*/python3*/site-packages")))
    for name in installed.bringing(program):
        yield from ((path, f"distribution {name}") for path in installed.files(name) if is_for_all(path))


class _Installed:
    """Distributions in some site directories."""

    def __init__(self, sites: Sequence[str]) -> None:
        self._by_name: dict[str, metadata.PathDistribution] = {}
        self._places: dict[str, str] = {}
        patterns = [f"{glob.escape(site)}/{name}" for site in sites for name in _DESCRIPTIONS]
        for place in reversed([path for pattern in patterns for path in sorted(glob.glob(pattern))]):
            found = metadata.PathDistribution(Path(place))
            # metadata["Name"] of a description without one is a warning from Python 3.12 on.
            given, *_ = found.metadata.get_all("Name") or [""]
            name = _normal(given)
            self._by_name[name], self._places[name] = found, place

    def place(self, name: str) -> str:
        """File that describes a distribution."""
        names = (f"{self._places[name]}/{file}" for file in ("METADATA", "PKG-INFO"))
        return next(filter(os.path.isfile, names), self._places[name])

    def holding(self, top: str) -> list[str]:
        """Names of the distributions that hold a top-level module."""
        prefix = (f"{top}/", f"{top}.")
        return [
            name
            for name, found in self._by_name.items()
            if any(str(file).startswith(prefix) for file in found.files or ()) or top in _tops(found)
        ]

    def bringing(self, program: str) -> list[str]:
        """Names of the distributions that brought a command."""
        command = posixpath.basename(program)
        return [
            name
            for name, found in self._by_name.items()
            if any(
                file.name == command and os.path.normpath(str(file.locate())) == program for file in found.files or ()
            )
        ]

    def files(self, name: str) -> Iterator[str]:
        """Files of a distribution, commands and caches aside, and the trees that an editable one leads to.

        One that was installed without a list of its files has those of its top-level modules.
        """
        found = self._by_name[name]
        for file in found.files or ():
            path = os.path.normpath(str(file.locate()))
            if not path.endswith(".pyc") and "/bin/" not in path:
                yield path
            if path.endswith(".pth"):
                yield from _led_to(path)
        if found.read_text("RECORD") is None:
            yield from files_below(self._places[name], lambda _: True)
            site = posixpath.dirname(self._places[name])
            for top in _tops(found):
                yield from _copied(top, [site])

    def required(self, name: str) -> list[str]:
        """Names of the distributions that one requires, as far as they are installed; those of extras are not."""
        wanted = (text for text in self._by_name[name].requires or () if "extra" not in text.partition(";")[2])
        words = (_REQUIREMENT.match(text) for text in wanted)
        found = [_normal(word[1]) for word in words if word is not None]
        return [item for item in found if item in self._by_name]


def _tops(distribution: metadata.Distribution) -> list[str]:
    """Top-level modules that a distribution says it has."""
    return (distribution.read_text("top_level.txt") or "").split()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _led_to(pth: str) -> Iterator[str]:
    try:
        lines = Path(pth).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        directory = posixpath.join(posixpath.dirname(pth), line.strip())
        if line.strip() and not line.startswith(("#", "import")) and Path(directory).is_dir():
            yield from files_below(os.path.realpath(directory), lambda path: not path.endswith((*_UNWANTED, "/.git")))


def _copied(name: str, sites: Sequence[str]) -> Iterator[str]:
    """A module that was copied into a site directory, of no distribution."""
    for site in sites:
        if os.path.isfile(f"{site}/{name}.py"):
            yield f"{site}/{name}.py"
        if Path(site, name).is_dir():
            yield from files_below(f"{site}/{name}", lambda path: not path.endswith(_UNWANTED))
        yield from sorted(glob.glob(f"{glob.escape(site)}/{name}.*.so"))


def _own_modules(script: str, names: set[str]) -> Iterator[str]:
    """Modules that lie beside a script and that it imports, and those import; all top-level names go to ``names``."""
    beside = posixpath.dirname(script)
    waiting, seen = [script], {script}
    while waiting and len(seen) < MAX_FILES:
        for name in _imports(waiting.pop()):
            names.add(name)
            found = [f"{beside}/{name}.py"] if os.path.isfile(f"{beside}/{name}.py") else []
            if os.path.isfile(f"{beside}/{name}/__init__.py"):
                found += files_below(f"{beside}/{name}", lambda path: not path.endswith(_UNWANTED))
            for path in found:
                if path not in seen:
                    seen.add(path)
                    yield path
                    if path.endswith(".py"):
                        waiting.append(path)


def _imports(path: str) -> list[str]:
    """Top-level names that a module imports, in its order."""
    try:
        with Path(path).open("rb") as file:
            tree = ast.parse(file.read(MAX_SCRIPT))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update((name.name.partition(".")[0], None) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found[node.module.partition(".")[0]] = None
    return list(found)


def _homes(interpreter: str) -> list[str]:
    """Directories above an interpreter's bin: as it was named, and where its links lead."""
    places = [interpreter, os.path.realpath(interpreter)]
    return list(dict.fromkeys(posixpath.dirname(posixpath.dirname(path)) for path in places))


def _library(home: str, interpreter: str) -> str | None:
    """The standard library below a prefix: the directory that holds os.py."""
    version = posixpath.basename(os.path.realpath(interpreter)).removeprefix("python")
    for pattern in (f"lib/python{version}", f"lib64/python{version}", "lib/python3.*", "lib64/python3.*"):
        for marker in sorted(glob.glob(f"{glob.escape(home)}/{pattern}/os.py")):
            return posixpath.dirname(marker)
    return None


def _sites(interpreter: str) -> tuple[str, ...]:
    """Directories that ``site`` adds: a virtual environment's own, and the base's where it is not closed to it."""
    homes = _homes(interpreter)
    if _is_closed(homes[0]):
        homes = homes[:1]
    elif os.path.realpath(interpreter).startswith("/usr/"):
        homes += [str(Path.home() / ".local"), "/usr/local", "/usr"]
    names = ("lib/python3*/site-packages", "lib64/python3*/site-packages", "lib/python3*/dist-packages")
    found = [path for home in homes for name in names for path in sorted(glob.glob(f"{glob.escape(home)}/{name}"))]
    return tuple(dict.fromkeys(found))


def _is_closed(home: str) -> bool:
    """Whether a directory is a virtual environment that does not see what is installed in its base."""
    try:
        text = Path(home, "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(r"(?mi)^include-system-site-packages\s*=\s*true", text) is None
