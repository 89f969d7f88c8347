"""This machine through the door, each time as it is now: for tests that make real files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lambundle.elf import headers
from lambundle.elf.files import ElfFiles
from lambundle.elf.walk import Walker
from lambundle.elf.walk import walk as walk_in
from lambundle.gather.mirror import Mirror
from lambundle.machine import DiskFiles, Machine, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lambundle.elf.closure import Closure
    from lambundle.elf.headers import ElfFile

AnyPath = str | os.PathLike[str]


def read_elf(path: AnyPath) -> ElfFile:
    """Read the headers of a file of this machine."""
    return headers.read_elf(DiskFiles(), os.fspath(path))


def is_elf(path: AnyPath) -> bool:
    """Whether a file of this machine is an ELF file."""
    return headers.is_elf(DiskFiles(), os.fspath(path))


def walker() -> Walker:
    """A walk on this machine."""
    return Walker(ElfFiles(DiskFiles()))


def walk(
    roots: Iterable[AnyPath],
    *,
    library_path: Sequence[str] = (),
    exclude: Callable[[str], bool] | None = None,
    plugins: Iterable[tuple[AnyPath, AnyPath]] = (),
    isolated: bool = False,
) -> Closure:
    """Walk programs of this machine."""
    return walk_in(
        ElfFiles(DiskFiles()),
        [os.fspath(root) for root in roots],
        library_path=library_path,
        exclude=exclude,
        plugins=[(os.fspath(plugin), os.fspath(program)) for plugin, program in plugins],
        isolated=isolated,
    )


def mirror(excluded: Callable[[str], bool] = lambda _: False) -> Mirror:
    """A mirror of files of this machine."""
    return Mirror(DiskFiles(), excluded)


def machine(search: Sequence[str] = (), directory: str = "/") -> Machine:
    """This machine with a PATH of the test's."""
    return Machine(DiskFiles(), {"PATH": ":".join(search)}, directory)


def source(path: AnyPath) -> Source:
    """A file of this machine as the source of an entry."""
    return Source(os.fspath(path), DiskFiles())
