"""Files below a directory that everybody may read."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def files_below(top: str, wanted: Callable[[str], bool]) -> Iterator[str]:
    """Give the files and links below ``top``, links not followed, directories sorted.

    ``wanted`` says of a path whether to take it; a directory that is not wanted is not entered. A file that only its
    owner may read may hold a secret: it is never given. A directory that is closed to us is left out.
    """
    waiting = [top]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                items = sorted(found, key=lambda item: item.name)
        except OSError:
            continue
        for item in items:
            if not wanted(item.path):
                continue
            if item.is_dir(follow_symlinks=False):
                waiting.append(item.path)
            elif is_for_all(item.path):
                yield item.path


def is_for_all(path: str) -> bool:
    """Whether a path leads to a file that everybody may read, or to a directory."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and bool(status.st_mode & stat.S_IROTH))
