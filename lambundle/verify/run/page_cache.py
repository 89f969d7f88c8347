"""The page cache before and after a run: what of the bundle a cold run reads.

Before it the files that the run needs are dropped from the cache; what is in the cache afterwards is what it read, the
kernel's read-ahead with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lambundle.verify.run.mounted import Mounted
    from lambundle.verify.run.trace import Trace

FEW = 300
"""A bundle of so few files is dropped from memory as a whole."""
WRITE_BACK = 0.5
"""Seconds that are waited for what was just unpacked to reach the disk; before, it cannot be dropped."""
MOSTLY = 0.05
"""If more than this share of a bundle cannot be dropped from memory, no run of it is cold."""

_MAP_FAILED = ctypes.c_void_p(-1).value
_PAUSE = 0.02


class PageCache:
    """The page cache of ``files``."""

    def __init__(self, files: Iterable[str]) -> None:
        self._files = list(files)

    @property
    def size(self) -> int:
        """Bytes of the files, as they take space in the cache."""
        return sum(_in_pages(os.lstat(path).st_size) for path in self._files)

    def drop(self) -> int:
        """Drop the files from the cache; returns the bytes that could not be.

        None can where the files are in memory only (tmpfs), nor those that are still on their way to the disk.
        """
        limit = time.monotonic() + WRITE_BACK
        while True:
            for path in self._files:
                _drop(path)
            left = self.resident()
            if left == 0 or time.monotonic() > limit:
                return left
            time.sleep(_PAUSE)

    def resident(self) -> int:
        """Bytes of the files that are in the cache, in whole pages."""
        return sum(_resident(path) for path in self._files)

    def brought_in(self, left: int) -> int | None:
        """Bytes that came into the cache since ``drop`` left so many in it; None where these were too many."""
        return None if left > MOSTLY * self.size else max(0, self.resident() - left)


def touched_files(trace: Trace, mounted: Mounted) -> list[str]:
    """The files of the bundle that a run may have read, by its trace; all of them where they are few, or it has none.

    Only what was written to the disk can be dropped from memory, and removing that again takes time: a bundle has
    thousands of files of which a run reads some dozens.
    """
    everything = [path for tree in mounted.trees.values() for path in _files_below(os.fspath(tree))]
    if len(everything) <= FEW or not trace.starts:
        return everything
    always = tuple(f"{os.path.realpath(path)}/" for path in _untraced(mounted))
    named = {
        *(start.program for start in trace.starts),
        *(item.path for item in trace.executions),
        *(item.path for item in trace.objects),
        *(item.path for item in trace.lookups if item.where == "bundle"),
    }
    here = (mounted.here(path) or mounted.served(path) for path in named)
    touched = {os.path.realpath(path) for path in here if path is not None}
    return [path for path in everything if path in touched or path.startswith(always)]


def _untraced(mounted: Mounted) -> Iterator[Path]:
    """Directories that are read by the shell that a launcher is for, by the loader and by libc."""
    for tree in mounted.trees.values():
        yield tree / "bin"
    for directory in mounted.bundles:
        for part in ("runtime", "root/usr/lib/locale"):
            path = mounted.here(f"{directory}/{part}")
            if path is not None:
                yield path


def _files_below(tree: str) -> Iterator[str]:
    waiting = [os.path.realpath(tree)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry.path


def _drop(path: str) -> None:
    with contextlib.suppress(OSError):  # it only makes the figure worse
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)


class _Libc:
    """mmap, mincore and munmap; Python's own mmap does not give the address."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self.map, self.unmap, self.in_core = libc.mmap, libc.munmap, libc.mincore
        self.map.restype = ctypes.c_void_p
        size, number = ctypes.c_size_t, ctypes.c_int
        self.map.argtypes = [ctypes.c_void_p, size, number, number, number, ctypes.c_long]
        self.unmap.argtypes = [ctypes.c_void_p, size]
        self.in_core.argtypes = [ctypes.c_void_p, size, ctypes.c_char_p]


_libc: list[_Libc] = []


def _resident(path: str) -> int:
    if not _libc:
        _libc.append(_Libc())
    libc = _libc[0]
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            size = os.fstat(fd).st_size
            return _resident_of(libc, fd, size) if size else 0
        finally:
            os.close(fd)
    return 0


def _in_pages(size: int) -> int:
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE


def _resident_of(libc: _Libc, fd: int, size: int) -> int:
    pages = _in_pages(size) // mmap.PAGESIZE
    address = libc.map(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    if address == _MAP_FAILED:
        raise OSError(errno.ENOMEM, "mmap")
    try:
        found = ctypes.create_string_buffer(pages)
        if libc.in_core(address, size, found) != 0:
            raise OSError(ctypes.get_errno(), "mincore")
        return found.raw.count(b"\x01") * mmap.PAGESIZE
    finally:
        libc.unmap(address, size)
