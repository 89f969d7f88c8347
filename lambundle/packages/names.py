"""All names of a file: through links to the directories above it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.machine import Files

MAX_NAMES = 16
"""Names of one file that are tried; links that lead into each other would make endless ones."""
SCAN_DEPTH = 2
"""Depth to which directory links are searched: ``/``, ``/usr`` and ``/usr/lib`` are three levels."""
NOT_SCANNED = frozenset(("dev", "home", "media", "mnt", "proc", "root", "run", "sys", "tmp"))
"""Directories of ``/`` in which packages have no files."""


class Names:
    """The names of the files of one machine."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def of(self, path: str) -> Iterator[str]:
        """Return the names of ``path``, likeliest first: as given, its real path, names through links."""
        yield path
        seen = {path}
        waiting = [self._files.real_parent(path)]
        for name in waiting:  # grows while it is walked
            if name not in seen:
                seen.add(name)
                yield name
            if len(waiting) < MAX_NAMES:
                waiting.extend(other for other in self._renamed(name) if other not in seen)

    def _renamed(self, name: str) -> Iterator[str]:
        ancestor = name
        while ancestor:
            for link in self._aliases.get(ancestor, ()):
                yield link + name[len(ancestor) :]
            ancestor = ancestor.rpartition("/")[0]

    @cached_property
    def _aliases(self) -> dict[str, list[str]]:
        """Return the links to each directory, within SCAN_DEPTH below the root.

        With them a database that lists ``/lib/x`` finds the owner of ``/usr/lib/x``. Deeper links exist only where
        somebody moved a package's directory, and scanning every directory costs as much as reading the database.
        """
        aliases: dict[str, list[str]] = {}
        level = [""]
        for _ in range(SCAN_DEPTH + 1):
            level = [below for directory in level for below in self._scan(directory, aliases)]
        return aliases

    def _scan(self, directory: str, aliases: dict[str, list[str]]) -> list[str]:
        """Add the directory links of ``directory`` to ``aliases``; return its real subdirectories."""
        below = []
        for item in self._files.items(directory or "/"):
            if item.is_directory:
                if directory or item.name not in NOT_SCANNED:
                    below.append(item.path)
            elif item.is_link and self._files.is_directory(item.path):
                real = self._files.real(item.path)
                # A link to its own directory (/usr/bin/X11) gives no new names.
                if not item.path.startswith(f"{real}/"):
                    aliases.setdefault(real, []).append(item.path)
        return below
