"""What the package databases have in common: their interface, and the many names of one file."""

from __future__ import annotations

import abc
import enum
import os
import posixpath
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from lambundle.errors import PackageDatabaseError, UnreadableFileError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

MAX_DATABASE_FILE = 512 << 20
"""No file of a package database is nearly as large; what is larger is not one."""
MAX_LINKS = 40
"""The kernel's own limit on links followed for one path."""
MAX_NAMES = 16
"""So many names of one file are tried; links that lead into each other would give it endless ones."""
SCAN_DEPTH = 2
"""Directory links are looked for in ``/``, ``/usr`` and ``/usr/lib``, and so on: three levels."""
NOT_SCANNED = frozenset(("dev", "home", "media", "mnt", "proc", "root", "run", "sys", "tmp"))
"""Directories of ``/`` in which no package keeps anything."""
ALTERNATIVES = "/etc/alternatives/"

Owners = str | list[str]
"""The packages that list a name. Nearly always one, and then it stands alone: it halves the index's size."""


class DependencyKind(enum.StrEnum):
    """How strongly a package asks for another, in deb-control(5)'s words.

    rpm's Requires that only its scriptlets need (``Requires(pre)``, ``Requires(post)``) are
    ``pre-depends``; pacman's optional dependencies are ``suggests``.
    """

    DEPENDS = "depends"
    PRE_DEPENDS = "pre-depends"
    RECOMMENDS = "recommends"
    SUGGESTS = "suggests"


