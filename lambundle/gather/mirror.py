"""The mirror: files of the packing machine below their own absolute paths in the bundle's ``root``.

Nothing is renamed or merged by content, so relative paths, ``$ORIGIN`` and ``..`` work as on the packing machine. Only
absolute targets of links become relative, so that no link leads out of the bundle.

A zip has no hard links. Of an ELF file with several names in one directory, one name is the file and the others are
links to it, since programs with many names are large. Any other hard link becomes a copy: interpreters follow a link
before they look beside a file, and would find the siblings of another or go by another extension.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from lambundle.bundle.model import Entry, Kind, Reason
from lambundle.elf.headers import is_elf
from lambundle.errors import DanglingLinkError, LambundleError, UnreadableFileError, UsageError
from lambundle.gather.links import bundled_target, host_place
from lambundle.machine import MAX_LINKS, Files, Item, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST_FILES = frozenset(
    {
        "/etc/group",
        "/etc/gshadow",
        "/etc/hostname",
        "/etc/hosts",
        "/etc/ld.so.cache",
        "/etc/ld.so.preload",
        "/etc/machine-id",
        "/etc/mtab",
        "/etc/nsswitch.conf",
        "/etc/passwd",
        "/etc/resolv.conf",
        "/etc/shadow",
    }
)
"""Files that describe the host: a bundle's would hide the host's own."""

KERNEL_TREES = ("/dev", "/proc", "/sys")
"""File systems of the kernel; the runtime never redirects them."""


_Step: TypeAlias = "tuple[str, os.stat_result | str | None]"
"""A component of a path: a file with its status, a link with its target, a directory with None."""


_KIND_ORDER = {kind: number for number, kind in enumerate(("program", "add", "needed", "interpreter", "started"))}
"""The order of an entry's reasons by kind; other kinds follow in the order in which they were found."""


@dataclass(slots=True)
class _Node:
    kind: Kind
    mode: int
    size: int = 0
    target: str | None = None
    content: bytes | None = None
    edits: tuple[tuple[int, bytes], ...] = ()
    bare_names: tuple[str, ...] = ()
    reasons: dict[Reason, None] = field(default_factory=dict)


