"""Files in memory, for tests: a machine of any distribution in a line."""

from __future__ import annotations

import errno
import io
import os
import posixpath
import stat
from collections import Counter
from typing import TYPE_CHECKING, BinaryIO

from lambundle.machine.files import Files, Item

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIME = 1_700_000_000


class MemoryFiles(Files):
    """Files in memory.

    ``content`` maps absolute paths to the bytes or text of files; parent directories are implied. ``links`` maps paths
    to targets, ``modes`` paths to permissions other than 0644 (0755 in a ``bin`` directory). ``directories`` are empty
    directories, ``sizes`` are the bytes of files with shortened content, ``hard_links`` maps further names of files to
    the first.
    """

    def __init__(
        self,
        content: Mapping[str, bytes | str] | None = None,
        *,
        links: Mapping[str, str] | None = None,
        modes: Mapping[str, int] | None = None,
        directories: tuple[str, ...] = (),
        sizes: Mapping[str, int] | None = None,
        hard_links: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self._modes = dict(modes or {})
        self._sizes = dict(sizes or {})
        self._nodes: dict[str, bytes | str | None] = {"/": None}
        self._below: dict[str, dict[str, None]] = {"/": {}}
        self._links: frozenset[str] = frozenset(links or ())
        self._firsts: dict[str, str] = {}
        self._names: Counter[str] = Counter()
        self._numbers: dict[str, int] = {}
        for path, target in (links or {}).items():
            self._put(path, target)
        for path in directories:
            self._put(path, None)
        for path, data in (content or {}).items():
            # Package lists may name a file through a directory link.
            self._put(self._physical(path), data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)

        for path, other in (hard_links or {}).items():
            name, first = self._physical(path), self._physical(other)
            self._put(name, self._node(first))
            self._firsts[name] = first
            self._names[first] += 1

    def _physical(self, path: str) -> str:
        parent, _, name = path.rpartition("/")
        return f"{self.real(parent or '/').rstrip('/')}/{name}"

    def _put(self, path: str, node: bytes | str | None) -> None:
        path = posixpath.normpath(path)
        if self._nodes.get(path) is not None:
            self._nodes[path] = node
            return
        self._nodes[path] = node
        if node is None:
            self._below.setdefault(path, {})
        while path != "/":
            parent, _, name = path.rpartition("/")
            parent = parent or "/"
            self._nodes.setdefault(parent, None)
            self._below.setdefault(parent, {})[name] = None
            path = parent

    def _node(self, path: str) -> bytes | str | None:
        if path not in self._nodes:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self._nodes[path]

    def _lstat(self, path: str) -> os.stat_result:
        node = self._node(path)
        path = self._firsts.get(path, path)
        if node is None:
            kind, mode, size = stat.S_IFDIR, 0o755, 0
        elif isinstance(node, str):
            kind, mode, size = stat.S_IFLNK, 0o777, len(node)
        else:
            is_program = posixpath.basename(posixpath.dirname(path)) in {"bin", "sbin"}
            kind, mode, size = stat.S_IFREG, 0o755 if is_program else 0o644, self._sizes.get(path, len(node))
        number = self._numbers.setdefault(path, len(self._numbers) + 2)
        names = 1 + self._names[path]
        fields = (kind | self._modes.get(path, mode), number, 1, names, 0, 0, size, _TIME, _TIME, _TIME)
        return os.stat_result(fields, dict.fromkeys(("st_atime_ns", "st_mtime_ns", "st_ctime_ns"), _TIME * 10**9))

    def _readlink(self, path: str) -> str:
        node = self._node(path)
        if not isinstance(node, str):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        return node

    def _scan(self, path: str, top: str) -> list[Item]:
        if self._node(path) is not None:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        found = ((name, self._nodes[f"{path.rstrip('/')}/{name}"]) for name in self._below.get(path, ()))
        return [
            Item(name, f"{top}/{name}", isinstance(node, str), node is None, isinstance(node, bytes))
            for name, node in found
        ]

    def _open(self, path: str) -> BinaryIO:
        node = self._node(path)
        if not isinstance(node, bytes):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not self._readable(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return io.BytesIO(node)

    def _readable(self, path: str) -> bool:
        return bool(self._modes.get(path, 0o444) & 0o444)

    def is_readable(self, path: str) -> bool:
        """Return whether any permission bit allows to read the file that ``path`` leads to."""
        return self.exists(path) and self._readable(self.real(path))
