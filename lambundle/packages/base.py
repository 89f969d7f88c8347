"""The interface of a package database, and an index of the file names that packages list."""

from __future__ import annotations

import abc
import enum
import posixpath
import stat
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Protocol

from lambundle.errors import PackageDatabaseError, UnreadableFileError
from lambundle.machine import MAX_LINKS
from lambundle.packages.names import Names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from lambundle.machine import Files

MAX_DATABASE_FILE = 512 << 20
"""Bytes; no file of a package database is nearly as large."""
ALTERNATIVES = "/etc/alternatives/"

Owners = str | list[str]
"""The packages that list a name. A single one, the usual case, is no list: that halves the index's size."""


class DependencyKind(enum.StrEnum):
    """The strength of a dependency, in the words of deb-control(5).

    rpm's Requires of scriptlets only (``Requires(pre)``, ``Requires(post)``) are ``pre-depends``; pacman's optional
    dependencies are ``suggests``.
    """

    DEPENDS = "depends"
    PRE_DEPENDS = "pre-depends"
    RECOMMENDS = "recommends"
    SUGGESTS = "suggests"


@dataclass(frozen=True, slots=True)
class Dependency:
    """One dependency of a package.

    ``names`` are its alternatives in order, without versions: packages, or names that packages provide (virtual
    packages, sonames, files). ``providers`` are the installed packages that satisfy it; ``missing`` are the names
    without a provider.
    """

    kind: DependencyKind
    names: tuple[str, ...]
    providers: tuple[str, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package; fields that its database does not record are empty.

    Every method of the database takes and returns ``name``: it has an architecture (``libc6:i386``, ``glibc.i686``)
    only where that is not the system's own. ``source`` is the name of the source package, ``section`` dpkg's section,
    rpm's group or pacman's groups.
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

    Files are read when first needed. Every method may raise UnreadableFileError (a file of the database cannot be
    read) and PackageDatabaseError (its format is not valid); a single damaged record is left out if the rest is
    usable. An unknown package has no files and no dependencies.
    """

    def owner(self, path: str) -> str | None:
        """Return the package that owns the absolute ``path``, under any name of the file.

        The path may lead through directory links (``/lib64/x`` where the database lists ``/usr/lib64/x``, or the
        reverse). A link of the alternatives system belongs to its target's owner, a diverted file to the package
        that shipped it. None for an unlisted file and for a directory that several packages share.
        """
        ...

    def owners(self, paths: Collection[str]) -> dict[str, str]:
        """Return the owner of each of ``paths`` that has one."""
        ...

    def directory_owners(self, directory: str) -> frozenset[str]:
        """Return all packages that list ``directory``, by any of its names."""
        ...

    def files(self, package: str) -> tuple[str, ...]:
        """Return the files and links of ``package``, as the database names them.

        Configuration files are among them, diversions are applied. A file may have been removed since, or not exist
        yet (rpm's %ghost).
        """
        ...

    def directories(self, package: str) -> tuple[str, ...]:
        """Return the directories that ``package`` lists."""
        ...

    def depends(self, package: str) -> tuple[Dependency, ...]:
        """Return the dependencies of ``package``, each with its providers."""
        ...

    def package(self, name: str) -> Package | None:
        """Return an installed package, or None if there is none of that name."""
        ...

    def packages(self) -> Iterator[str]:
        """Return the names of all installed packages."""
        ...

    def installed_by_name(self) -> frozenset[str]:
        """Return the packages that a person asked for, without those that came as dependencies.

        Packages of the distribution's base system are not among them as far as the database tells. Empty where nothing
        was recorded.
        """
        ...


def read_database_file(files: Files, path: str, limit: int = MAX_DATABASE_FILE) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes.

    Raises UnreadableFileError, or PackageDatabaseError for a device, a pipe or a larger file.
    """
    try:
        status = files.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            raise PackageDatabaseError(f"{path} is not a regular file of at most {limit >> 20:,} MiB")
        with files.open(path) as file:
            return file.read(status.st_size)
    except OSError as error:
        raise UnreadableFileError(f"cannot read {path}: {error.strerror}") from error


def decode(data: bytes) -> str:
    """Return ``data`` as text that keeps any file name, as ``os.fsdecode`` does on a UTF-8 system."""
    return data.decode("utf-8", "surrogateescape")


class ListedDatabase(abc.ABC):
    """A database that lists the file names of each package.

    The first lookup of an owner reads all lists into one dict: 60 ms for 900 packages with 136,000 names, and 10 ms
    for directory links; then a lookup takes 2 microseconds. Searching the joined bytes of dpkg's lists takes 0.2 to
    2 ms a path, and a pack looks up hundreds, each under several names.
    """

    alternatives_first: ClassVar[bool] = False
    """Packages list the links of alternatives as their own, so a link's target is looked up first."""
    follows_any_link: ClassVar[bool] = False
    """Any link that no package lists belongs to its target's owner."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._names = Names(files)
        self._owners_of_directories: dict[str, frozenset[str]] = {}  # asked for once for every file in one

    @abc.abstractmethod
    def _listings(self) -> Iterable[tuple[str, Iterable[str]]]:
        """Return each package with the absolute names that it lists, including directories."""

    @cached_property
    def _index(self) -> dict[str, Owners]:
        return self._build_index()

    def _build_index(self) -> dict[str, Owners]:
        index: dict[str, Owners] = {}
        put = index.setdefault
        for package, names in self._listings():
            for name in names:
                known = put(name, package)
                if known is package:
                    continue
                if type(known) is list:
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
        known = self._owners_of_directories.get(directory)
        if known is None:
            found: set[str] = set()
            for name in self._names.of(self._files.real(directory)):
                owners = self._index.get(name, ())
                found.update((owners,) if isinstance(owners, str) else owners)
            known = self._owners_of_directories[directory] = frozenset(found)
        return known

    def _listed(self, path: str) -> str | None:
        for name in self._names.of(path):
            owners = self._index.get(name)
            if isinstance(owners, str):
                return owners
            if owners:
                # Listed twice: the same file of two architectures, or one that was taken over (Replaces).
                return None if self._files.is_directory(path) else owners[0]
        return None

    def _steps(self, path: str) -> Iterator[str]:
        """Return ``path`` and the targets of its links in turn, as far as an owner may be found there."""
        for _ in range(MAX_LINKS):
            yield path
            if not self._files.is_link(path):
                return
            here = self._files.real_parent(path)
            target = posixpath.join(posixpath.dirname(here), self._files.readlink(here))
            if not (self.follows_any_link or here.startswith(ALTERNATIVES) or target.startswith(ALTERNATIVES)):
                return
            path = target


def read_if_there(files: Files, path: str) -> str:
    """Return the text of a database file, empty if there is none or it cannot be read."""
    try:
        return decode(read_database_file(files, path))
    except (UnreadableFileError, PackageDatabaseError):
        return ""


def providers_of(name: str, installed: Collection[str], provided: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the providers of a dependency: the package of that name, else all packages that provide it."""
    return (name,) if name in installed else tuple(dict.fromkeys(provided.get(name, ())))


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return ``names`` in their order, each once."""
    return tuple(dict.fromkeys(names))
