"""Directories that are searched before all others: the user's ``--library-path``, then LD_LIBRARY_PATH."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.elf.closure import Closure
    from lambundle.machine import Machine

_SHOWN = 3


def searched_first(machine: Machine, given: Iterable[str]) -> tuple[str, ...]:
    """Return ``--library-path`` made absolute, and the machine's own LD_LIBRARY_PATH behind it."""
    return (*map(machine.absolute, given), *machine.library_path)


def found_by_variable(machine: Machine, given: Iterable[str], closure: Closure) -> str | None:
    """Return a note on the libraries that only LD_LIBRARY_PATH leads to; None where there are none."""
    own = set(map(machine.absolute, given))
    names: dict[str, None] = {}
    directories: dict[str, None] = {}
    for file in closure.files.values() if machine.library_path else ():
        for need in file.needed:
            directory = posixpath.dirname(need.path)
            if need.found_by == "LD_LIBRARY_PATH" and directory not in own:
                names.setdefault(posixpath.basename(need.path))
                directories.setdefault(directory)
    if not names:
        return None
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    which = f"{', '.join([*names][:_SHOWN])}{more}"
    return f"LD_LIBRARY_PATH is set, and the loader takes {which} from {', '.join(directories)}"
