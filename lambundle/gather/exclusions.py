"""The user's ``--exclude``: which names it leaves out, and which of its patterns leave out nothing."""

from __future__ import annotations

import difflib
import fnmatch
import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambundle.machine import Files

_MAGIC = re.compile(r"[*?[]")
_NEAR = 3


class Exclusions:
    """Globs of sonames, file names or absolute paths. Of an absolute path the links of its directory are followed."""

    def __init__(self, patterns: Sequence[str], files: Files) -> None:
        self.patterns = tuple(dict.fromkeys(patterns))
        plain = {pattern: pattern.rstrip("/") or pattern for pattern in self.patterns}
        self._globs = {pattern: tuple({text, _physical(text, files)}) for pattern, text in plain.items()}
        self._met: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def path(self, path: str) -> bool:
        """Whether an absolute path is left out, by its last name or as a whole."""
        return bool(self._globs) and self._meets(path)

    def soname(self, soname: str) -> bool:
        """Whether a library is left out by the name that it is asked for by."""
        return bool(self._globs) and self._meets(soname)

    def of(self, name: str) -> list[str]:
        """Return the patterns that leave out a path or soname."""
        return [pattern for pattern, globs in self._globs.items() if _matches(globs, name)]

    def unmet(self) -> list[str]:
        """Return the patterns that left out nothing of what came up so far."""
        met = {pattern for name in self._met for pattern in self.of(name)}
        return [pattern for pattern in self.patterns if pattern not in met]

    def _meets(self, name: str) -> bool:
        if name in self._met:
            return True
        if not any(_matches(globs, name) for globs in self._globs.values()):
            return False
        self._met[name] = None
        return True


def near(pattern: str, paths: Iterable[str]) -> list[str]:
    """Return a few names among ``paths`` that a pattern without a match may have been meant for."""
    whole = "/" in pattern
    names = sorted(dict.fromkeys(path if whole else posixpath.basename(path) for path in paths))
    literal = _MAGIC.sub("", pattern).strip("/")
    inside = [name for name in names if literal and literal.casefold() in name.casefold()]
    inside.sort(key=len)
    return (inside or difflib.get_close_matches(pattern, names, n=_NEAR))[:_NEAR]


def _matches(globs: tuple[str, ...], name: str) -> bool:
    base = posixpath.basename(name)
    return any(fnmatch.fnmatchcase(name if "/" in glob else base, glob) for glob in globs)


def _physical(pattern: str, files: Files) -> str:
    """Return an absolute pattern with the links on its way followed, as far as no part of it is a wildcard."""
    if not pattern.startswith("/"):
        return pattern
    plain: list[str] = []
    parts = pattern.split("/")[1:]
    while len(parts) > 1 and not _MAGIC.search(parts[0]):
        plain.append(parts.pop(0))
    return f"{files.real('/' + '/'.join(plain)).rstrip('/')}/{'/'.join(parts)}"
