"""Files that a rule left out on purpose: one note a group, with count, size and the flag that brings it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.machine import Files

WORTH_A_NOTE = 1 << 20
"""Bytes of a group from which it is told."""


class LeftOut:
    """Groups of files of packages, each with why it was left out."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._groups: dict[tuple[str, str], dict[str, None]] = {}
        self._flags: dict[tuple[str, str], dict[str, None]] = {}

    def clear(self) -> None:
        """Forget all groups."""
        self._groups.clear()
        self._flags.clear()

    def add(self, package: str, why: str, brought_by: str, *paths: str) -> None:
        """Note files of a package; ``--add`` of the path ``brought_by`` brings them."""
        self._groups.setdefault((package, why), {}).update(dict.fromkeys(paths))
        self._flags.setdefault((package, why), {}).setdefault(brought_by)

    def notes(self) -> Iterator[str]:
        """Return a note for each group that weighs something."""
        for (package, why), paths in self._groups.items():
            size = sum(map(self._files.size, paths))
            if size >= WORTH_A_NOTE:
                flags = list(self._flags[package, why])
                flag = f"--add {flags[0]}" if len(flags) == 1 else f"--package {package}"
                yield f"{package}: {len(paths):,} files ({size / 1e6:.1f} MB) are left out: {why}; {flag} brings them"
