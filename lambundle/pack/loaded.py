"""The closure of a gathering: missing libraries are errors, all others are added."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.elf.looked_in import missing_library
from lambundle.errors import ForeignElfError
from lambundle.gather.bare_names import need_by_bare_names
from lambundle.target import MACHINES

if TYPE_CHECKING:
    from lambundle.elf.closure import Closure
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
    need_by_bare_names(gathering, closure)
