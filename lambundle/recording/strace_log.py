"""strace's log: the files that processes read, with relative paths resolved."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lambundle.gather.mirror import KERNEL_TREES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.machine import Machine
    from lambundle.recording.seen import Seen

_LINE = re.compile(rb"(\d+) +(.*?)\n?", re.DOTALL)
_RESUMED = re.compile(rb"<\.\.\. (\w+) resumed>")
_UNFINISHED = re.compile(rb"\s*<unfinished \.\.\.>$")
_CHANGED = re.compile(rb"\s*<pid changed to \d+ \.\.\.>$")
_CALL = re.compile(
    rb"(\w+)\((.*)\) += (-?\d+)(?:<([^>\\]*(?:\\.[^>\\]*)*)>(?:\(deleted\))?)?(?: \([^)]*\))?$",
    re.DOTALL,
)
_FAILED = re.compile(rb"\) += (?:-1 E|\?)")
_NAME = re.compile(
    rb'(?:(AT_FDCWD|\d+)(?:<([^>\\]*(?:\\.[^>\\]*)*)>)?(?:\(deleted\))?, )?"([^"\\]*(?:\\.[^"\\]*)*)"',
    re.DOTALL,
)
_DESCRIPTOR = re.compile(rb"\d+<([^>\\]*(?:\\.[^>\\]*)*)>")
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|([0-7]{1,3})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b"a": b"\a", b"b": b"\b", b"e": b"\x1b"}

_KERNEL_NAMES = tuple(f"{tree}/" for tree in KERNEL_TREES)
_FORKS = frozenset({b"fork", b"vfork", b"clone", b"clone3"})
_EXECS = frozenset({b"execve", b"execveat"})
_LISTS = frozenset({b"getdents", b"getdents64"})
_READS = _EXECS | {
    b"open", b"openat", b"openat2", b"uselib", b"open_tree", b"name_to_handle_at",
    b"stat", b"stat64", b"lstat", b"lstat64", b"newfstatat", b"fstatat64", b"statx", b"oldstat", b"oldlstat",
    b"access", b"faccessat", b"faccessat2", b"readlink", b"readlinkat",
    b"getxattr", b"lgetxattr", b"listxattr", b"llistxattr",
}  # fmt: skip
"""Calls that read a file or its status; the others of strace's class ``file`` change files, which are results."""


def _unescaped(text: bytes) -> str:
    if b"\\" not in text:
        return os.fsdecode(text)

    def character(match: re.Match[bytes]) -> bytes:
        hexadecimal, octal, letter = match.groups()
        if letter is not None:
            return _LETTERS.get(letter, letter)
        return bytes([int(hexadecimal, 16) if hexadecimal is not None else int(octal, 8) & 255])

    return os.fsdecode(_ESCAPE.sub(character, text))


class _Call(NamedTuple):
    """A successful system call; ``line`` is where it starts, ``path`` that of the resulting descriptor."""

    line: int
    process: int
    name: bytes
    arguments: bytes
    result: int
    path: bytes | None


def _calls(log: str, *words: bytes) -> Iterator[_Call]:
    """Return the successful calls of a log in order of their ends; with ``words``, only lines with one of them."""
    unfinished: dict[int, tuple[int, bytes]] = {}
    with Path(log).open("rb") as file:
        for number, line in enumerate(file):
            match = None if words and not any(word in line for word in words) else _LINE.fullmatch(line)
            if match is None:
                continue
            process, text, begun = int(match[1]), match[2], number
            resumed = _RESUMED.match(text)
            if resumed is not None:
                begun, head = unfinished.pop(process, (number, b""))
                text = head + text[resumed.end() :]
            if text.endswith(b"...>"):
                waits = _UNFINISHED.search(text)
                if waits is not None:
                    unfinished[process] = begun, text[: waits.start()]
                    continue
                # A thread has called exec successfully.
                text = _CHANGED.sub(b") = 0", text)
            if _FAILED.search(text, max(0, len(text) - 120)) and text.endswith((b")", b"?")):
                continue
            call = _CALL.fullmatch(text)
            if call is not None and int(call[3]) >= 0:
                yield _Call(begun, process, call[1], call[2], int(call[3]), call[4])


class _Directory:
    """A working directory, which threads share."""

    def __init__(self, path: str) -> None:
        self.path = path


def read_strace(machine: Machine, log: str, start: str, seen: Seen) -> bool:
    """Read a log into ``seen``, from where ``start`` is opened; return whether it is. Raises OSError."""
    forks = [call for call in _calls(log, b"fork", b"clone") if call.name in _FORKS]
    return _StraceReader(machine, forks, start, seen).read(log)


class _StraceReader:
    """Follows the working directories of the processes in a log, for relative paths.

    A child may be logged before its parent's fork ends, so forks are read first, by the line in which they start; a
    child starts in its parent's directory.
    """

    def __init__(self, machine: Machine, forks: Iterable[_Call], start: str, seen: Seen) -> None:
        self._forks = sorted(forks, key=lambda call: call.line, reverse=True)
        self._start = start
        self._seen = seen
        self._marked = False
        self._at: dict[int, _Directory] = {}
        self._listable: dict[bytes, str] = {}
        self._files = machine.files
        self._initial = machine.directory

    def read(self, log: str) -> bool:
        for call in _calls(log):
            while self._forks and self._forks[-1].line <= call.line:
                self._fork(self._forks.pop())
            self._take(call)
        return self._marked

    def _directory(self, process: int) -> _Directory:
        return self._at.setdefault(process, _Directory(self._initial))

    def _fork(self, call: _Call) -> None:
        parent = self._directory(call.process)
        self._at[call.result] = parent if b"CLONE_FS" in call.arguments else _Directory(parent.path)

    def _take(self, call: _Call) -> None:
        if call.name in _LISTS:
            self._list(call)
        elif call.name == b"fchdir":
            match = _DESCRIPTOR.match(call.arguments)
            if match is not None:
                self._directory(call.process).path = _unescaped(match[1])
        elif call.name == b"chdir":
            path = self._path(call)
            if path is not None:
                # A real path, as in the kernel: `..` does not go back through a link.
                self._directory(call.process).path = self._files.real(path)
        elif call.name in _READS:
            path = self._path(call)
            if path is not None:
                self._look(call, path)

    def _path(self, call: _Call) -> str | None:
        match = _NAME.match(call.arguments)
        if match is None:
            return None
        where, directory, name = match.groups()
        at = self._directory(call.process)
        if where == b"AT_FDCWD" and directory is not None:
            at.path = _unescaped(directory)  # from the kernel
        path = _unescaped(name)
        if path.startswith("/"):
            return path
        base = at.path if where in (None, b"AT_FDCWD") else None if directory is None else _unescaped(directory)
        if base is None or not base.startswith("/"):
            return None
        if path:
            return posixpath.join(base, path)
        return base if call.name in _EXECS else None  # an open file, started by fexecve

    def _look(self, call: _Call, path: str) -> None:
        if path == self._start:
            self._marked = True
        if not self._marked:
            return
        if call.path is not None:
            if path.startswith(_KERNEL_NAMES):
                path = _unescaped(call.path)  # /dev/fd/3, /proc/self/cwd/…: another name of a file
            if call.path not in self._listable:
                self._listable[call.path] = path
        if call.name in _EXECS:
            self._seen.execute(path)
        else:
            self._seen.files[path] = None

    def _list(self, call: _Call) -> None:
        match = _DESCRIPTOR.match(call.arguments)
        if match is not None and self._marked:
            self._seen.directories[self._listable.get(match[1]) or _unescaped(match[1])] = None
