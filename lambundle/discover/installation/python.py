"""A Python of no package: its standard library, and the distributions that a script imports.

Source: the Python documentation, "The initialization of the sys.path module search path" and ``site``; the PyPA
specification "Recording installed projects". The target is never asked: what it would import is read.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.discover.installation.distributions import Distribution, distributions
from lambundle.discover.installation.tree import files_below, is_for_all
from lambundle.machine import escaped
from lambundle.scripts.python_imports import PythonImports, imported_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from lambundle.machine import Files, Machine

MAX_FILES = 5_000
"""Modules of a script's own that are read for what they import."""

MAX_PTH = 1 << 20
"""Bytes of a configuration of Python's that are read."""

_PYTHON = re.compile(r"python[0-9.]*$")
_UNWANTED = (
    "/__pycache__", "/test", "/tests", "/idlelib", "/turtledemo", "/ensurepip", "/lib2to3/tests", ".pyc", ".a",
)  # fmt: skip


def is_python(program: str) -> bool:
    """Whether a program is a Python interpreter, by its name."""
    return _PYTHON.match(posixpath.basename(program)) is not None


def standard_library(files: Files, interpreter: str) -> Iterator[tuple[str, str]]:
    """Give the standard library that an interpreter finds beside itself, without what was installed into it."""
    for home in _homes(files, interpreter):
        top = _library(files, home, interpreter)
        if top is not None:

            def wanted(path: str, top: str = top) -> bool:
                return not path.endswith((*_UNWANTED, "/site-packages")) and not path.startswith(
                    (f"{top}/config-", *_display(top))
                )

            for path in files_below(files, top, wanted):
                yield path, f"standard library of {posixpath.basename(interpreter)}"
            return


def _display(top: str) -> tuple[str, ...]:
    """What shows windows: there is no display."""
    return f"{top}/tkinter", f"{top}/lib-dynload/_tkinter"


