"""The files that programs load, as a walk found them, and how two walks differ."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  (dataclass fields)
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambundle.elf.headers import ElfFile
    from lambundle.elf.loader import Place


@dataclass(frozen=True, slots=True)
class Needed:
    """One answered need: a name of DT_NEEDED, the path it was found under, and by which rule.

    Where the name was answered by something loaded already, ``loaded`` is true and ``found_by`` is the
    rule by which that file was found when it was first needed.
    """

    soname: str
    path: str
    found_by: str
    loaded: bool = False


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """One file of the closure.

    ``path`` is the path under which it was found, which may be or lead through a symbolic link; ``real`` is
    the same with every link followed. ``needed`` are its answered needs, in the order of its DT_NEEDED;
    in ``Closure.files`` with every answer that differs between programs.
    """

    path: str
    real: str
    elf: ElfFile
    needed: tuple[Needed, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """A library found nowhere: its name, the file that needs it, the program it is missing in.

    ``needed_by`` and ``program`` are paths as found; ``looked_in`` has every place in the loader's order.
    An interpreter that cannot be loaded is missing too.
    """

    soname: str
    needed_by: str
    program: str
    looked_in: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Excluded:
    """A library that was left out because the caller wanted it so.

    ``path`` is where it was found, empty where it was left out by its soname.
    """

    soname: str
    needed_by: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Closure:
    """All that the roots load.

    ``programs`` are the roots as they were named, made absolute. ``files`` are the files by the path they
    were found under, in load order; interpreters are among them. ``missing`` has an entry for each name
    and each file that needs it. ``scopes`` tells the programs apart: for each root what it loads, in load
    order, with its own answers.
    """

    programs: tuple[str, ...]
    files: Mapping[str, LoadedFile]
    missing: tuple[Missing, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    scopes: Mapping[str, tuple[LoadedFile, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A need that has another answer, or none, in the second of two walks. Paths have every link followed."""

    program: str
    needed_by: str
    soname: str
    expected: str
    got: str | None


def differences(closure: Closure, other: Closure) -> tuple[Difference, ...]:
    """Compare two walks of the same roots: the needs of the first that the second answers otherwise.

    With the second walk ``isolated`` and with the bundle's directories as its library path, an empty answer
    proves that the bundle loads the very files that were found on this machine.
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
