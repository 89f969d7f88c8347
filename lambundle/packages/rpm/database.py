"""The packages of an rpm database: who owns a file, what a package depends on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.errors import PackageDatabaseError
from lambundle.packages.base import Dependency, DependencyKind, ListedDatabase, Package, meeting, unique
from lambundle.packages.rpm.header import Header, Tag
from lambundle.packages.rpm.rich import RichDependency
from lambundle.packages.rpm.stores import located

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambundle.machine import Files
    from lambundle.packages.rpm.stores import Store

IS_DIRECTORY = 0o040000
FORMAT_BITS = 0o170000
STATE_NORMAL = 0
STATE_WRONG_COLOUR = 4
SCRIPTLET_ONLY = (1 << 8) | (1 << 9) | (1 << 10) | (1 << 11) | (1 << 12)
"""Flags of a dependency: needed by an interpreter of scriptlets, %pre, %post, %preun, %postun."""
RPMLIB = 1 << 24
"""Flag of a dependency: a feature of rpm itself."""
INSTALLED_STATES = frozenset((STATE_NORMAL, STATE_WRONG_COLOUR))


@dataclass(frozen=True, slots=True)
class _Known:
    key: int
    name: str
    architecture: str


class RpmDatabase(ListedDatabase):
    """The packages that rpm installed.

    One of another architecture than the system's is ``name.arch``; where several versions of one are
    installed (kernels), each after the first is ``name-version-release.arch``.
    """

    # Fedora's packages list the links of alternatives as %ghost files.
    alternatives_first = True

    @classmethod
    def present(cls, files: Files) -> bool:
        """Tell whether rpm keeps a database on the machine."""
        return located(files) is not None

    @cached_property
    def _store(self) -> Store:
        found = located(self._files)
        if found is None:
            raise PackageDatabaseError("there is no rpm database")
        location, reader = found
        return reader(self._files, location)

    def _headers(self) -> Iterator[tuple[int, Header]]:
        """Read all headers anew: kept, they would take a hundred megabytes on a full system."""
        for key, blob in self._store.blobs():
            try:
                yield key, Header(blob)
            except PackageDatabaseError:
                continue

    @cached_property
    def _known(self) -> dict[str, _Known]:
        """Return where each package's header is by the name used outside, in the database's order."""
        found = [
            (_Known(key, header.string(Tag.NAME), header.string(Tag.ARCH)), _version(header))
            for key, header in self._headers()
        ]
        counts = Counter(known.architecture for known, _ in found if known.architecture != "noarch")
        native = {"noarch", "", *(architecture for architecture, _ in counts.most_common(1))}
        named: dict[str, _Known] = {}
        for known, version in found:
            if known.name in {"", "gpg-pubkey"}:  # a key that rpm trusts is no package
                continue
            full = known.name if known.architecture in native else f"{known.name}.{known.architecture}"
            named[full if full not in named else f"{known.name}-{version}.{known.architecture}"] = known
        return named

    def _named_headers(self) -> Iterator[tuple[str, Header]]:
        names = {known.key: name for name, known in self._known.items()}
        return ((names[key], header) for key, header in self._headers() if key in names)

    def _header(self, package: str) -> Header | None:
        """Return one package's header, reading nothing but that."""
        return Header(self._store.blob(self._known[package].key)) if package in self._known else None

    @cached_property
    def _provided(self) -> dict[str, list[str]]:
        provided: dict[str, list[str]] = {}
        for package, header in self._named_headers():
            for name in unique(header.strings(Tag.PROVIDENAME)):
                provided.setdefault(name, []).append(package)
        return provided

    def _listings(self) -> Iterator[tuple[str, list[str]]]:
        for package, header in self._named_headers():
            yield package, [path for path, _ in _files(header)]

    def files(self, package: str) -> tuple[str, ...]:
        """Return everything that ``package`` installed except directories, %ghost files too."""
        header = self._header(package)
        listed = _files(header) if header else []
        return unique(path for path, is_directory in listed if not is_directory)

    def directories(self, package: str) -> tuple[str, ...]:
        """Return the directories that ``package`` lists."""
        header = self._header(package)
        listed = _files(header) if header else []
        return unique(path for path, is_directory in listed if is_directory)

    def package(self, name: str) -> Package | None:
        """Return what the header says of a package, or None."""
        header = self._header(name)
        if header is None:
            return None
        return Package(
            name=name,
            version=_version(header),
            architecture=header.string(Tag.ARCH),
            source=header.string(Tag.SOURCERPM).rsplit("-", 2)[0],
            section=header.string(Tag.GROUP),
        )

    def packages(self) -> Iterator[str]:
        """Return the names of all installed packages."""
        return iter(self._known)

    def depends(self, package: str) -> tuple[Dependency, ...]:
        """Return the dependencies of ``package``: packages, sonames, files; rich ones taken apart.

        ``(a and b)`` and ``(a with b)`` are two, ``(a or b)`` is one with alternatives, ``(a if b)``
        is one where b is installed. What the package itself provides and features of rpm are left out.
        """
        header = self._header(package)
        if header is None:
            return ()
        found: dict[Dependency, None] = {}
        for kind, relation in _relations(header):
            for clause in self._clauses(relation):
                dependency = self._dependency(kind, clause, self._known[package].architecture)
                if package not in dependency.packages:
                    found[dependency] = None
        return tuple(found)

    def _meeting(self, wanted: str) -> tuple[str, ...]:
        packages = tuple(self._provided.get(wanted, ())) or meeting(wanted, self._known, {})
        owner = None if packages else self.owner(wanted)
        return (owner,) if owner else packages

    def _of(self, architecture: str, packages: tuple[str, ...]) -> tuple[str, ...]:
        """Leave out a package of another architecture where the dependent's own is among ``packages`` too."""
        own = {self._known[each].name for each in packages if self._known[each].architecture == architecture}
        return tuple(
            each
            for each in packages
            if self._known[each].name not in own or self._known[each].architecture == architecture
        )

    def _dependency(self, kind: DependencyKind, wanted: list[str], architecture: str) -> Dependency:
        met = {name: self._of(architecture, self._meeting(name)) for name in wanted}
        packages = unique(package for packages in met.values() for package in packages)
        return Dependency(kind, tuple(met), packages, tuple(name for name in met if not met[name]))

    def _clauses(self, relation: str) -> list[list[str]]:
        if not relation.startswith("("):
            return [[relation]]
        return RichDependency(relation, lambda name: bool(self._meeting(name))).clauses()


