"""What the files of a bundle say: the paths and names that stand in them as text.

A name in a file says where to look, never alone what to take.
"""

from __future__ import annotations

import re
from pathlib import Path

MAX_FILE = 256 << 20
"""Bytes of a file that are looked at; the largest program known here, a browser, has 230 MB."""

_PATH = re.compile(rb"/(?:usr|etc|opt|var|lib|lib64|bin|sbin|srv)/[A-Za-z0-9._+@%~/-]{2,200}")
_WORD = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9._+-]{1,63}")
_SONAME = re.compile(rb"lib[A-Za-z0-9_+.-]{1,60}\.so(?:\.[0-9][0-9.]{0,15})?")


_STARTS = re.compile(rb"\0(?:exec[lv][a-z]*|fexecve|posix_spawnp?|system|popen|wordexp)\0|spawn_|QProcess|\A#!")
"""Functions that start programs, as a symbol table has them, or as libraries name theirs; every script can."""


class Texts:
    """Texts of files, each read once."""

    def __init__(self) -> None:
        self._content: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self._words: dict[str, frozenset[str]] = {}
        self._starts: dict[str, bool] = {}

    def paths(self, path: str) -> frozenset[str]:
        """Absolute paths that stand in a file, without trailing slashes and dots, double slashes folded."""
        return self._read(path)[0]

    def sonames(self, path: str) -> frozenset[str]:
        """Names of shared libraries that stand in a file."""
        return self._read(path)[1]

    def words(self, path: str) -> frozenset[str]:
        """Words that stand in a file: names that it may start programs by."""
        if path not in self._words:
            found = _WORD.findall(_bytes(path))
            self._words[path] = frozenset(word.decode() for word in set(found))
        return self._words[path]

    def started(self, path: str) -> frozenset[str]:
        """Names that a program may start others by: none where it has no means to start any."""
        if path not in self._starts:
            self._starts[path] = _STARTS.search(_bytes(path)) is not None
        return self.words(path) if self._starts[path] else frozenset()

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


def _bytes(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_FILE)
    except OSError:
        return b""
