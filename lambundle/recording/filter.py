"""Leaves out recorded files that may be private, temporary or the host's own."""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lambundle.gather.mirror import HOST_FILES, KERNEL_TREES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambundle.machine import Files

TEMPORARY = ("/tmp", "/var/tmp", "/run", "/var/run", "/var/log")  # noqa: S108
"""Directories of temporary files, some of them private."""

PRIVATE = ("/root", "/home")
"""Parents of home directories."""

HOST_ONLY = HOST_FILES | {
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/passwd-",
    "/etc/security/opasswd",
    "/etc/shadow-",
    "/etc/subgid",
    "/etc/subuid",
    "/usr/lib/locale/locale-archive",  # large, and a bundle has a locale of its own
}
"""Left out without a note: every program reads some of them, and all are the host's."""

_OTHERS_READ, _OTHERS_SEARCH = stat.S_IROTH, stat.S_IXOTH


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one recording.

    ``directory`` is the working directory, ``homes`` are the user's home directories, ``own`` the directories of the
    recording itself. A file that changed after ``since`` (``st_ctime_ns``) is a result of the command.
    """

    directory: str
    homes: tuple[str, ...]
    own: tuple[str, ...] = ()
    since: int = 1 << 63


class _Group(NamedTuple):
    """A group of files that are left out, with the reason."""

    which: str
    why: str


_MADE = _Group("that the command made or changed", "it is a result")
_GUARDED = _Group("that not everybody may read", "it may be secret")


def choose(files: Files, paths: Iterable[str], bounds: Bounds) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the recorded files to add, sorted, and a note for each group of files left out.

    Other paths, the kernel's file systems and host files are left out without a note.
    """
    selected = _Filter(files, bounds)
    chosen: set[str] = set()
    groups: dict[_Group, list[str]] = {}
    for path in sorted(set(map(tidy, paths))):
        verdict = selected.judge(path)
        if verdict is True:
            chosen.add(path)
        elif verdict is not False:
            groups.setdefault(verdict, []).append(path)
    return tuple(sorted(chosen)), tuple(_note(group, groups[group]) for group in sorted(groups))


def choose_directories(files: Files, paths: Iterable[str], bounds: Bounds) -> tuple[str, ...]:
    """Return the listed directories that are not left out, sorted."""
    selected = _Filter(files, bounds)
    return tuple(path for path in sorted(set(map(tidy, paths))) if selected.judge_directory(path))


def tidy(path: str) -> str:
    """Return a path without empty components and ``.``; ``..`` stays, since it may follow a link."""
    return "/" + "/".join(name for name in path.split("/") if name not in ("", "."))


def _note(group: _Group, paths: Sequence[str]) -> str:
    example = os.fsencode(paths[0]).decode("utf-8", "backslashreplace")
    count = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    were = "was left out" if len(paths) == 1 else "were left out"
    return f"{count} {group.which} {were} ({example}): {group.why}; add what is needed with --add PATH"


def _below(path: str, root: str) -> bool:
    # If "/" is a home or the working directory, only its own files are private: else all were.
    return posixpath.dirname(path) == "/" if root == "/" else path == root or path.startswith(f"{root}/")


class _Filter:
    """Judges paths by their names and real paths: both must be outside of all excluded directories."""

    def __init__(self, files: Files, bounds: Bounds) -> None:
        self._files = files
        self._since = bounds.since
        self._silent = self._both_names((*KERNEL_TREES, *bounds.own))
        self._roots: dict[str, _Group] = {}
        self._searchable: dict[str, bool] = {"/": True}
        private = "files there may be private"
        self._keep_out(bounds.directory, _Group("in the working directory", private))
        for root in (*bounds.homes, *PRIVATE):
            self._keep_out(root, _Group(f"under {root}", private))
        for root in TEMPORARY:
            self._keep_out(root, _Group(f"under {root}", "files there are temporary"))

    def _keep_out(self, root: str, group: _Group) -> None:
        for name in self._both_names((root,)):
            self._roots.setdefault(name, group)

    def judge(self, path: str) -> bool | _Group:
        """Return True to add a file, False to leave it out, or the group with which it is left out."""
        try:
            return self._judge(path, self._files.lstat(path), self._files.stat(path))
        except OSError:
            return False  # removed, or a dangling link

    def _judge(self, path: str, here: os.stat_result, status: os.stat_result) -> bool | _Group:
        is_link = stat.S_ISLNK(here.st_mode)
        if not stat.S_ISREG(status.st_mode) and not (is_link and stat.S_ISDIR(status.st_mode)):
            return False
        names = self._both_names((path,))
        if self._is_of_the_host(names):
            return False
        root = self._root_of(names)
        if max(here.st_ctime_ns, status.st_ctime_ns if stat.S_ISREG(status.st_mode) else 0) > self._since:
            return _MADE if root is None else False
        if root is not None:
            return root
        return True if self._everybody_reads(self._files.real(path), status.st_mode) else _GUARDED

    def judge_directory(self, path: str) -> bool:
        """Return whether a listed directory is not left out."""
        names = self._both_names((path,))
        if self._is_of_the_host(names) or self._root_of(names) is not None:
            return False
        try:
            mode = self._files.stat(path).st_mode
            return stat.S_ISDIR(mode) and self._everybody_reads(self._files.real(path), mode)
        except OSError:
            return False

    def _is_of_the_host(self, names: Iterable[str]) -> bool:
        return any(name in HOST_ONLY or any(_below(name, tree) for tree in self._silent) for name in names)

    def _root_of(self, names: Sequence[str]) -> _Group | None:
        return next((group for root, group in self._roots.items() if any(_below(name, root) for name in names)), None)

    def _both_names(self, paths: Iterable[str]) -> tuple[str, ...]:
        names = (name for path in paths for name in (posixpath.normpath(path), self._files.real(path)))
        return tuple(dict.fromkeys(names))

    def _everybody_reads(self, real: str, mode: int) -> bool:
        return bool(mode & _OTHERS_READ) and self._everybody_searches(posixpath.dirname(real))

    def _everybody_searches(self, directory: str) -> bool:
        known = self._searchable.get(directory)
        if known is None:
            known = bool(self._files.stat(directory).st_mode & _OTHERS_SEARCH) and self._everybody_searches(
                posixpath.dirname(directory)
            )
            self._searchable[directory] = known
        return known
