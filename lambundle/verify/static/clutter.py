"""Files that macOS leaves in zips and directories; Lambda ignores them."""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIRECTORY = "__MACOSX"
_FILE = ".DS_Store"
_APPLE_DOUBLE = "._"  # before the name of the file whose attributes it holds


def is_clutter(path: str) -> bool:
    """Whether an entry is the Finder's: settings of a directory, or attributes of a file."""
    return _pattern(path) is not None


def removal(zipped: str, paths: Iterable[str]) -> str:
    """The command that removes the clutter among ``paths`` from the zip file ``zipped``."""
    patterns = dict.fromkeys(pattern for path in paths if (pattern := _pattern(path)))
    return f"zip -d {shlex.quote(zipped)} {' '.join(map(shlex.quote, patterns))}"


def _pattern(path: str) -> str | None:
    """The pattern by which ``zip -d`` matches such a path, None for another; its * matches slashes too."""
    directory, name = posixpath.split(path)
    if path.split("/", 1)[0] == _DIRECTORY:
        return f"{_DIRECTORY}/*"
    if name == _FILE:
        return f"*{_FILE}"
    if name.startswith(_APPLE_DOUBLE):
        return f"*/{_APPLE_DOUBLE}*" if directory else f"{_APPLE_DOUBLE}*"
    return None