def _relations(header: Header) -> Iterator[tuple[DependencyKind, str]]:
    names, flags = header.strings(Tag.REQUIRENAME), header.numbers(Tag.REQUIREFLAGS)
    flags += (0,) * (len(names) - len(flags))
    for name, flag in zip(names, flags, strict=False):
        if not flag & RPMLIB and not name.startswith("rpmlib("):
            kind = DependencyKind.PRE_DEPENDS if flag & SCRIPTLET_ONLY else DependencyKind.DEPENDS
            yield kind, name
    for tag, kind in (
        (Tag.RECOMMENDNAME, DependencyKind.RECOMMENDS),
        (Tag.SUGGESTNAME, DependencyKind.SUGGESTS),
    ):
        yield from ((kind, name) for name in header.strings(tag))


def _version(header: Header) -> str:
    epoch = header.numbers(Tag.EPOCH)[:1]
    version = f"{header.string(Tag.VERSION)}-{header.string(Tag.RELEASE)}"
    return f"{epoch[0]}:{version}" if epoch else version


def _files(header: Header) -> list[tuple[str, bool]]:
    """Return the names of a package that were not left out when it was installed: each, is it a directory."""
    paths = header.strings(Tag.OLDFILENAMES) or _joined(header)
    size = len(paths)

    def each(tag: Tag, default: int) -> tuple[int, ...]:
        values = header.numbers(tag)
        return values if len(values) == size else (default,) * size

    modes, states = each(Tag.FILEMODES, 0), each(Tag.FILESTATES, STATE_NORMAL)
    return [
        (path, mode & FORMAT_BITS == IS_DIRECTORY)
        for path, mode, state in zip(paths, modes, states, strict=True)
        if state in INSTALLED_STATES and path.startswith("/")
    ]


def _joined(header: Header) -> list[str]:
    directories = header.strings(Tag.DIRNAMES)
    names, indexes = header.strings(Tag.BASENAMES), header.numbers(Tag.DIRINDEXES)
    if len(names) != len(indexes) or any(index >= len(directories) for index in indexes):
        return []
    # "/" itself has an empty name.
    return [directories[index] + name for index, name in zip(indexes, names, strict=True)]
