"""The request and the plan: input and output of ``make_plan``."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  (dataclass fields)
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.bundle.model import Manifest, Reason  # noqa: TC001
from lambundle.machine import Machine  # noqa: TC001

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Recorded:
    """The files of a recording of ``commands``; with ``only`` nothing else is discovered."""

    files: tuple[str, ...]
    only: bool
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of ``pack``.

    ``programs`` are PROGRAM or NAME=PROGRAM on ``machine``, ``add`` files and directories there, ``packages`` installed
    packages to add as a whole, ``exclude`` globs of sonames, file names or absolute paths, ``library_path`` directories
    searched as LD_LIBRARY_PATH. ``recipes`` are the user's own files, preferred to lambundle's.
    """

    programs: tuple[str, ...]
    machine: Machine
    name: str | None = None
    add: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    library_path: tuple[str, ...] = ()
    recipes: tuple[Path, ...] = ()
    recorded: Recorded | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A bundle that could be written.

    ``notes`` are messages for the user. ``programs`` and ``libraries`` are the numbers of ELF programs and shared
    objects, ``recipes`` the number of files that each recipe added, ``packages`` the selected packages, each with its
    reason. Files are read from ``machine``.
    """

    manifest: Manifest
    machine: Machine
    notes: tuple[str, ...]
    programs: int
    libraries: int
    recipes: Mapping[str, int]
    packages: Mapping[str, Reason]

    @property
    def unzipped(self) -> int:
        """The bytes of all files and link targets, without the manifest, which is written last."""
        return sum(entry.size for entry in self.manifest.entries)
