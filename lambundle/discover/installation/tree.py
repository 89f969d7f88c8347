"""World-readable files below a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.machine import Files


def files_below(files: Files, top: str, wanted: Callable[[str], bool]) -> Iterator[str]:
    """Return the files and links below ``top``; links are not followed, directories are sorted.

    A path for which ``wanted`` is false is left out, a directory with all its files. Files that are not world-readable
    may be secrets and are left out, as are unreadable directories.
    """
    waiting = [top]
    while waiting:
        for item in files.items(waiting.pop()):
            if not wanted(item.path):
                continue
            if item.is_directory:
                waiting.append(item.path)
            elif is_world_readable(files, item.path):
                yield item.path


def is_world_readable(files: Files, path: str) -> bool:
    """Return whether a path leads to a directory or a file that everybody may read."""
    return files.is_public(path) or files.is_directory(path)
