"""The files of a machine: one interface, one way to follow links, every result remembered.

All paths are absolute paths *of that machine*. Only an implementation knows paths on this machine.
"""

from __future__ import annotations

import abc
import errno
import fnmatch
import os
import posixpath
import re
import stat
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Iterator

MAX_LINKS = 40
"""Most links that are followed for one path (MAXSYMLINKS of Linux, path_resolution(7))."""

MAX_DEPTH = 64
"""Most levels that ``**`` descends: links may form a cycle."""

BROKEN = frozenset({errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EREMOTEIO, errno.EUCLEAN})
"""Errors of a disk or a server that fails: the file may be there, so that no answer may be made of them."""

_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
_MAGIC = re.compile(r"[*?[]")


class Item(NamedTuple):
    """A directory entry; its kind is that of the entry itself, not of a link's target."""

    name: str
    path: str
    is_link: bool
    is_directory: bool
    is_file: bool


class Files(abc.ABC):
    """The files of one machine, remembered as they were when first read.

    Implementations get *physical* paths, in which no directory is a link. An OSError is that of a program on the
    machine. Questions that have an answer for a missing file raise it only where a disk or a server fails (``BROKEN``).
    """

    def __init__(self) -> None:
        self._lstats: dict[str, os.stat_result | OSError] = {}
        self._stats: dict[str, os.stat_result | OSError] = {}
        self._listings: dict[str, tuple[Item, ...] | OSError] = {}
        self._reals: dict[str, str] = {}
        self._targets: dict[str, str | None] = {}

    # ---- to implement ----

    @abc.abstractmethod
    def _lstat(self, path: str) -> os.stat_result:
        """Return the status of a path whose directory is physical; its last component is not followed."""

    @abc.abstractmethod
    def _readlink(self, path: str) -> str:
        """Return the target of the link at a path whose directory is physical."""

    @abc.abstractmethod
    def _scan(self, path: str, top: str) -> list[Item]:
        """Return the items of the directory at a physical path, in any order; their paths begin with ``top``."""

    @abc.abstractmethod
    def _open(self, path: str) -> BinaryIO:
        """Open the regular file at a physical path for reading; anything else is an OSError at once."""

    @abc.abstractmethod
    def is_readable(self, path: str) -> bool:
        """Return whether this process may read the file that ``path`` leads to."""

    @contextmanager
    def mapped(self, path: str) -> Iterator[mmap.mmap | bytes]:
        """Give the content of a file, if possible without a copy; empty if it cannot be read."""
        try:
            with self.open(path) as file:
                data = file.read()
        except (OSError, ValueError):
            data = b""
        yield data

    # ---- links ----

    def real(self, path: str) -> str:
        """Follow every link, as realpath(3); missing components stay, and ``..`` stops at ``/``.

        After MAX_LINKS the path is returned unchanged, so that opening it fails with ELOOP.
        """
        known = self._reals.get(path)
        if known is None:
            # Directories are resolved once for all their files; very deep paths must not exhaust Python's stack.
            parent, _, name = path.rpartition("/")
            if parent and name not in {"", ".", ".."} and path.count("/") <= MAX_DEPTH:
                step = f"{self.real(parent).rstrip('/')}/{name}"
                known = step if self._target(step) is None else self._resolve(step)
            else:
                known = self._resolve(path)
            self._reals[path] = known
        return known

    def _target(self, path: str) -> str | None:
        """Return the target of the link at a path whose directory is physical; None if it is not a link."""
        if path not in self._targets:
            try:
                self._targets[path] = self._readlink(path)
            except (OSError, ValueError):  # ValueError: a NUL in the name
                self._targets[path] = None
        return self._targets[path]

    def _resolve(self, path: str) -> str:
        done, links = "", 0
        todo = [part for part in reversed(path.split("/")) if part]
        while todo:
            part = todo.pop()
            if part == ".":
                continue
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            step = f"{done}/{part}"
            target = self._target(step)
            if target is None:
                done = step
                continue
            links += 1
            if links > MAX_LINKS:
                return posixpath.normpath(path)
            if target.startswith("/"):
                done = ""
            todo.extend(name for name in reversed(target.split("/")) if name)
        return done or "/"

    def real_parent(self, path: str) -> str:
        """Return ``path`` with the links of its directory followed, but not its last component."""
        parent, _, name = path.rstrip("/").rpartition("/")
        if name in {"", ".", ".."}:
            return self.real(path)
        return f"{self.real(parent or '/').rstrip('/')}/{name}"

    def readlink(self, path: str) -> str:
        """Return the target of a link as written. Raises OSError if it is not a link."""
        physical = self.real_parent(path)
        target = self._target(physical)
        return self._readlink(physical) if target is None else target

    # ---- status ----

    def lstat(self, path: str) -> os.stat_result:
        """Return the status of ``path``, without following a final link. Raises OSError."""
        return self._remembered(self._lstats, path, self._ask_lstat)

    def stat(self, path: str) -> os.stat_result:
        """Return the status of the file that ``path`` leads to. Raises OSError."""
        return self._remembered(self._stats, path, self._ask_stat)

    def _ask_lstat(self, path: str) -> os.stat_result:
        return self._lstat(self.real_parent(path))

    def _ask_stat(self, path: str) -> os.stat_result:
        status = self._lstat(self.real(path))
        if stat.S_ISLNK(status.st_mode):  # a loop: ``real`` gave up
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        return status

    @staticmethod
    def _remembered(
        answers: dict[str, os.stat_result | OSError], path: str, ask: Callable[[str], os.stat_result]
    ) -> os.stat_result:
        answer = answers.get(path)
        if answer is None:
            try:
                answer = ask(path)
            except OSError as error:
                answer = error
            except ValueError as error:  # a NUL in the name
                answer = OSError(errno.ENOENT, str(error), path)
            answers[path] = answer
        if isinstance(answer, OSError):
            raise answer.with_traceback(None)
        return answer

    def _mode(self, path: str) -> int:
        try:
            return self.stat(path).st_mode
        except OSError as error:
            _refuse_broken(error, path)
            return 0

    def exists(self, path: str) -> bool:
        """Return whether ``path`` leads to a file of any kind."""
        return self._mode(path) != 0

    def lexists(self, path: str) -> bool:
        """Return whether ``path`` exists, a dangling link too."""
        try:
            self.lstat(path)
        except OSError as error:
            _refuse_broken(error, path)
            return False
        return True

    def is_file(self, path: str) -> bool:
        """Return whether ``path`` leads to a regular file."""
        return stat.S_ISREG(self._mode(path))

    def is_directory(self, path: str) -> bool:
        """Return whether ``path`` leads to a directory."""
        return stat.S_ISDIR(self._mode(path))

    def is_link(self, path: str) -> bool:
        """Return whether ``path`` is a link, dangling or not."""
        return self._target(self.real_parent(path)) is not None

    def is_executable(self, path: str) -> bool:
        """Return whether ``path`` leads to a regular file that anybody may execute, as access(2) for root."""
        mode = self._mode(path)
        return stat.S_ISREG(mode) and bool(mode & _EXECUTABLE)

    def is_public(self, path: str) -> bool:
        """Return whether ``path`` leads to a world-readable regular file, which is no secret."""
        mode = self._mode(path)
        return stat.S_ISREG(mode) and bool(mode & stat.S_IROTH)

    def size(self, path: str) -> int:
        """Return the bytes of the regular file that ``path`` leads to; 0 without one."""
        return self.stat(path).st_size if self.is_file(path) else 0

    def identity(self, path: str) -> tuple[int, int] | None:
        """Return device and inode, which all names of a file share; None if it does not exist."""
        try:
            status = self.stat(path)
        except OSError as error:
            _refuse_broken(error, path)
            return None
        return status.st_dev, status.st_ino

    # ---- directories ----

    def scan(self, directory: str) -> tuple[Item, ...]:
        """Return the items of a directory by name; their paths begin with ``directory``. Raises OSError."""
        answer = self._listings.get(directory)
        if answer is None:
            try:
                answer = tuple(sorted(self._scan(self.real(directory), directory.rstrip("/"))))
            except OSError as error:
                answer = error
            except ValueError as error:
                answer = OSError(errno.ENOENT, str(error), directory)
            self._listings[directory] = answer
        if isinstance(answer, OSError):
            raise answer.with_traceback(None)
        return answer

    def items(self, directory: str) -> tuple[Item, ...]:
        """Return the items of a directory by name; none if it cannot be read."""
        try:
            return self.scan(directory)
        except OSError as error:
            _refuse_broken(error, directory)
            return ()

    def names(self, directory: str) -> list[str]:
        """Return the names in a directory, sorted; none if it cannot be read."""
        return [item.name for item in self.items(directory)]

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that match an absolute pattern (glob(7)), sorted; ``**`` is any number of directories.

        As in a shell, ``*`` does not match a leading dot, and a dangling link matches.
        """
        if _MAGIC.search(pattern) is None:
            return [pattern] if self.lexists(pattern) else []
        found = [""]
        parts = [part for part in pattern.split("/") if part]
        for number, part in enumerate(parts):
            is_last = number == len(parts) - 1
            found = [path for top in found for path in self._step(top, part, is_last=is_last)]
        return sorted(dict.fromkeys(found))

    def _step(self, top: str, part: str, *, is_last: bool) -> Iterator[str]:
        if part == "**":
            yield from self._descend(top, is_last=is_last)
        elif _MAGIC.search(part) is None:
            path = f"{top}/{part}"
            if self.lexists(path) if is_last else self.is_directory(path):
                yield path
        else:
            matches = _matcher(part)
            for item in self.items(top or "/"):
                path = f"{top}/{item.name}"
                is_hidden = item.name.startswith(".") and not part.startswith(".")
                if not is_hidden and matches(item.name) and (is_last or self._leads_to_directory(item, path)):
                    yield path

    def _descend(self, top: str, *, is_last: bool) -> Iterator[str]:
        waiting = [(top, 0)]
        while waiting:
            directory, depth = waiting.pop()
            yield directory
            for item in self.items(directory or "/"):
                path = f"{directory}/{item.name}"
                if item.name.startswith("."):
                    continue
                if depth < MAX_DEPTH and self._leads_to_directory(item, path):
                    waiting.append((path, depth + 1))
                elif is_last:
                    yield path

    def _leads_to_directory(self, item: Item, path: str) -> bool:
        return item.is_directory or (item.is_link and self.is_directory(path))

    # ---- content ----

    def open(self, path: str) -> BinaryIO:
        """Open the file that ``path`` leads to for reading, unbuffered.

        Raises OSError, for anything but a regular file too: a pipe would block, a device may never end.
        """
        try:
            return self._ask_open(path)
        except ValueError as error:
            raise OSError(errno.ENOENT, str(error), path) from error

    def _ask_open(self, path: str) -> BinaryIO:
        return self._open(self.real(path))

    def read(self, path: str, limit: int) -> bytes:
        """Return at most the first ``limit`` bytes of a regular file; empty if it cannot be read."""
        if not self.is_file(path):  # a pipe would block
            return b""
        try:
            with self.open(path) as file:
                return _up_to(file, limit)
        except OSError as error:
            _refuse_broken(error, path)
            return b""

    def content(self, path: str, limit: int) -> bytes | None:
        """Return a whole regular file; None if it cannot be read or has more than ``limit`` bytes."""
        if not self.is_file(path) or self.size(path) > limit:
            return None
        try:
            with self.open(path) as file:
                return _up_to(file, limit)
        except OSError as error:
            _refuse_broken(error, path)
            return None


def _refuse_broken(error: OSError, path: str) -> None:
    """Raise an error of a disk or a server that fails, with the path."""
    if error.errno in BROKEN:
        raise OSError(error.errno, error.strerror, path) from error


def _up_to(file: BinaryIO, limit: int) -> bytes:
    data = file.read(limit)  # usually all
    parts = [data]
    while data and (limit := limit - len(data)) > 0 and (data := file.read(limit)):
        parts.append(data)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def escaped(path: str) -> str:
    """Return a glob pattern that matches only ``path``."""
    return _MAGIC.sub(r"[\g<0>]", path)


@lru_cache(maxsize=1024)
def _matcher(pattern: str) -> Callable[[str], object]:
    return re.compile(fnmatch.translate(pattern)).match
