"""A file of a machine, to be read later without knowing the machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from lambundle.machine.disk import DiskFiles

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.machine.files import Files


@dataclass(frozen=True, slots=True)
class Source:
    """The file at ``path`` of a machine, and the machine's ``files`` to open it."""

    path: str
    files: Files = field(repr=False, compare=False)

    def open(self) -> BinaryIO:
        """Open the file for reading, unbuffered. Raises OSError."""
        return self.files.open(self.path)

    def __str__(self) -> str:
        return self.path


def own_file(path: Path) -> Source:
    """Return a file of lambundle, or one that it made, as a source."""
    return Source(str(path), DiskFiles())
