"""The directory destination, and the creation of file trees."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from lambundle.bundle.model import Entry, Kind, Manifest
from lambundle.bundle.write.atomic import replacing_tree, write_all
from lambundle.bundle.write.content import (
    Progress,
    Written,
    blocks,
    completed,
    manifest_entry,
    unzipped_size,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FIRST_MOMENT = 315_532_800
"""1980-01-01 00:00:00 UTC, the default time in a zip, and so in a directory."""


def write_tree(manifest: Manifest, out: Path, *, epoch: int | None = None, progress: Progress | None = None) -> Written:
    """Write ``manifest`` as the directory ``out``, as ``Destination``.

    Modes are the planned ones whatever the umask, as in the zip. Raises UsageError unless ``out`` is missing or empty.
    """
    plan = completed(manifest)
    digests: dict[str, str] = {}
    with replacing_tree(out, unzipped_size(plan.entries)) as top:
        grower = TreeGrower(top, FIRST_MOMENT if epoch is None else epoch)
        for entry in plan.entries:
            _grow(grower, entry, digests, progress)
        last = manifest_entry(plan, digests)
        _grow(grower, last, digests, None)
        grower.finish()
    return Written(unzipped_size((*plan.entries, last)), None, digests)


class TreeGrower:
    """Makes files, links and directories below ``top``, an empty private directory.

    All paths must have passed ``names.check_tree`` together, so that none leads through a link. Directories get their
    modes last, so that a read-only one can be filled. The time of all is ``epoch``.
    """

    def __init__(self, top: Path, epoch: int) -> None:
        self._top = os.fspath(top)
        self._epoch = epoch
        self._modes: dict[str, int] = {self._top: 0o755}

    def directory(self, path: str, mode: int) -> None:
        """Make the directory ``path``, and missing ones above it with mode 0755."""
        full = self._full(path)
        self._parent(full)
        if full not in self._modes:
            os.mkdir(full, 0o700)  # noqa: PTH102  (Path costs more than the call)
        self._modes[full] = mode

    def link(self, path: str, target: str) -> None:
        """Make the link ``path``."""
        full = self._full(path)
        self._parent(full)
        os.symlink(target, full)  # noqa: PTH211
        os.utime(full, (self._epoch, self._epoch), follow_symlinks=False)

    def file(self, path: str, mode: int, content: Iterable[bytes]) -> None:
        """Make the file ``path`` with the blocks of ``content``."""
        full = self._full(path)
        self._parent(full)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(full, flags, 0o600)
        try:
            for block in content:
                write_all(fd, block)
            os.fchmod(fd, mode)
            os.utime(fd, (self._epoch, self._epoch))
        finally:
            os.close(fd)

    def finish(self) -> None:
        """Set the mode and time of every directory, the deepest first."""
        for full, mode in sorted(self._modes.items(), reverse=True):
            os.utime(full, (self._epoch, self._epoch))
            os.chmod(full, mode)  # noqa: PTH101

    def _full(self, path: str) -> str:
        return f"{self._top}/{path}"

    def _parent(self, full: str) -> None:
        parent = full[: full.rindex("/")]
        if parent not in self._modes:
            self.directory(parent[len(self._top) + 1 :], 0o755)


def _grow(grower: TreeGrower, entry: Entry, digests: dict[str, str], progress: Progress | None) -> None:
    if entry.kind is Kind.DIRECTORY:
        grower.directory(entry.path, entry.mode)
    elif entry.kind is Kind.LINK:
        grower.link(entry.path, entry.target or "")
        _tell(progress, entry.size)
    else:
        grower.file(entry.path, entry.mode, _hashed(entry, digests, progress))


def _hashed(entry: Entry, digests: dict[str, str], progress: Progress | None) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for block in blocks(entry):
        digest.update(block)
        yield block
        _tell(progress, len(block))
    digests[entry.path] = digest.hexdigest()


def _tell(progress: Progress | None, size: int) -> None:
    if progress is not None:
        progress(size)