@dataclass(frozen=True, slots=True)
class Dependency:
    """One demand of a package.

    ``wanted`` is what was asked for, alternatives in their order, without versions: names of packages or
    of what packages provide (virtual packages, sonames, files). ``packages`` is who meets it here, empty
    where nobody does; ``missing`` is those of ``wanted`` that nobody meets.
    """

    kind: DependencyKind
    wanted: tuple[str, ...]
    packages: tuple[str, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package; what its database does not record is empty.

    ``name`` is what every method of the database takes and returns: it carries the architecture
    (``libc6:i386``, ``glibc.i686``) only where that is not the system's own. ``source`` is the name of the
    source package, ``section`` dpkg's section, rpm's group or pacman's groups.
    """

    name: str
    version: str
    architecture: str
    source: str = ""
    section: str = ""
    priority: str = ""
    essential: bool = False


class PackageDatabase(Protocol):
    """The packages installed on one system.

    Nothing is read before it is asked for. Every method may raise UnreadableFileError (a file of the
    database cannot be read) and PackageDatabaseError (it is not what it should be); a single damaged
    record is left out where the rest is usable. An unknown package has no files and no dependencies.
    """

    root: Path

    def owner(self, path: str) -> str | None:
        """Return the package that owns the absolute ``path``, by whatever name the file is called.

        The path may lead through links of directories (``/lib64/x`` where the database lists
        ``/usr/lib64/x``, and the other way round). A link of the alternatives system belongs to the owner of
        what it leads to, a diverted file to the package whose file it is. None for a file that no
        package lists and for a directory that several share.
        """
        ...

    def owners(self, paths: Collection[str]) -> dict[str, str]:
        """Return the owner of each of ``paths`` that has one."""
        ...

    def directory_owners(self, directory: str) -> frozenset[str]:
        """Return all packages that list ``directory``, by any of its names."""
        ...

    def files(self, package: str) -> tuple[str, ...]:
        """Return everything that ``package`` installed except directories, as the database names it.

        Configuration files are among it, diversions are applied. A file may have been removed since, or is
        still to be made (rpm's %ghost).
        """
        ...

    def directories(self, package: str) -> tuple[str, ...]:
        """Return the directories that ``package`` lists."""
        ...

    def depends(self, package: str) -> tuple[Dependency, ...]:
        """Return what ``package`` asks for, each demand with the installed packages that meet it."""
        ...

    def package(self, name: str) -> Package | None:
        """Return what is recorded of an installed package, or None if there is none of that name."""
        ...

    def packages(self) -> Iterator[str]:
        """Return the names of all installed packages."""
        ...


def read_database_file(path: str, limit: int = MAX_DATABASE_FILE) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes.

    Raises UnreadableFileError, and PackageDatabaseError for a device, a pipe or a larger file.
    """
    try:
        # Without O_NONBLOCK a pipe in place of the file would hold us for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
                raise PackageDatabaseError(f"{path} is no file of a package database")
            return os.read(descriptor, status.st_size)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UnreadableFileError(f"cannot read {path}: {error.strerror}") from error


def decode(data: bytes) -> str:
    """Return ``data`` as text in which any file name survives, as ``os.fsdecode`` would on a UTF-8 system."""
    return data.decode("utf-8", "surrogateescape")


class Tree:
    """The links of the system below ``root``, read inside it: an absolute target starts at ``root`` again.

    Answers are remembered, since a database asks for the same few directories over and over.
    """

    def __init__(self, root: Path) -> None:
        self._root = "" if str(root) == "/" else os.fspath(root.absolute())
        self._links: dict[str, str | None] = {}
        self._real: dict[str, str] = {}

    def host(self, path: str) -> str:
        """Return where the tree's absolute ``path`` is found, its last component not followed."""
        if not self._root:
            return path  # the kernel follows the directory's links, and cannot leave this root
        parent, _, name = path.rpartition("/")
        return f"{self._root}{self.real(parent).rstrip('/')}/{name}"

    def link(self, path: str) -> str | None:
        """Return the target of the link at ``path``, whose directory has no links, or None."""
        try:
            return os.readlink(self._root + path)
        except (OSError, ValueError):  # ValueError: a NUL in the name
            return None

    def real(self, path: str) -> str:
        """Return ``path`` with every link followed; a component that does not exist stays as it is."""
        found = self._real.get(path)
        if found is None:
            found = self._real[path] = self._resolve(path)
        return found

    def _resolve(self, path: str) -> str:
        pending, real, followed = path.split("/")[::-1], "", 0
        while pending:
            part = pending.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                real = real.rpartition("/")[0]
                continue
            child = f"{real}/{part}"
            if child not in self._links:
                self._links[child] = self.link(child)
            target = self._links[child]
            if target is None:
                real = child
                continue
            followed += 1
            if followed > MAX_LINKS:
                return posixpath.normpath(path)
            real = "" if target.startswith("/") else real
            pending.extend(target.split("/")[::-1])
        return real or "/"

    def real_parent(self, path: str) -> str:
        """Return ``path`` with the links of its directory followed, but not the last component itself."""
        parent, _, name = path.rstrip("/").rpartition("/")
        if name in {"", ".", ".."}:
            return self.real(path)
        return f"{self.real(parent).rstrip('/')}/{name}"

    def is_directory(self, path: str) -> bool:
        """Tell whether ``path`` is a directory, and no link to one."""
        try:
            return stat.S_ISDIR(os.lstat(self.host(path)).st_mode)
        except (OSError, ValueError):
            return False

    @cached_property
    def _aliases(self) -> dict[str, list[str]]:
        """Return the links that lead to each directory, of those within SCAN_DEPTH below the root.

        This is what finds ``/lib/x`` in a database that is asked for ``/usr/lib/x``. Deeper down, only
        somebody who moved a package's directory by hand has such links, and looking at every directory of a
        database would cost as much as reading it.
        """
        aliases: dict[str, list[str]] = {}
        level = [""]
        for _ in range(SCAN_DEPTH + 1):
            level = [below for directory in level for below in self._scan(directory, aliases)]
        return aliases

    def _scan(self, directory: str, aliases: dict[str, list[str]]) -> list[str]:
        """Note the directory links of ``directory``; return its real subdirectories."""
        below = []
        try:
            with os.scandir(self._root + (directory or "/")) as entries:
                for entry in entries:
                    path = f"{directory}/{entry.name}"
                    if entry.is_symlink():
                        if not self._root and not entry.is_dir():
                            continue  # asking the kernel is quicker, and right where it has the same root
                        real = self.real(path)
                        # A link to its own directory (/usr/bin/X11) gives no new name for anything.
                        if not path.startswith(f"{real}/") and self.is_directory(real):
                            aliases.setdefault(real, []).append(path)
                    elif entry.is_dir(follow_symlinks=False) and (directory or entry.name not in NOT_SCANNED):
                        below.append(path)
        except OSError:
            return below
        return below

    def names(self, path: str) -> Iterator[str]:
        """Return the names of ``path``, likeliest first: as given, its real one, those by links."""
        yield path
        seen = {path}
        waiting = [self.real_parent(path)]
        for name in waiting:  # grows while it is walked
            if name not in seen:
                seen.add(name)
                yield name
            if len(waiting) < MAX_NAMES:
                waiting.extend(other for other in self._renamed(name) if other not in seen)

    def _renamed(self, name: str) -> Iterator[str]:
        ancestor = name
        while ancestor:
            for link in self._aliases.get(ancestor, ()):
                yield link + name[len(ancestor) :]
            ancestor = ancestor.rpartition("/")[0]


class ListedDatabase(abc.ABC):
    """A database that lists the names of each package's files: what all of them do with such lists.

    The lists are read once, when the first owner is asked for, into one dict. Searching the joined bytes
    of dpkg's lists instead takes 0.2 to 2 ms a path; the dict, of 1,377 packages with 197,000 names, takes
    90 ms once and then 8 microseconds. A pack asks for hundreds of paths, each by several names.
    """

    alternatives_first: ClassVar[bool] = False
    """Packages list the links of alternatives as their own, so the link is asked before the list."""
    follows_any_link: ClassVar[bool] = False
    """Any link that no package lists belongs to whoever owns what it leads to."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self._tree = Tree(root)

    @abc.abstractmethod
    def _listings(self) -> Iterable[tuple[str, Iterable[str]]]:
        """Return each package with the absolute names that it lists, directories too."""

    @cached_property
    def _index(self) -> dict[str, Owners]:
        return self._build_index()

    def _build_index(self) -> dict[str, Owners]:
        index: dict[str, Owners] = {}
        for package, names in self._listings():
            for name in names:
                known = index.get(name)
                if known is None:
                    index[name] = package
                elif type(known) is list:
                    known.append(package)
                else:
                    index[name] = [str(known), package]
        return index

    def owner(self, path: str) -> str | None:
        """Return the package that owns ``path``; see PackageDatabase."""
        if not path.startswith("/"):
            return None
        steps: Iterable[str] = self._steps(path)
        if self.alternatives_first:
            steps = reversed(list(steps))
        return next((owner for step in steps if (owner := self._listed(step))), None)

    def owners(self, paths: Collection[str]) -> dict[str, str]:
        """Return the owner of each of ``paths`` that has one."""
        return {path: owner for path in paths if (owner := self.owner(path))}

    def directory_owners(self, directory: str) -> frozenset[str]:
        """Return all packages that list ``directory``, by any of its names."""
        found: set[str] = set()
        for name in self._tree.names(self._tree.real(directory)):
            owners = self._index.get(name, ())
            found.update((owners,) if isinstance(owners, str) else owners)
        return frozenset(found)

    def _listed(self, path: str) -> str | None:
        for name in self._tree.names(path):
            owners = self._index.get(name)
            if isinstance(owners, str):
                return owners
            if owners:
                # One file listed twice: the same file of two architectures, or one taken over.
                return None if self._tree.is_directory(self._tree.real(path)) else owners[0]
        return None

    def _steps(self, path: str) -> Iterator[str]:
        """Return ``path`` and what it leads to, link by link, as far as an owner may be found there."""
        for _ in range(MAX_LINKS):
            yield path
            here = self._tree.real_parent(path)
            target = self._tree.link(here)
            if target is None:
                return
            target = posixpath.join(posixpath.dirname(here), target)
            if not (self.follows_any_link or here.startswith(ALTERNATIVES) or target.startswith(ALTERNATIVES)):
                return
            path = target


def meeting(wanted: str, installed: Collection[str], provided: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return who meets a demand: the package of that name, otherwise all that provide it."""
    return (wanted,) if wanted in installed else tuple(dict.fromkeys(provided.get(wanted, ())))


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return ``names`` in their order, each once."""
    return tuple(dict.fromkeys(names))
