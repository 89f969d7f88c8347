"""Files that need a library by its absolute path: in a bundle, where that path does not exist, by its name."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.elf.bare_names import bare_name, bare_name_edits

if TYPE_CHECKING:
    from lambundle.elf.closure import Closure, LoadedFile
    from lambundle.gather.gathering import Gathering


def need_by_bare_names(gathering: Gathering, closure: Closure) -> None:
    """Let every gathered file of a closure need by bare names what it needs by absolute paths."""
    for file in closure.files.values():
        names = _absolute_names(file)
        if names and file.real in gathering.mirror:
            with gathering.files.mapped(file.real) as data:
                gathering.mirror.rename_needed(file.real, names, bare_name_edits(data, names))


def _absolute_names(file: LoadedFile) -> tuple[str, ...]:
    """Return the absolute paths in a file's dynamic section; a path that is another library's soname stays."""
    found = [need.soname for need in file.needed if bare_name(need.soname) == posixpath.basename(need.path)]
    audits = file.elf.audits if file.elf.interpreter else ()
    return tuple(dict.fromkeys(name for name in (*found, *audits) if name.startswith("/")))