class Mirror:
    """A growing set of paths, each with its reasons; ``excluded`` returns whether the user excludes a path."""

    def __init__(self, files: Files, excluded: Callable[[str], bool] = lambda _: False) -> None:
        self._files = files
        self._nodes: dict[str, _Node] = {}
        self._directories: set[str] = {"/"}
        self._excluded = excluded
        self._hard_links: dict[tuple[str, int, int], str] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._nodes

    def add(self, path: str, reason: Reason) -> str | None:
        """Add the file at an absolute path and every link to it, with the same reason; return its real path.

        A directory is added without its content. An excluded path, a host file and a device are not added: None. Nor is
        what a link to a place of the host leads to, but the link is.
        Raises DanglingLinkError, UnreadableFileError, and UsageError if the path does not exist.
        """
        resolved = self._resolve(path)
        if resolved is None:
            return None
        at, steps = resolved
        for here, status in steps:
            if status is None:
                self._directory(here)
            elif isinstance(status, str):
                self._link(here, status, reason)
            else:
                self._file(here, status, reason)
        if at is None:
            return None
        if not (steps and isinstance(steps[-1][1], os.stat_result)) and at in self._nodes:
            self._nodes[at].reasons.setdefault(reason)
        return at

    def excludes(self, path: str) -> bool:
        """Return whether ``add`` would not add an absolute path."""
        try:
            return self._resolve(path) is None
        except LambundleError:  # missing or unreadable is not excluded
            return False

    def _resolve(self, path: str) -> tuple[str | None, list[_Step]] | None:
        """Return the real path, None at a place of the host, and its new components; None if it must not be added."""
        steps: list[_Step] = []
        links = 0
        at, rest = "/", _components(path)
        while rest:
            name = rest.pop(0)
            here = posixpath.dirname(at) if name == ".." else posixpath.join(at, name)
            if here in self._directories:
                at = here
                continue
            if self._excluded(here) or is_host_file(here):
                return None
            status = self._lstat(here, path)
            if stat.S_ISLNK(status.st_mode):
                links += 1
                if links > MAX_LINKS:
                    raise DanglingLinkError(f"{path} leads through too many symbolic links")
                target = self._files.readlink(here)
                steps.append((here, target))
                if not rest and host_place(self._files, here, target) is not None:
                    return None, steps
                at, rest = ("/" if target.startswith("/") else at), [*_components(target), *rest]
            elif stat.S_ISDIR(status.st_mode):
                steps.append((here, None))
                at = here
            elif stat.S_ISREG(status.st_mode) and not rest:
                steps.append((here, status))
                return here, steps
            else:
                return None
        return at, steps

    def add_tree(self, path: str, reason: Reason, wanted: Callable[[str], bool] = lambda _: True) -> list[str]:
        """Add everything at and below ``path``; return the real paths of the files.

        An absolute path for which ``wanted`` is false is left out, a directory with all its files. A dangling link is
        left out; a link to a directory adds that tree too.
        """
        found: list[str] = []
        entered: set[str] = set()
        waiting = [path]
        while waiting:
            top = waiting.pop()
            real = self.add(top, reason)
            if real is None:
                continue
            if not self._files.is_directory(real):
                found.append(real)
                continue
            if real == "/" or real in entered:
                continue
            entered.add(real)
            waiting += [
                below.path
                for below in self._listed(real)
                if wanted(below.path) and not (below.is_link and self._is_dangling(below.path))
            ]
        return found

    def make_file(self, path: str, content: bytes, mode: int, reason: Reason) -> None:
        """Add a generated file at an absolute path, unless it is excluded."""
        if self.excludes(path):
            return
        self._parents(path)
        self._nodes[path] = _Node(Kind.FILE, mode, len(content), content=content, reasons={reason: None})

    def make_link(self, path: str, target: str, reason: Reason) -> None:
        """Add a generated link; ``target`` is relative to its directory."""
        if path not in self._nodes:
            self._parents(path)
            self._nodes[path] = _Node(Kind.LINK, 0o777, len(os.fsencode(target)), target, reasons={reason: None})

    def entries(self, prefix: str, owner: Callable[[str], str | None] = lambda _: None) -> Iterator[Entry]:
        """Return the entries of the bundle, below ``prefix``; ``owner`` returns the package that owns a file."""
        for path, node in self._nodes.items():
            is_from_here = node.kind is Kind.FILE and node.content is None
            yield Entry(
                path=prefix + path,
                kind=node.kind,
                mode=node.mode,
                size=node.size,
                source=Source(path, self._files) if is_from_here else None,
                content=node.content,
                edits=node.edits,
                bare_names=node.bare_names,
                target=node.target,
                reasons=tuple(sorted(node.reasons, key=lambda reason: _KIND_ORDER.get(reason.kind, len(_KIND_ORDER)))),
                package=owner(path) if is_from_here else None,
            )

    def files(self) -> list[str]:
        """Return the absolute paths of all files added so far, without generated ones."""
        return [path for path, node in self._nodes.items() if node.kind is Kind.FILE and node.content is None]

    def links(self) -> list[tuple[str, Reason]]:
        """Absolute paths of all links added so far that lead to this machine's files, each with its first reason."""
        return [
            (path, next(iter(node.reasons)))
            for path, node in self._nodes.items()
            if node.kind is Kind.LINK and node.reasons and not (node.target or "").startswith("/")
        ]

    @property
    def size(self) -> int:
        """The bytes of all files and link targets added so far."""
        return sum(node.size for node in self._nodes.values())

    def paths(self, ending: str) -> list[str]:
        """Return the absolute paths of all files and links added so far that end with ``ending``."""
        return [path for path, node in self._nodes.items() if path.endswith(ending) and node.kind is not Kind.DIRECTORY]

    def replace_head(self, path: str, head: bytes) -> None:
        """Replace the first bytes of a file in the bundle; its size stays."""
        self._nodes[path].edits = ((0, head),)

    def rename_needed(self, path: str, names: tuple[str, ...], edits: tuple[tuple[int, bytes], ...]) -> None:
        """Let a file in the bundle need ``names`` by their last components; ``edits`` do it."""
        self._nodes[path].edits, self._nodes[path].bare_names = edits, names

    def holds_below(self, directory: str) -> bool:
        """Return whether a directory was added."""
        return directory in self._directories

    def _lstat(self, path: str, asked: str) -> os.stat_result:
        try:
            return self._files.lstat(path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                if path == posixpath.normpath(asked):
                    raise UsageError(f"{asked} does not exist") from error
                raise DanglingLinkError(
                    f"{asked} leads to {path}, which does not exist", hint="repair the link, or --exclude it"
                ) from error
            raise _unreadable(path, error) from error

    def _listed(self, directory: str) -> list[Item]:
        try:
            return list(reversed(self._files.scan(directory)))
        except OSError as error:
            raise _unreadable(directory, error) from error

    def _is_dangling(self, path: str) -> bool:
        if host_place(self._files, path, self._files.readlink(path)) is not None:
            return False
        try:
            self._files.stat(path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return True
            raise _unreadable(path, error) from error
        return False

    def _parents(self, path: str) -> None:
        real = posixpath.dirname(path)
        missing = []
        while real not in self._directories:
            missing.append(real)
            real = posixpath.dirname(real)
        for directory in reversed(missing):
            self._directory(directory)

    def _directory(self, path: str) -> None:
        self._directories.add(path)
        self._nodes.setdefault(path, _Node(Kind.DIRECTORY, 0o755))

    def _link(self, path: str, target: str, reason: Reason) -> None:
        node = self._nodes.get(path)
        if node is None:
            target = bundled_target(self._files, path, target)
            node = self._nodes[path] = _Node(Kind.LINK, 0o777, len(os.fsencode(target)), target)
        node.reasons.setdefault(reason)

    def _file(self, path: str, status: os.stat_result, reason: Reason) -> None:
        node = self._nodes.get(path)
        if node is None and status.st_nlink > 1 and is_elf(self._files, path):
            key = (posixpath.dirname(path), status.st_dev, status.st_ino)
            first = self._hard_links.setdefault(key, path)
            if first != path:
                self.make_link(path, posixpath.basename(first), reason)
                self._nodes[first].reasons.setdefault(Reason("link", path))
                node = self._nodes[path]
        if node is None:
            if not self._files.is_readable(path):
                raise UnreadableFileError(
                    f"no permission to read {path}", hint="run lambundle as another user, or --exclude it"
                )
            # Lambda has one user: executable by anybody is executable by all.
            mode = 0o755 if status.st_mode & 0o111 else 0o644
            node = self._nodes[path] = _Node(Kind.FILE, mode, status.st_size)
        node.reasons.setdefault(reason)


def _components(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


def is_host_file(path: str) -> bool:
    """Return whether a bundle never holds an absolute path: the host has its own."""
    return path in HOST_FILES or path.startswith(tuple(f"{tree}/" for tree in KERNEL_TREES)) or path in KERNEL_TREES


def _unreadable(path: str, error: OSError) -> UnreadableFileError:
    return UnreadableFileError(f"{path} cannot be read: {error.strerror}")
