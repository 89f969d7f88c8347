"""Evidence in files: the paths and names in them.

A name in a file tells where to look; it is never enough to add a file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lambundle.elf.headers import MAGIC, is_elf, parse_elf
from lambundle.errors import LambundleError
from lambundle.scripts.shell_words import all_words

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterable

    from lambundle.machine import Files

MAX_FILE = 256 << 20
"""Bytes of a file that are read; the largest known program, a browser, has 230 MB."""

MAX_SMALL = 1 << 20
"""Bytes of a file that are read where there are many: larger ones are data."""

_PATH = re.compile(rb"/(?:usr|etc|opt|var|lib|lib64|bin|sbin|srv)/[A-Za-z0-9._+@%~/-]{2,200}")
_PERL_USE = re.compile(rb"^(?:[ \t]*use|require)[ \t]+([A-Za-uw-z_][A-Za-z0-9_]*(?:::[A-Za-z0-9_]+)*)", re.MULTILINE)
_QUOTED = re.compile(rb"[\"'`]([A-Za-z0-9_][A-Za-z0-9._+-]{0,63})[\"'`]")
_WORD = re.compile(rb"(?<![A-Za-z0-9._+-])[A-Za-z0-9_][A-Za-z0-9._+-]{1,63}(?<!\.)")
_SHELL = re.compile(r"sh\b")
_NAME = re.compile(rb"(?:[\0/]|%s)([A-Za-z0-9_][A-Za-z0-9._+-]{1,63})(?=[\0 \"'])")
_SONAME = re.compile(rb"lib[A-Za-z0-9_+.-]{1,60}\.so(?:\.[0-9][0-9.]{0,15})?")


_STARTS = re.compile(rb"\0(?:exec[lv][a-z]*|fexecve|posix_spawnp?|system|popen|wordexp)\0|spawn_|QProcess")
"""Functions that start programs: those of libc in a symbol table, or parts of libraries' own names."""


_OPENS = (b"dlopen", b"LoadLibrary", b"module_open", b"QLibrary", b"dso_load", b"LoadObject")
"""Parts of the names of functions that open libraries: of libc, NSPR, GLib, Qt, APR and SDL."""


