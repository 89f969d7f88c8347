"""Commands that a configuration names, of packages that are recommended or suggested: told, not taken.

ImageMagick's delegates are such: Ghostscript for PDF files, and dozens of converters.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.discover.selection.packages import PackageSelection

KINDS = ("recommends", "suggests")
SHOWN = 5
"""Commands that the note names."""


def offered_commands(selection: PackageSelection) -> str | None:
    """Return the note on installed commands that configurations of the selected packages name; None without any."""
    candidates = {name: commands for name in _related(selection) if (commands := _commands(selection, name))}
    if not candidates:
        return None
    words = selection.evidence.named_by(_configurations(selection))
    found = {
        name: named
        for name, commands in candidates.items()
        if (named := [path for path in commands if posixpath.basename(path) in words])
    }
    if not found:
        return None
    shown = [
        f"{named[0]} ({name}, {selection.bytes_more(name) / 1e6:,.0f} MB)"
        for name, named in list(found.items())[:SHOWN]
    ]
    more = f" and of {len(found) - SHOWN} more packages" if len(found) > SHOWN else ""
    return f"commands that a configuration names are left out: {', '.join(shown)}{more}; --add PATH brings one"


def _related(selection: PackageSelection) -> Iterator[str]:
    """Return the installed packages that root packages recommend or suggest and that were not selected."""
    seen: set[str] = set()
    for package in list(selection.chosen.values()):
        for item in selection.db.depends(package.name) if package.root else ():
            for name in item.providers[:1] if item.kind in KINDS else ():
                if not (name in seen or name in selection.chosen or selection.is_irrelevant(name)):
                    seen.add(name)
                    yield name


def _commands(selection: PackageSelection, name: str) -> list[str]:
    return [file for file in selection.db.files(name) if is_command(file)]


def _configurations(selection: PackageSelection) -> list[str]:
    return [file for package in selection.chosen.values() for file in package.files if file.startswith("/etc/")]
