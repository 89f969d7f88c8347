"""A place in /tmp for one invocation, and nothing left in /tmp after it."""

from __future__ import annotations

import itertools
import os
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path("/tmp")  # noqa: S108  (the one place where a function can write)


@contextmanager
def room() -> Iterator[str]:
    """Give a new directory; at the end, remove whatever /tmp did not hold before."""
    before = set(os.listdir(TOP))
    try:
        yield tempfile.mkdtemp(prefix="judge-", dir=TOP)
    finally:
        for name in set(os.listdir(TOP)) - before:
            remove(TOP / name)


def remove(path: Path) -> None:
    """Remove a file or a directory with all it holds, whatever the modes, the depth and the names.

    Every directory is first moved into one pit, so that no path becomes too long for the kernel.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    pit = Path(tempfile.mkdtemp(dir=TOP))
    numbers = itertools.count()

    def take(directory: Path) -> Path:
        directory.chmod(stat.S_IRWXU)
        return directory.rename(pit / str(next(numbers)))

    waiting = [take(path)]
    while waiting:
        directory = waiting.pop()
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(take(Path(entry)))
                else:
                    Path(entry).unlink()
        directory.rmdir()
    pit.rmdir()
