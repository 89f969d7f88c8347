"""A Node.js module and its dependencies, found as Node.js finds them.

Source: Node.js documentation, "Loading from node_modules folders"; npm documentation, "package.json".
"""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING, Any

from lambundle.discover.installation.tree import files_below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.machine import Files

MAX_MODULES = 20_000
MAX_DESCRIPTION = 4 << 20
"""Bytes of a package.json that are read."""

_DEPENDENCIES = ("dependencies", "optionalDependencies", "peerDependencies")
_UNWANTED = ("/.git", "/.cache", "/.github", "/test", "/tests", "/docs", "/man", "/.env")


def module_of(files: Files, program: str) -> str | None:
    """Return the nearest directory above a script whose package.json has a name; None without one."""
    above = posixpath.dirname(program)
    while above not in ("/", ""):
        if _described(files, above).get("name"):
            return above
        above = posixpath.dirname(above)
    return None


def modules(files: Files, top: str) -> Iterator[tuple[str, str]]:
    """Return the files of a module and its dependencies, each with a detail for its reason."""
    waiting, seen = [files.real(top)], set[str]()
    while waiting and len(seen) < MAX_MODULES:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        description = _described(files, module)
        name = str(description.get("name", posixpath.basename(module)))
        for path in files_below(files, module, lambda path: not path.endswith(_UNWANTED)):
            yield path, f"module {name}"
        for dependency in _dependencies(description):
            found = _find(files, dependency, module)
            if found is not None:
                yield found, f"module {dependency}"  # pnpm and npm link make links
                waiting.append(files.real(found))


def _dependencies(description: dict[str, Any]) -> Iterator[str]:
    for key in _DEPENDENCIES:
        named = description.get(key)
        if isinstance(named, dict):
            yield from (name for name in named if isinstance(name, str) and ".." not in name)


def _find(files: Files, name: str, module: str) -> str | None:
    above = module
    while above != "/":
        path = posixpath.join(above, "node_modules", name)
        if files.is_directory(path):
            return path
        above = posixpath.dirname(above)
    return None


def _described(files: Files, directory: str) -> dict[str, Any]:
    try:
        found = json.loads(files.read(f"{directory}/package.json", MAX_DESCRIPTION))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
