"""An unpackaged Python: its standard library, and the distributions that a script imports.

Source: the Python documentation, "The initialization of the sys.path module search path" and ``site``; the PyPA
specification "Recording installed projects". Python itself is never run.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.discover.installation.distributions import Distribution, distributions
from lambundle.discover.installation.needed import needed_distributions
from lambundle.discover.installation.tree import files_below, is_world_readable
from lambundle.machine import escaped
from lambundle.scripts.python_imports import PythonImports, imported_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from lambundle.machine import Files, Machine

MAX_FILES = 5_000
"""Most of a script's own modules that are read for their imports."""

MAX_PTH = 1 << 20
"""Bytes of a ``.pth`` file or ``pyvenv.cfg`` that are read."""

_PYTHON = re.compile(r"python[0-9.]*$")
_MAPPED = re.compile(r"[\"'](/[^\"'\n]+)[\"']")
"""A directory in setuptools' finder of editable modules."""
_SITE = re.compile(r"(/.*/(?:dist|site)-packages)/")
_UNWANTED = (
    "/__pycache__", "/test", "/tests", "/idlelib", "/turtledemo", "/ensurepip", "/lib2to3/tests", ".pyc", ".a",
)  # fmt: skip


def is_python(program: str) -> bool:
    """Return whether a program has the name of a Python interpreter."""
    return _PYTHON.match(posixpath.basename(program)) is not None


def standard_library(files: Files, interpreter: str) -> Iterator[tuple[str, str]]:
    """Return the files of an interpreter's standard library, without site-packages."""
    for prefix in _prefixes(files, interpreter):
        top = _standard_library(files, prefix, interpreter)
        if top is not None:

            def wanted(path: str, top: str = top) -> bool:
                return not path.endswith((*_UNWANTED, "/site-packages")) and not path.startswith(
                    (f"{top}/config-", *_display(top))
                )

            for path in files_below(files, top, wanted):
                yield path, f"standard library of {posixpath.basename(interpreter)}"
            return


def _display(top: str) -> tuple[str, ...]:
    """Return the paths of modules that need a display."""
    return f"{top}/tkinter", f"{top}/lib-dynload/_tkinter"


