"""The alternatives system: which files may stand for one generic name, and whether a person chose among them.

A record is a text file (update-alternatives(1), chkconfig's alternatives(8)): the mode, the generic name, the names
and links of slaves, two a choice; an empty line; then for each choice its path, its priority and a path for each slave.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.machine import Files

DIRECTORIES = ("/var/lib/dpkg/alternatives", "/var/lib/alternatives")
"""Debian's place for records, and that of Fedora and its kin."""

_MAX_RECORD = 1 << 20


class Alternative(NamedTuple):
    """The generic name ``link``, the paths that may stand for it, and whether the machine chose, not a person."""

    link: str
    providers: tuple[str, ...]
    is_automatic: bool


def alternatives(files: Files) -> Iterator[Alternative]:
    """Return all alternatives of a machine; a damaged record is left out."""
    for directory in DIRECTORIES:
        for item in files.items(directory):
            data = files.content(item.path, _MAX_RECORD) if item.is_file else None
            lines = (data or b"").decode("utf-8", "surrogateescape").split("\n")
            if len(lines) > 1 and lines[1].startswith("/"):
                yield Alternative(lines[1], _providers(lines[2:]), lines[0] == "auto")


def _providers(lines: list[str]) -> tuple[str, ...]:
    """Return the choices' paths: after the slaves, every line that a priority follows."""
    choices = lines[lines.index("") + 1 :] if "" in lines else []
    pairs = itertools.pairwise(choices)
    return tuple(path for path, priority in pairs if path.startswith("/") and priority.split(" ")[0].isdecimal())
