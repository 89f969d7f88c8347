"""World-readable files below a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.machine import Files

DEEP = 2
"""Slashes in the path of a directory that a link may lead to: /usr, /etc and /home are the system's own."""


def files_below(files: Files, top: str, wanted: Callable[[str], bool], *, follow: bool = False) -> Iterator[str]:
    """Return the files and links below ``top``; directories are sorted.

    Links to directories are only followed with ``follow``, out of ``top``, and not to one of the system's own. A path
    for which ``wanted`` is false is left out, a directory with all its files. Files that are not world-readable may be
    secrets and are left out, as are unreadable directories.
    """
    waiting, entered = [top], {files.real(top)}
    while waiting:
        for item in files.items(waiting.pop()):
            if not wanted(item.path):
                continue
            if item.is_directory:
                waiting.append(item.path)
            elif is_world_readable(files, item.path):
                yield item.path
                if follow and item.is_link and files.is_directory(item.path):
                    real = files.real(item.path)
                    if real.count("/") >= DEEP and not f"{real}/".startswith(tuple(f"{path}/" for path in entered)):
                        entered.add(real)
                        waiting.append(item.path)


def is_world_readable(files: Files, path: str) -> bool:
    """Return whether a path leads to a directory or a file that everybody may read."""
    return files.is_public(path) or files.is_directory(path)