class FileEvidence:
    """Evidence in the files of a machine; results are remembered."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._elf: dict[str, bool] = {}
        self._paths: dict[str, frozenset[str]] = {}
        self._sonames: dict[str, frozenset[str]] = {}
        self._starts: dict[str, frozenset[str]] = {}

    def paths(self, path: str) -> frozenset[str]:
        """Return the absolute paths in a file, without trailing slashes and dots, double slashes merged."""
        known = self._paths.get(path)
        if known is None:
            named = (found.decode() for found in set(_PATH.findall(self._bytes(path))) if b"%" not in found)
            known = self._paths[path] = frozenset(re.sub("/+", "/", name).rstrip("/.") for name in named)
        return known

    def sonames(self, path: str) -> frozenset[str]:
        """Return the names of shared libraries in a file; none in an ELF file that cannot open libraries."""
        known = self._sonames.get(path)
        if known is None:
            found: set[bytes] = set()
            with self.files.mapped(path) as data:
                # Few libraries open others by name, and the search takes a hundred times as long as this test.
                if _opens_others(data, path):
                    found.update(_SONAME.findall(data))
            known = self._sonames[path] = frozenset(name.decode() for name in found)
        return known

    def started_names(self, path: str) -> frozenset[str]:
        """Return names by which a program may start others; none if it calls no function for it.

        In a compiled program these are strings that are a name or begin with one, in a shell script its words. Other
        scripts are not parsed.
        """
        if path not in self._starts:
            data = self._bytes(path)
            if data.startswith(b"#!"):
                line = data.partition(b"\n")[0].decode("ascii", "replace")
                text = data.decode("utf-8", "replace") if _SHELL.search(line) else ""
                self._starts[path] = frozenset(word.rpartition("/")[2] for word in all_words(text))
            else:
                found = _NAME.findall(data) if _STARTS.search(data) is not None else []
                self._starts[path] = frozenset(name.decode() for name in set(found))
        return self._starts[path]

    def named_by(self, programs: Iterable[str]) -> frozenset[str]:
        """Return names by which some programs may start others: of a script all its words."""
        found: set[str] = set()
        for path in programs:
            if self.is_elf(path):
                found |= self.started_names(path)
            else:
                found.update(word.decode() for word in set(_WORD.findall(self._bytes(path, MAX_SMALL))))
        return frozenset(found)

    def imports(self, path: str, functions: Iterable[bytes]) -> bool:
        """Return whether a program's symbol table has one of some functions."""
        data = self._bytes(path)
        return any(function + b"\0" in data for function in functions)  # maybe as the end of another name

    def contains(self, path: str, texts: Iterable[str]) -> bool:
        """Return whether one of ``texts`` is anywhere in a file, even within a longer text."""
        data = self._bytes(path)
        return any(text.encode() in data for text in texts)

    def has_perl_modules(self, script: str, own: Iterable[str], core: Iterable[str]) -> bool:
        """Return whether the files ``own`` and ``core`` have all modules of a Perl script, and their modules.

        False for a script that is not Perl. A ``require`` within code is optional.
        """
        paths = {module: path for path in own for module in _module_names(path)}
        known = {module for path in core for module in _module_names(path)}
        waiting, seen = [script], {script}
        while waiting:
            path = waiting.pop()
            data = self._bytes(path, MAX_SMALL)
            if path == script and not self.is_perl(path):
                return False
            for found in _PERL_USE.findall(data.partition(b"\n__END__")[0]):
                module = found.decode()
                used = paths.get(module)
                if used is None and module not in known:
                    return False
                if used is not None and used not in seen:
                    seen.add(used)
                    waiting.append(used)
        return True

    def is_perl(self, path: str) -> bool:
        """Return whether a file is a script or module of Perl."""
        return path.endswith(".pm") or b"perl" in self._bytes(path, MAX_SMALL).partition(b"\n")[0]

    def words(self, files: Iterable[str]) -> set[str]:
        """Return the quoted words in small files, which may name commands."""
        return {word.decode() for file in files for word in set(_QUOTED.findall(self._bytes(file, MAX_SMALL)))}

    def any_contains(self, files: Iterable[str], text: bytes) -> bool:
        """Return whether one of some small files contains ``text``."""
        return any(text in self._bytes(file, MAX_SMALL) for file in files)

    def read_small(self, path: str) -> bytes:
        """Return the content of a small file, of a larger one its beginning."""
        return self._bytes(path, MAX_SMALL)

    def matches(self, files: Iterable[str], pattern: re.Pattern[bytes]) -> bool:
        """Return whether ``pattern`` is found in one of some small files."""
        return any(pattern.search(self._bytes(file, MAX_SMALL)) for file in files)

    def is_elf(self, path: str) -> bool:
        """Return whether a path is an ELF file."""
        if path not in self._elf:
            self._elf[path] = is_elf(self.files, path)
        return self._elf[path]

    def needed(self, path: str) -> set[str] | None:
        """Return DT_NEEDED of an ELF file; None for any other file."""
        if not self.is_elf(path):
            return None
        with self.files.mapped(path) as data:
            try:
                return set(parse_elf(data, path).needed)
            except LambundleError:
                return None

    def _bytes(self, path: str, limit: int = MAX_FILE) -> bytes:
        return self.files.read(path, limit)


def _opens_others(data: mmap.mmap | bytes, path: str) -> bool:
    """Return whether a file may open libraries by name; an ELF file needs a function for it."""
    if data[:4] != MAGIC:
        return True
    try:
        begin, end = parse_elf(data, path).strings
    except LambundleError:
        begin, end = 0, len(data)
    return any(data.find(name, begin, end) >= 0 for name in _OPENS)


def _module_names(path: str) -> Iterable[str]:
    """Return all names that a file may have as a Perl module: Long and Getopt::Long for Getopt/Long.pm."""
    parts = path.removesuffix(".pm").split("/")
    return ("::".join(parts[start:]) for start in range(1, len(parts))) if path.endswith(".pm") else ()