def imported(
    machine: Machine, script: str, interpreter: str, owned: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Give what a script imports: modules beside it, the distributions that are installed, and packages' modules.

    A distribution comes with those it requires. ``owned`` says of a path whether a package has it: of what a package
    has only a file is given, by which to know the package. A module that is imported by a computed name is not seen.
    """
    files = machine.files
    sites = _sites(machine, interpreter)
    names: set[str] = set()
    beside = [*_own_modules(files, script, names)]
    yield from ((path, f"imported by {posixpath.basename(script)}") for path in beside)
    installed = []
    for path, detail in _installed(files, names, sites, owned):
        yield path, detail
        installed.append(path)
    imports = PythonImports(files)
    imports.look_in([posixpath.dirname(script), *sites])
    imports.take(path for path in installed if not owned(path))
    imports.start([script, *(path for path in beside if path.endswith(".py"))])
    yield from ((path, f"imported by {posixpath.basename(script)}") for path in sorted(imports.reached) if owned(path))


def _installed(
    files: Files, names: Collection[str], sites: Sequence[str], owned: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Modules of no package that are installed, with what they require; of a package only its description."""
    installed = distributions(files, sites)
    waiting = [
        name
        for top in sorted(names)
        for name, found in installed.items()
        if found.holds(top) and not owned(found.description)
    ]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        found = installed[name]
        if owned(found.description):
            yield found.description, f"distribution {name}"
            continue
        for path in _files_of(files, found):
            if is_for_all(files, path):
                yield path, f"distribution {name}"
        waiting += [required for required in found.required if required in installed]
    for name in sorted(names):
        yield from ((path, f"imported as {name}") for path in _copied(files, name, sites) if not owned(path))


def is_of_python(files: Files, program: str) -> bool:
    """Whether a program lies in the bin of a Python or of a virtual environment, where pip puts commands."""
    home = posixpath.dirname(posixpath.dirname(program))
    markers = ("pyvenv.cfg", "lib/python3*/os.py", "lib64/python3*/os.py")
    return any(files.glob(f"{escaped(home)}/{marker}") for marker in markers)


def brought_with(files: Files, program: str) -> Iterator[tuple[str, str]]:
    """Give the files of the distribution that brought a command to a Python's bin."""
    home = posixpath.dirname(posixpath.dirname(program))
    installed = distributions(files, files.glob(f"{escaped(home)}/lib*/python3*/site-packages"))
    for name, found in installed.items():
        if program in found.paths:
            yield from ((path, f"distribution {name}") for path in _files_of(files, found) if is_for_all(files, path))


def _files_of(files: Files, found: Distribution) -> Iterator[str]:
    """Files of a distribution, commands and caches aside, and the trees that an editable one leads to.

    One that was installed without a list of its files has those of its top-level modules.
    """
    for path in found.paths:
        if not path.endswith(".pyc") and "/bin/" not in path:
            yield path
        if path.endswith(".pth"):
            yield from _led_to(files, path)
    if not found.has_record:
        yield from files_below(files, found.place, lambda _: True)
        for top in sorted(found.tops):
            yield from _copied(files, top, [found.site])


def _led_to(files: Files, pth: str) -> Iterator[str]:
    for line in files.read(pth, MAX_PTH).decode("utf-8", "replace").splitlines():
        directory = posixpath.join(posixpath.dirname(pth), line.strip())
        if line.strip() and not line.startswith(("#", "import")) and files.is_directory(directory):
            top = files.real(directory)
            yield from files_below(files, top, lambda path: not path.endswith((*_UNWANTED, "/.git")))


def _copied(files: Files, name: str, sites: Sequence[str]) -> Iterator[str]:
    """A module that was copied into a site directory, of no distribution."""
    for site in sites:
        if files.is_file(f"{site}/{name}.py"):
            yield f"{site}/{name}.py"
        if files.is_directory(f"{site}/{name}"):
            yield from files_below(files, f"{site}/{name}", lambda path: not path.endswith(_UNWANTED))
        yield from files.glob(f"{escaped(site)}/{name}.*.so")


def _own_modules(files: Files, script: str, names: set[str]) -> Iterator[str]:
    """Modules that lie beside a script and that it imports, and those import; all top-level names go to ``names``."""
    beside = posixpath.dirname(script)
    waiting, seen = [script], {script}
    while waiting and len(seen) < MAX_FILES:
        for name in imported_names(files, waiting.pop()):
            names.add(name)
            found = [f"{beside}/{name}.py"] if files.is_file(f"{beside}/{name}.py") else []
            if files.is_file(f"{beside}/{name}/__init__.py"):
                found += files_below(files, f"{beside}/{name}", lambda path: not path.endswith(_UNWANTED))
            for path in found:
                if path not in seen:
                    seen.add(path)
                    yield path
                    if path.endswith(".py"):
                        waiting.append(path)


def _homes(files: Files, interpreter: str) -> list[str]:
    """Directories above an interpreter's bin: as it was named, and where its links lead."""
    places = [interpreter, files.real(interpreter)]
    return list(dict.fromkeys(posixpath.dirname(posixpath.dirname(path)) for path in places))


def _library(files: Files, home: str, interpreter: str) -> str | None:
    """The standard library below a prefix: the directory that holds os.py."""
    version = posixpath.basename(files.real(interpreter)).removeprefix("python")
    for pattern in (f"lib/python{version}", f"lib64/python{version}", "lib/python3.*", "lib64/python3.*"):
        for marker in files.glob(f"{escaped(home)}/{pattern}/os.py"):
            return posixpath.dirname(marker)
    return None


def _sites(machine: Machine, interpreter: str) -> tuple[str, ...]:
    """Directories that ``site`` adds: a virtual environment's own, and the base's where it is not closed to it."""
    files = machine.files
    homes = _homes(files, interpreter)
    if _is_closed(files, homes[0]):
        homes = homes[:1]
    elif files.real(interpreter).startswith("/usr/"):
        homes += [*([f"{machine.home}/.local"] if machine.home else []), "/usr/local", "/usr"]
    names = ("lib/python3*/site-packages", "lib64/python3*/site-packages", "lib/python3*/dist-packages")
    found = [path for home in homes for name in names for path in files.glob(f"{escaped(home)}/{name}")]
    return tuple(dict.fromkeys(found))


def _is_closed(files: Files, home: str) -> bool:
    """Whether a directory is a virtual environment that does not see what is installed in its base."""
    text = files.content(f"{home}/pyvenv.cfg", MAX_PTH)
    return text is not None and re.search(rb"(?mi)^include-system-site-packages\s*=\s*true", text) is None
