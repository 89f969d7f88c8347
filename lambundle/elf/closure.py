"""The closure: the files that programs load, and the differences of two closures."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  (dataclass fields)
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambundle.elf.headers import ElfFile
    from lambundle.elf.loader import FailedLookup


@dataclass(frozen=True, slots=True)
class Needed:
    """A resolved name of DT_NEEDED: its path and the rule by which it was found.

    ``loaded`` is true if the file was loaded before; ``found_by`` is then the rule of the first time.
    """

    soname: str
    path: str
    found_by: str
    loaded: bool = False


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """One file of the closure.

    ``path`` is the path under which it was found, ``real`` its real path. ``needed`` is its resolved DT_NEEDED, in
    order; in ``Closure.files`` with all results that differ between programs.
    """

    path: str
    real: str
    elf: ElfFile
    needed: tuple[Needed, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """A library that was not found, or an interpreter that cannot be loaded.

    ``needed_by`` and ``program`` are paths as found; ``looked_in`` has the failed lookups in the loader's order.
    """

    soname: str
    needed_by: str
    program: str
    looked_in: tuple[FailedLookup, ...]


@dataclass(frozen=True, slots=True)
class Excluded:
    """A library that the caller excluded, by its soname or by the ``path`` it was found under (else empty)."""

    soname: str
    needed_by: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Closure:
    """All files that the starts load.

    ``programs`` are the absolute paths of the starts as named. ``files`` are the files by the path under which
    they were found, in load order, with interpreters. ``missing`` has an entry for each name and file that needs it.
    ``scopes`` has the files of each start, in load order, with its own results.
    """

    programs: tuple[str, ...]
    files: Mapping[str, LoadedFile]
    missing: tuple[Missing, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    scopes: Mapping[str, tuple[LoadedFile, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A name with another file, or none, in the second of two closures; paths are real."""

    program: str
    needed_by: str
    soname: str
    expected: str
    got: str | None


def differences(closure: Closure, other: Closure) -> tuple[Difference, ...]:
    """Return the differences of two closures of the same starts.

    If the second walk was ``isolated``, with the bundle's directories as its library path, no difference proves that
    the bundle loads the files that were found on this machine.
    """
    found: list[Difference] = []
    for program, loaded in closure.scopes.items():
        answers = {
            (file.real, need.soname): need.path for file in other.scopes.get(program, ()) for need in file.needed
        }
        reals = {file.path: file.real for file in other.scopes.get(program, ())}
        own_reals = {file.path: file.real for file in loaded}
        for file in loaded:
            for need in file.needed:
                path = answers.get((file.real, need.soname))
                got = None if path is None else reals[path]
                expected = own_reals[need.path]
                if got != expected:
                    found.append(Difference(program, file.real, need.soname, expected, got))
    return tuple(found)
