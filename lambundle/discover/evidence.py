"""What the files of a bundle say: the paths and names that stand in them as text.

A name in a file says where to look, never alone what to take.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_FILE = 256 << 20
"""Bytes of a file that are looked at; the largest program known here, a browser, has 230 MB."""

MAX_SMALL = 1 << 20
"""Bytes of a file that are looked at where many files are: larger ones are data."""

_PATH = re.compile(rb"/(?:usr|etc|opt|var|lib|lib64|bin|sbin|srv)/[A-Za-z0-9._+@%~/-]{2,200}")
_WORD = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9._+-]{1,63}")
_NAME = re.compile(rb"[\0/]([A-Za-z0-9_][A-Za-z0-9._+-]{1,63})(?=[\0 ])")
_SONAME = re.compile(rb"lib[A-Za-z0-9_+.-]{1,60}\.so(?:\.[0-9][0-9.]{0,15})?")


_STARTS = re.compile(rb"\0(?:exec[lv][a-z]*|fexecve|posix_spawnp?|system|popen|wordexp)\0|spawn_|QProcess")
"""Functions that start programs, as a symbol table has them, or as libraries name theirs."""


class Texts:
    """Texts of files, each read once."""

    def __init__(self) -> None:
        self._content: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self._starts: dict[str, frozenset[str]] = {}

    def paths(self, path: str) -> frozenset[str]:
        """Absolute paths that stand in a file, without trailing slashes and dots, double slashes folded."""
        return self._read(path)[0]

    def sonames(self, path: str) -> frozenset[str]:
        """Names of shared libraries that stand in a file."""
        return self._read(path)[1]

    def started(self, path: str) -> frozenset[str]:
        """Names that a program may start others by: none where it has no means to start any.

        Of a compiled program the strings that are or begin with a name, of a script all words.
        """
        if path not in self._starts:
            data = _bytes(path)
            found: list[bytes] = []
            if data.startswith(b"#!"):
                found = _WORD.findall(data)
            elif _STARTS.search(data) is not None:
                found = _NAME.findall(data)
            self._starts[path] = frozenset(name.decode() for name in set(found))
        return self._starts[path]

    def imports(self, path: str, function: bytes) -> bool:
        """Whether a program's symbol table has a function."""
        return function + b"\0" in _bytes(path)  # the linker may keep it as the end of another name

    def any_names(self, files: Iterable[str], text: bytes) -> bool:
        """Whether one of some small files has a text in it."""
        return any(text in _bytes(file, MAX_SMALL) for file in files)

    def _read(self, path: str) -> tuple[frozenset[str], frozenset[str]]:
        known = self._content.get(path)
        if known is None:
            data = _bytes(path)
            paths = {
                re.sub("/+", "/", found.decode()).rstrip("/.")
                for found in set(_PATH.findall(data))
                if b"%" not in found
            }
            sonames = {found.decode() for found in set(_SONAME.findall(data))}
            known = self._content[path] = (frozenset(paths), frozenset(sonames))
        return known


def _bytes(path: str, limit: int = MAX_FILE) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  (thousands of small files)
            return file.read(limit)
    except OSError:
        return b""
