"""The packages of an rpm database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.errors import PackageDatabaseError
from lambundle.packages.base import Dependency, DependencyKind, ListedDatabase, Package, providers_of, unique
from lambundle.packages.rpm.header import Header, Tag
from lambundle.packages.rpm.reasons import asked_for
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
"""RPMSENSE_INTERP and the flags of %pre, %post, %preun, %postun: scriptlets alone need the dependency."""
RPMLIB = 1 << 24
"""RPMSENSE_RPMLIB: the dependency is a feature of rpm."""
INSTALLED_STATES = frozenset((STATE_NORMAL, STATE_WRONG_COLOUR))


@dataclass(frozen=True, slots=True)
class _Known:
    key: int
    name: str
    architecture: str


class RpmDatabase(ListedDatabase):
    """The packages that rpm installed.

    A package of a foreign architecture is named ``name.arch``. Of several installed versions (kernels), each after
    the first is ``name-version-release.arch``.
    """

    # Fedora's packages list the links of alternatives as %ghost files.
    alternatives_first = True

    @classmethod
    def present(cls, files: Files) -> bool:
        """Return whether rpm has a database on the machine."""
        return located(files) is not None

    @cached_property
    def _store(self) -> Store:
        found = located(self._files)
        if found is None:
            raise PackageDatabaseError("there is no rpm database")
        location, reader = found
        return reader(self._files, location)

    def _headers(self) -> Iterator[tuple[int, Header]]:
        """Read all headers each time: kept, those of a full system take 100 MB."""
        for key, blob in self._store.blobs():
            try:
                yield key, Header(blob)
            except PackageDatabaseError:
                continue

    @cached_property
    def _known(self) -> dict[str, _Known]:
        """Return the key of each package's header by its full name, in the database's order."""
        found = [
            (_Known(key, header.string(Tag.NAME), header.string(Tag.ARCH)), _version(header))
            for key, header in self._headers()
        ]
        counts = Counter(known.architecture for known, _ in found if known.architecture != "noarch")
        native = {"noarch", "", *(architecture for architecture, _ in counts.most_common(1))}
        named: dict[str, _Known] = {}
        for known, version in found:
            if known.name in {"", "gpg-pubkey"}:  # a trusted key is no package
                continue
            full = known.name if known.architecture in native else f"{known.name}.{known.architecture}"
            named[full if full not in named else f"{known.name}-{version}.{known.architecture}"] = known
        return named

    def _named_headers(self) -> Iterator[tuple[str, Header]]:
        names = {known.key: name for name, known in self._known.items()}
        return ((names[key], header) for key, header in self._headers() if key in names)

    def _header(self, package: str) -> Header | None:
        """Return one package's header; only that one is read."""
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
        """Return the files and links of ``package``, %ghost files too."""
        header = self._header(package)
        listed = _files(header) if header else []
        return unique(path for path, is_directory in listed if not is_directory)

    def directories(self, package: str) -> tuple[str, ...]:
        """Return the directories that ``package`` lists."""
        header = self._header(package)
        listed = _files(header) if header else []
        return unique(path for path, is_directory in listed if is_directory)

    def package(self, name: str) -> Package | None:
        """Return an installed package, or None."""
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

    def installed_by_name(self) -> frozenset[str]:
        """Return the packages that dnf or zypper was asked for."""
        packages = {(known.name, known.architecture) for known in self._known.values()}
        asked = asked_for(self._files, packages)
        return frozenset(name for name, known in self._known.items() if (known.name, known.architecture) in asked)

    def depends(self, package: str) -> tuple[Dependency, ...]:
        """Return the dependencies of ``package``: packages, sonames, files; rich ones in parts.

        ``(a and b)`` and ``(a with b)`` become two, ``(a or b)`` becomes one with alternatives, ``(a if b)`` is one if
        b is installed. Names that the package itself provides and features of rpm are left out.
        """
        header = self._header(package)
        if header is None:
            return ()
        found: dict[Dependency, None] = {}
        for kind, relation in _relations(header):
            for clause in self._clauses(relation):
                dependency = self._dependency(kind, clause, self._known[package].architecture)
                if package not in dependency.providers:
                    found[dependency] = None
        return tuple(found)

    def _providers_of(self, name: str) -> tuple[str, ...]:
        providers = tuple(self._provided.get(name, ())) or providers_of(name, self._known, {})
        owner = None if providers else self.owner(name)
        return (owner,) if owner else providers

    def _of(self, architecture: str, packages: tuple[str, ...]) -> tuple[str, ...]:
        """Leave out packages of which the dependent's own architecture is among ``packages`` too."""
        own = {self._known[each].name for each in packages if self._known[each].architecture == architecture}
        return tuple(
            each
            for each in packages
            if self._known[each].name not in own or self._known[each].architecture == architecture
        )

    def _dependency(self, kind: DependencyKind, names: list[str], architecture: str) -> Dependency:
        providers = {name: self._of(architecture, self._providers_of(name)) for name in names}
        packages = unique(package for packages in providers.values() for package in packages)
        return Dependency(kind, tuple(providers), packages, tuple(name for name in providers if not providers[name]))

    def _clauses(self, relation: str) -> list[list[str]]:
        if not relation.startswith("("):
            return [[relation]]
        return RichDependency(relation, lambda name: bool(self._providers_of(name))).clauses()


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
    """Return the installed names of a package, each with whether it is a directory; %doc may be left out (nodocs)."""
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
