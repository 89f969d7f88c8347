"""What the package databases have in common: their interface, and the index of the names that packages list."""

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
"""No file of a package database is nearly as large; what is larger is not one."""
ALTERNATIVES = "/etc/alternatives/"

Owners = str | list[str]
"""The packages that list a name. Nearly always one, and then it stands alone: it halves the index's size."""


class DependencyKind(enum.StrEnum):
    """How strongly a package depends on another, in deb-control(5)'s words.

    rpm's Requires that only its scriptlets need (``Requires(pre)``, ``Requires(post)``) are
    ``pre-depends``; pacman's optional dependencies are ``suggests``.
    """

    DEPENDS = "depends"
    PRE_DEPENDS = "pre-depends"
    RECOMMENDS = "recommends"
    SUGGESTS = "suggests"


@dataclass(frozen=True, slots=True)
class Dependency:
    """One dependency of a package.

    ``wanted`` is the names it is satisfied by, alternatives in their order, without versions: packages, or
    what packages provide (virtual packages, sonames, files). ``packages`` is the installed packages that
    satisfy it, empty where there is none; ``missing`` is those of ``wanted`` that no package provides.
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
        """Return the dependencies of ``package``, each with the installed packages that satisfy it."""
        ...

    def package(self, name: str) -> Package | None:
        """Return what is recorded of an installed package, or None if there is none of that name."""
        ...

    def packages(self) -> Iterator[str]:
        """Return the names of all installed packages."""
        ...


def read_database_file(files: Files, path: str, limit: int = MAX_DATABASE_FILE) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes.

    Raises UnreadableFileError, and PackageDatabaseError for a device, a pipe or a larger file.
    """
    try:
        status = files.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            raise PackageDatabaseError(f"{path} is no file of a package database")
        with files.open(path) as file:
            return file.read(status.st_size)
    except OSError as error:
        raise UnreadableFileError(f"cannot read {path}: {error.strerror}") from error


def decode(data: bytes) -> str:
    """Return ``data`` as text in which any file name survives, as ``os.fsdecode`` would on a UTF-8 system."""
    return data.decode("utf-8", "surrogateescape")


class ListedDatabase(abc.ABC):
    """A database that lists the names of each package's files: what all of them do with such lists.

    The lists are read once, when the first owner is asked for, into one dict. Searching the joined bytes
    of dpkg's lists instead takes 0.2 to 2 ms a path; the dict, of 900 packages with 136,000 names, takes
    60 ms once, the links of directories take 10 ms once, and then a path takes 2 microseconds. A pack asks
    for hundreds of paths, each by several names.
    """

    alternatives_first: ClassVar[bool] = False
    """Packages list the links of alternatives as their own, so the link is asked before the list."""
    follows_any_link: ClassVar[bool] = False
    """Any link that no package lists belongs to whoever owns what it leads to."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._names = Names(files)
        self._owners_of_directories: dict[str, frozenset[str]] = {}  # asked for once for every file in one

    @abc.abstractmethod
    def _listings(self) -> Iterable[tuple[str, Iterable[str]]]:
        """Return each package with the absolute names that it lists, directories too."""

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
                # One file listed twice: the same file of two architectures, or one taken over.
                return None if self._files.is_directory(path) else owners[0]
        return None

    def _steps(self, path: str) -> Iterator[str]:
        """Return ``path`` and what it leads to, link by link, as far as an owner may be found there."""
        for _ in range(MAX_LINKS):
            yield path
            if not self._files.is_link(path):
                return
            here = self._files.real_parent(path)
            target = posixpath.join(posixpath.dirname(here), self._files.readlink(here))
            if not (self.follows_any_link or here.startswith(ALTERNATIVES) or target.startswith(ALTERNATIVES)):
                return
            path = target


def meeting(wanted: str, installed: Collection[str], provided: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the packages that satisfy a dependency: the one of that name, otherwise all that provide it."""
    return (wanted,) if wanted in installed else tuple(dict.fromkeys(provided.get(wanted, ())))


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return ``names`` in their order, each once."""
    return tuple(dict.fromkeys(names))
