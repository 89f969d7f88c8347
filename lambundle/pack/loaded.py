"""The closure of a gathering: missing libraries are errors, all others are added.

A file that needs a library by its absolute path needs it by its name in the bundle, where that path does not exist.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.elf.bare_names import bare_name, bare_name_edits
from lambundle.elf.looked_in import missing_library
from lambundle.errors import ForeignElfError
from lambundle.target import MACHINES

if TYPE_CHECKING:
    from lambundle.elf.closure import Closure, LoadedFile
    from lambundle.gather.gathering import Gathering


def check_missing(gathering: Gathering, closure: Closure) -> None:
    """Raise LibraryNotFoundError or ForeignElfError; add a note for each library that an optional file misses."""
    missing = [item for item in closure.missing if item.program not in gathering.optional]
    if missing:
        raise missing_library(missing)
    here = {posixpath.basename(path) for path in gathering.mirror.files()}
    for item in closure.missing:
        if item.soname not in here:  # else the program loads it before, from a directory that it knows
            gathering.notes.append(
                f"{item.soname}, needed by {item.needed_by}, is not installed: that file will not load"
            )
    architectures = {MACHINES.get(file.elf.machine) for file in closure.files.values()}
    if not architectures <= {gathering.architecture}:
        raise ForeignElfError(f"the bundle is for {gathering.architecture}, but a file of another machine is added")


def mirror_closure(gathering: Gathering, closure: Closure) -> None:
    """Add every file of the closure, with each file that needs it as a reason."""
    mirror = gathering.mirror
    for file in closure.files.values():
        for need in file.needed:
            mirror.add(need.path, Reason("needed", file.real, need.soname))
        if file.elf.interpreter is not None and file.elf.is_program:
            mirror.add(file.elf.interpreter, Reason("interpreter", file.real))
    for path, file in closure.files.items():
        if file.real not in mirror:
            mirror.add(path, Reason("libc", None, posixpath.basename(path)))
        _need_by_bare_name(gathering, file)


def _need_by_bare_name(gathering: Gathering, file: LoadedFile) -> None:
    """Let a file need by bare names what it needs by absolute paths, unless a soname answers to such a path."""
    found = {need.soname: posixpath.basename(need.path) for need in file.needed if need.soname.startswith("/")}
    names = tuple(dict.fromkeys(name for name, library in found.items() if bare_name(name) == library))
    names += tuple(name for name in file.elf.audits if name.startswith("/") and name not in names)
    if names and file.real in gathering.mirror:
        with gathering.files.mapped(file.real) as data:
            gathering.mirror.rename_needed(file.real, names, bare_name_edits(data, names))
