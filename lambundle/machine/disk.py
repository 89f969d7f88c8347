"""Files on disk: those of this machine, or of a root with another Linux."""

from __future__ import annotations

import mmap
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from lambundle.machine.files import Files, Item
from lambundle.machine.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator


class DiskFiles(Files):
    """The files below ``root``, an absolute path of this machine; empty for ``/``.

    Links are followed within the root: an absolute target starts at the root, so that none leads out.
    """

    def __init__(self, root: str = "") -> None:
        super().__init__()
        self.root = root.rstrip("/")

    def place(self, path: str) -> str:
        """Return the path on this machine of the file that ``path`` leads to."""
        return f"{self.root}{self.real(path)}" if self.root else path

    def _ask_lstat(self, path: str) -> os.stat_result:
        # With the same root the kernel follows links, which is faster.
        return os.lstat(self.root + self.real_parent(path)) if self.root else os.lstat(path)

    def _ask_stat(self, path: str) -> os.stat_result:
        return super()._ask_stat(path) if self.root else os.stat(path)

    def _ask_open(self, path: str) -> BinaryIO:
        return super()._ask_open(path) if self.root else self._open(path)

    def _lstat(self, path: str) -> os.stat_result:
        return os.lstat(self.root + path)

    def _readlink(self, path: str) -> str:
        return os.readlink(self.root + path)

    def _scan(self, path: str, top: str) -> list[Item]:
        with os.scandir(self.root + path) as found:
            return [
                Item(
                    item.name,
                    f"{top}/{item.name}",
                    item.is_symlink(),
                    item.is_dir(follow_symlinks=False),
                    item.is_file(follow_symlinks=False),
                )
                for item in found
            ]

    def _open(self, path: str) -> BinaryIO:
        # O_NOFOLLOW: a component that has become a link must not lead out of the root.
        return os.fdopen(open_regular(self.root + path, os.O_NOFOLLOW if self.root else 0), "rb", buffering=0)

    def is_readable(self, path: str) -> bool:
        """Return whether this process may read the file that ``path`` leads to."""
        return os.access(self.place(path), os.R_OK)

    @contextmanager
    def mapped(self, path: str) -> Iterator[mmap.mmap | bytes]:
        """Give the content of a file as a memory map; empty if it cannot be read or is empty."""
        try:
            with self.open(path) as file:
                found = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # an empty file cannot be mapped
            yield b""
            return
        with found:
            yield found
