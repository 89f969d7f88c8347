"""What a directory of this machine holds, and who may read it."""

from __future__ import annotations

import os
import stat


def listed(directory: str) -> tuple[list[str], list[str]]:
    """Return the files and links, and the directories, in a directory; nothing of one that cannot be read."""
    try:
        with os.scandir(directory) as found:
            items = sorted(found, key=lambda item: item.name)
            directories = [item.path for item in items if item.is_dir(follow_symlinks=False)]
            files = [item.path for item in items if item.is_symlink() or item.is_file(follow_symlinks=False)]
    except OSError:
        return [], []
    return files, directories


def is_readable_by_all(path: str) -> bool:
    """Whether everybody may read a file: what others may not may be a secret, and is never taken unasked."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and bool(status.st_mode & stat.S_IROTH)