def imported_files(
    machine: Machine, script: str, interpreter: str, is_owned: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Return what a script imports: modules beside it, distributions with their requirements, packaged modules.

    Of a packaged module, as ``is_owned`` tells, only one file is returned, to find its package. A computed module name
    is not found.
    """
    files = machine.files
    sites = _sites(machine, interpreter)
    names: set[str] = set()
    beside = [*_own_modules(files, script, names)]
    yield from ((path, f"imported by {posixpath.basename(script)}") for path in beside)
    installed = []
    for path, detail in _installed(files, script, names, sites, is_owned):
        yield path, detail
        installed.append(path)
    imports = PythonImports(files)
    imports.add_sites([posixpath.dirname(script), *sites])
    imports.add_files(path for path in installed if not is_owned(path))
    imports.start([script, *(path for path in beside if path.endswith(".py"))])
    yield from (
        (path, f"imported by {posixpath.basename(script)}") for path in sorted(imports.reached) if is_owned(path)
    )


def _installed(
    files: Files, script: str, names: Collection[str], sites: Sequence[str], is_owned: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Return the files of distributions and their requirements; of a packaged one only its metadata file."""
    installed = distributions(files, sites)
    for name in needed_distributions(files, installed, script, names, is_owned):
        found = installed[name]
        if is_owned(found.description):
            yield found.description, f"distribution {name}"
            continue
        for path in files_of(files, found):
            if is_world_readable(files, path):
                yield path, f"distribution {name}"
    for name in sorted(names):
        yield from (
            (path, f"imported as {name}") for path in _unlisted_module(files, name, sites) if not is_owned(path)
        )


def is_python_command(files: Files, program: str) -> bool:
    """Return whether a program is in the ``bin`` of a Python or a virtual environment, or among the modules of one."""
    if _SITE.match(program):
        return True
    prefix = posixpath.dirname(posixpath.dirname(program))
    markers = ("pyvenv.cfg", "lib/python3*/os.py", "lib64/python3*/os.py")
    return any(files.glob(f"{escaped(prefix)}/{marker}") for marker in markers)


def distribution_files(files: Files, program: str) -> Iterator[tuple[str, str]]:
    """Return the files of the distribution of a command in a Python's ``bin``, or of a program among its modules."""
    within = _SITE.match(program)
    prefix = posixpath.dirname(posixpath.dirname(program))
    sites = [within[1]] if within is not None else files.glob(f"{escaped(prefix)}/lib*/python3*/site-packages")
    installed = distributions(files, sites)
    for name, found in installed.items():
        if program in found.paths:
            yield from (
                (path, f"distribution {name}") for path in files_of(files, found) if is_world_readable(files, path)
            )


def files_of(files: Files, found: Distribution) -> Iterator[str]:
    """Return the files of a distribution, without commands and caches, and the trees of an editable one.

    Without a RECORD these are the files of its top-level modules.
    """
    for path in found.paths:
        is_command = posixpath.basename(posixpath.dirname(path)) == "bin" and not path.startswith(f"{found.site}/")
        if not path.endswith(".pyc") and not is_command:
            yield path
        if path.endswith(".pth"):
            yield from _editable_files(files, path)
        elif posixpath.basename(path).startswith("__editable__") and path.endswith(".py"):
            for directory in _MAPPED.findall(files.read(path, MAX_PTH).decode("utf-8", "replace")):
                yield from files_below(files, directory, lambda path: not path.endswith((*_UNWANTED, "/.git")))
    if not found.has_record:
        yield from files_below(files, found.location, lambda _: True)
        for top in sorted(found.tops):
            yield from _unlisted_module(files, top, [found.site])


def _editable_files(files: Files, pth: str) -> Iterator[str]:
    for line in files.read(pth, MAX_PTH).decode("utf-8", "replace").splitlines():
        directory = posixpath.join(posixpath.dirname(pth), line.strip())
        if line.strip() and not line.startswith(("#", "import")) and files.is_directory(directory):
            top = files.real(directory)
            yield from files_below(files, top, lambda path: not path.endswith((*_UNWANTED, "/.git")))


def _unlisted_module(files: Files, name: str, sites: Sequence[str]) -> Iterator[str]:
    """Return the files of a module in a site directory, whether or not a distribution lists them."""
    for site in sites:
        if files.is_file(f"{site}/{name}.py"):
            yield f"{site}/{name}.py"
        if files.is_directory(f"{site}/{name}"):
            yield from files_below(files, f"{site}/{name}", lambda path: not path.endswith(_UNWANTED))
        yield from files.glob(f"{escaped(site)}/{name}.*.so")


def _own_modules(files: Files, script: str, names: set[str]) -> Iterator[str]:
    """Return imported modules beside a script, recursively; add all imported top-level names to ``names``."""
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


def own_sources(files: Files, script: str) -> list[str]:
    """Return the sources beside a script that it imports."""
    return [path for path in _own_modules(files, script, set()) if path.endswith(".py")]


def _prefixes(files: Files, interpreter: str) -> list[str]:
    """Return the directories above an interpreter's ``bin``, by its path and its real path."""
    paths = [interpreter, files.real(interpreter)]
    return list(dict.fromkeys(posixpath.dirname(posixpath.dirname(path)) for path in paths))


def _standard_library(files: Files, prefix: str, interpreter: str) -> str | None:
    """Return the standard library below a prefix: the directory with os.py."""
    version = posixpath.basename(files.real(interpreter)).removeprefix("python")
    for pattern in (f"lib/python{version}", f"lib64/python{version}", "lib/python3.*", "lib64/python3.*"):
        for marker in files.glob(f"{escaped(prefix)}/{pattern}/os.py"):
            return posixpath.dirname(marker)
    return None


def _sites(machine: Machine, interpreter: str) -> tuple[str, ...]:
    """Return the directories that ``site`` adds; those of the base unless the virtual environment is isolated."""
    files = machine.files
    prefixes = _prefixes(files, interpreter)
    if _is_isolated(files, prefixes[0]):
        prefixes = prefixes[:1]
    elif files.real(interpreter).startswith("/usr/"):
        prefixes += [*([f"{machine.home_directory}/.local"] if machine.home_directory else []), "/usr/local", "/usr"]
    names = ("lib/python3*/site-packages", "lib64/python3*/site-packages", "lib/python3*/dist-packages")
    found = [path for prefix in prefixes for name in names for path in files.glob(f"{escaped(prefix)}/{name}")]
    return tuple(dict.fromkeys(found))


def _is_isolated(files: Files, prefix: str) -> bool:
    """Return whether a directory is a virtual environment without ``include-system-site-packages``."""
    text = files.content(f"{prefix}/pyvenv.cfg", MAX_PTH)
    return text is not None and re.search(rb"(?mi)^include-system-site-packages\s*=\s*true", text) is None
