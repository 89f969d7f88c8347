"""A program that conda installed: the data of its package and of those that the package depends on.

Source: conda documentation, "Package specification" and "conda-meta". Libraries and modules are found
by what loads them.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

from lambundle.discover.installation.tree import is_world_readable
from lambundle.machine import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.machine import Files

MAX_RECORD = 64 << 20
"""Bytes of a package's record that are read."""

_UNWANTED = re.compile(
    r"(?:s?bin|include|man|conda-meta|info|share/(?:man|doc|info|gtk-doc|icons|applications))/|lib/python[0-9.]+/"
    r"|lib/[^/]*$|lib/(?:pkgconfig|cmake)/"
)
_INTERPRETERS = ("python", "python_abi", "pip")


def package_files(files: Files, program: str) -> Iterator[tuple[str, str]]:
    """Return the data of a program's package and its dependencies; nothing where conda keeps no records."""
    prefix = posixpath.dirname(posixpath.dirname(program))
    records = files.glob(f"{escaped(prefix)}/conda-meta/*.json") if posixpath.basename(prefix) else []
    known = {str(record.get("name", "")): record for record in (_read(files, path) for path in records)}
    relative = posixpath.relpath(program, prefix)
    waiting = [name for name, record in known.items() if relative in _texts(record, "files")]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in known or name in _INTERPRETERS:
            continue
        seen.add(name)
        for path in _texts(known[name], "files"):
            if not (_UNWANTED.match(path) or ".." in path) and is_world_readable(files, f"{prefix}/{path}"):
                yield f"{prefix}/{path}", f"conda package {name}"
        waiting += [text.split()[0] for text in _texts(known[name], "depends") if text.strip()]


def _texts(record: dict[str, Any], key: str) -> list[str]:
    found = record.get(key)
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def _read(files: Files, path: str) -> dict[str, Any]:
    try:
        found = json.loads(files.read(path, MAX_RECORD))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
