"""The list by which the runtime knows a copy of a bundled program that lies outside the bundle. Pure.

Programs copy themselves to /tmp or into a memory file and start that; there too they need the bundle's loader.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.runtime.limits import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Original:
    """A dynamic program: its real path, its size in bytes and its first ``HEAD`` bytes, or all where it has fewer."""

    path: str
    size: int
    head: bytes

    @property
    def line(self) -> str:
        """``SIZE CRC PATH``, the CRC-32 (zlib's) of the head; it has the program headers, and usually the build ID."""
        return f"{self.size} {zlib.crc32(self.head[:HEAD])} {self.path}\n"


def list_originals(originals: Iterable[Original]) -> str:
    """Return the text of ``runtime/programs``. A program whose name has a line break is left out."""
    return "".join(item.line for item in originals if "\n" not in item.path)
