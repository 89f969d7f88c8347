"""Holds a verification to one version of its files: each is opened more than once, to be checked and to be unpacked."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from lambundle.errors import FileChangedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@contextlib.contextmanager
def unchanged(paths: Sequence[Path]) -> Iterator[None]:
    """Raise FileChangedError if a file or directory is another one, or was written to, at the end of the block.

    An error of the block itself, which may come of that, gives way to it.
    """
    before = [_version(path) for path in paths]
    try:
        yield
    finally:
        for path, version in zip(paths, before, strict=True):
            if _version(path) != version:
                raise FileChangedError(
                    f"{path} changed while it was verified",
                    context=("it was written to, or replaced",),
                    hint="verify it again once nothing writes to it",
                )


def _version(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
