"""A file of a machine that is to be read later, by somebody who knows neither the machine nor its root."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from lambundle.machine.disk import DiskFiles

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.machine.files import Files


@dataclass(frozen=True, slots=True)
class Source:
    """The file at ``path``, as it is called on its machine, and the machine's ``files``, which open it."""

    path: str
    files: Files = field(repr=False, compare=False)

    def open(self) -> BinaryIO:
        """Open it for reading, unbuffered; raises OSError."""
        return self.files.open(self.path)

    def __str__(self) -> str:
        return self.path


def own_file(path: Path) -> Source:
    """Return a file of lambundle itself, or one that lambundle made, as a source."""
    return Source(str(path), DiskFiles())
