"""What is asked of ``pack`` and what it answers: a request and a plan."""

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
    """What real runs opened: paths of files, and whether nothing else is wanted beside them."""

    files: tuple[str, ...]
    only: bool


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked ``pack`` for.

    ``programs`` are PROGRAM or NAME=PROGRAM on ``machine``; ``add`` files and directories there; ``exclude`` globs of
    sonames, file names or absolute paths; ``library_path`` directories searched as LD_LIBRARY_PATH. ``recipes`` are
    the user's own files, which come before lambundle's; ``recorded`` is what real runs opened.
    """

    programs: tuple[str, ...]
    machine: Machine
    name: str | None = None
    add: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    library_path: tuple[str, ...] = ()
    recipes: tuple[Path, ...] = ()
    recorded: Recorded | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A bundle that could be written.

    ``notes`` are for a person to read. ``programs`` and ``libraries`` are how many ELF programs and shared objects it
    holds, ``recipes`` the names of the recipes that had a part, each with the number of files it brought, ``packages``
    the packages that discovery chose, each with the reason. ``machine`` is where the files are read from.
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
        """Bytes of all files and link targets, without the manifest, which is written last."""
        return sum(entry.size for entry in self.manifest.entries)
