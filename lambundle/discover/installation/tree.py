"""Files below a directory that everybody may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.machine import Files


def files_below(files: Files, top: str, wanted: Callable[[str], bool]) -> Iterator[str]:
    """Give the files and links below ``top``, links not followed, directories sorted.

    ``wanted`` says of a path whether to take it; a directory that is not wanted is not entered. A file that only its
    owner may read may hold a secret: it is never given. A directory that is closed to us is left out.
    """
    waiting = [top]
    while waiting:
        for item in files.items(waiting.pop()):
            if not wanted(item.path):
                continue
            if item.is_directory:
                waiting.append(item.path)
            elif is_for_all(files, item.path):
                yield item.path


def is_for_all(files: Files, path: str) -> bool:
    """Whether a path leads to a file that everybody may read, or to a directory."""
    return files.is_public(path) or files.is_directory(path)
