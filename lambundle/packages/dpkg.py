"""Debian's package database, read from ``/var/lib/dpkg``.

``status`` has a paragraph for each package, as in deb-control(5). ``info/PACKAGE.list`` (of a ``Multi-Arch: same``
package ``info/PACKAGE:ARCH.list``) has a file name on each line. ``diversions`` has three lines for each diversion
(dpkg-divert(1)): the name, the name it was changed to, and the diverting package (``:`` for the administrator), whose
own file keeps the name. The journal ``updates/`` is not read: dpkg merges it into ``status`` before it exits.
"""

from __future__ import annotations

import re
import stat
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.errors import UnreadableFileError
from lambundle.packages.base import (
    Dependency,
    DependencyKind,
    ListedDatabase,
    Owners,
    Package,
    decode,
    read_database_file,
    read_if_there,
    unique,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.machine import Files

DIRECTORY = "/var/lib/dpkg"
STATUS = f"{DIRECTORY}/status"
NOT_INSTALLED = frozenset(("not-installed", "config-files"))
"""States without files, or with configuration files only."""
PACKAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*")
ARCHITECTURE = re.compile(r"[a-z0-9-]+")
CLAUSE = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9+.-]*)(?::([a-z0-9-]+))?\s*(?:$|[(\[<])")
"""A name and its qualifier; a restriction of versions, architectures or build profiles may follow."""
KINDS = {
    "pre-depends": DependencyKind.PRE_DEPENDS,
    "depends": DependencyKind.DEPENDS,
    "recommends": DependencyKind.RECOMMENDS,
    "suggests": DependencyKind.SUGGESTS,
}
DIVERSION_LINES = 3
EXTENDED_STATES = "/var/lib/apt/extended_states"
"""apt's record of the packages that it installed because others depend on them."""
BASE_PRIORITIES = frozenset(("required", "important", "standard"))
"""Priorities of the packages that debootstrap and the installer bring: apt counts them as asked for, nobody did."""


@dataclass(frozen=True, slots=True)
class _Record:
    """An installed package: the fields that every lookup needs, and its paragraph for the others."""

    name: str
    architecture: str
    multi_arch: str
    paragraph: bytes


@dataclass(frozen=True, slots=True)
class _Diversion:
    path: str
    moved_to: str
    package: str


class DpkgDatabase(ListedDatabase):
    """The packages that dpkg installed; those of a foreign architecture are named ``libc6:i386``."""

    @classmethod
    def present(cls, files: Files) -> bool:
        """Return whether dpkg ever installed something on the machine."""
        return files.size(STATUS) > 0

    @cached_property
    def _native(self) -> str:
        """Return the system's architecture: that of the package dpkg, else the most frequent one."""
        counts = Counter(record.architecture for record in self._parsed)
        own = (record.architecture for record in self._parsed if record.name == "dpkg")
        del counts["all"]
        return next(own, counts.most_common(1)[0][0] if counts else "all")

    @cached_property
    def _parsed(self) -> list[_Record]:
        data = read_database_file(self._files, STATUS).replace(b"\r\n", b"\n")
        return [record for paragraph in data.split(b"\n\n") if (record := _record(b"\n" + paragraph))]

    @cached_property
    def _records(self) -> dict[str, _Record]:
        """Return all packages by their full names, those of the system's architecture first."""
        ordered = sorted(self._parsed, key=lambda record: self._is_foreign(record.architecture))
        return {self._full_name(record): record for record in ordered}

    @cached_property
    def _named(self) -> dict[str, list[str]]:
        """Return the full names of each name's packages: one for each architecture."""
        named: dict[str, list[str]] = {}
        for full, record in self._records.items():
            named.setdefault(record.name, []).append(full)
        return named

    @cached_property
    def _provided(self) -> dict[str, list[str]]:
        provided: dict[str, list[str]] = {}
        for full, record in self._records.items():
            if b"\nProvides:" in record.paragraph:
                for name, _ in _alternatives(_fields(record.paragraph)["provides"].replace(",", "|")):
                    provided.setdefault(name, []).append(full)
        return provided

    @cached_property
    def _diversions(self) -> list[_Diversion]:
        try:
            lines = decode(read_database_file(self._files, f"{DIRECTORY}/diversions")).split("\n")
        except UnreadableFileError:
            return []  # written with the first diversion
        triples = zip(*(lines[start::DIVERSION_LINES] for start in range(DIVERSION_LINES)), strict=False)
        return [_Diversion(*triple) for triple in triples if triple[0].startswith("/")]

    def _is_foreign(self, architecture: str) -> bool:
        return architecture not in {"all", self._native}

    def _full_name(self, record: _Record) -> str:
        if self._is_foreign(record.architecture):
            return f"{record.name}:{record.architecture}"
        return record.name

    def _find(self, name: str) -> str | None:
        """Return the full name for a name that may have the system's own architecture."""
        bare, _, architecture = name.partition(":")
        if name not in self._records and architecture and not self._is_foreign(architecture):
            name = bare
        return name if name in self._records else None

    def _list(self, record: _Record) -> list[str]:
        """Return the names in a package's list, without the root directory."""
        names = (f"{record.name}:{record.architecture}", record.name)
        for name in names if record.multi_arch == "same" else names[1:]:
            try:
                text = decode(read_database_file(self._files, f"{DIRECTORY}/info/{name}.list"))
            except UnreadableFileError:
                continue
            lines = list(filter(None, text.split("\n")))
            if "/." in lines:
                lines.remove("/.")
            return lines
        return []  # a package without files, or a lost list, with which dpkg goes on too

    def _listings(self) -> Iterator[tuple[str, Iterable[str]]]:
        for full, record in self._records.items():
            yield full, self._list(record)

    def _build_index(self) -> dict[str, Owners]:
        index = super()._build_index()
        for diversion in self._diversions:
            _divert(index, diversion, self._named.get(diversion.package, []))
        return index

    def _installed(self, package: str) -> list[str]:
        """Return the names of a package's files on disk: diversions are applied."""
        record = self._records[package]
        moved = {each.path: each.moved_to for each in self._diversions if each.package != record.name}
        return [moved.get(path, path) for path in self._list(record)] if moved else self._list(record)

    def _split(self, package: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return files and directories; a list itself does not tell them apart."""
        full = self._find(package)
        if full is None:
            return (), ()
        if full not in self._splits:
            self._splits[full] = self._split_list(full)
        return self._splits[full]

    @cached_property
    def _splits(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        """The results of ``_split`` by full name: a closure needs the same packages many times."""
        return {}

    def _split_list(self, full: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        listed = self._installed(full)
        parents = {path.rpartition("/")[0] for path in listed}
        directories = {path for path in listed if path in parents or self._is_directory(path) or self._merged(path)}
        return unique(path for path in listed if path not in directories), unique(
            path for path in listed if path in directories
        )

    def _merged(self, path: str) -> bool:
        """Return whether ``path`` is a directory that merged /usr made a link: lists still have it as one."""
        if path.count("/") > 1 or not self._files.is_link(path):
            return False
        return self._files.readlink(path) in {f"usr{path}", f"/usr{path}"}

    def _is_directory(self, path: str) -> bool:
        """Return whether ``path`` is a directory, not a link to one."""
        try:
            return stat.S_ISDIR(self._files.lstat(path).st_mode)
        except OSError:
            return False

    def files(self, package: str) -> tuple[str, ...]:
        """Return the files and links of ``package``, diversions applied."""
        return self._split(package)[0]

    def directories(self, package: str) -> tuple[str, ...]:
        """Return the directories that ``package`` lists."""
        return self._split(package)[1]

    def package(self, name: str) -> Package | None:
        """Return an installed package, or None."""
        full = self._find(name)
        if full is None:
            return None
        record = self._records[full]
        fields = _fields(record.paragraph)
        return Package(
            name=full,
            version=fields.get("version", ""),
            architecture=record.architecture,
            source=fields.get("source", record.name).partition(" ")[0],
            section=fields.get("section", ""),
            priority=fields.get("priority", ""),
            essential=fields.get("essential") == "yes",
        )

    def packages(self) -> Iterator[str]:
        """Return the names of all installed packages."""
        return iter(self._records)

    def installed_by_name(self) -> frozenset[str]:
        """Return what apt does not have as installed automatically, without the base system."""
        text = read_if_there(self._files, EXTENDED_STATES)
        if not text:  # apt never installed anything: everything came from an image
            return frozenset()
        paragraphs = [_fields(f"\n{paragraph}".encode(errors="surrogateescape")) for paragraph in text.split("\n\n")]
        automatic = {
            (fields.get("package", ""), fields.get("architecture", ""))
            for fields in paragraphs
            if fields.get("auto-installed") == "1"
        }
        return frozenset(
            full
            for full, record in self._records.items()
            # apt notes a package of all architectures under the system's own.
            if (record.name, self._native if record.architecture == "all" else record.architecture) not in automatic
            and (record.name, record.architecture) not in automatic
            and _value(record.paragraph, b"Priority") not in BASE_PRIORITIES
            and _value(record.paragraph, b"Essential") != "yes"
        )

    def depends(self, package: str) -> tuple[Dependency, ...]:
        """Return the dependencies of ``package`` as in deb-control(5); versions are not compared."""
        full = self._find(package)
        if full is None:
            return ()
        record = self._records[full]
        fields = _fields(record.paragraph)
        return tuple(
            dependency
            for field, kind in KINDS.items()
            for clause in fields.get(field, "").split(",")
            if (dependency := self._dependency(kind, clause, record))
        )

    def _dependency(self, kind: DependencyKind, clause: str, dependent: _Record) -> Dependency | None:
        alternatives = _alternatives(clause)
        if not alternatives:
            return None
        providers = {name: self._providers_of(name, qualifier, dependent) for name, qualifier in alternatives}
        return Dependency(
            kind=kind,
            names=tuple(providers),
            providers=unique(package for packages in providers.values() for package in packages),
            missing=tuple(name for name, packages in providers.items() if not packages),
        )

    def _providers_of(self, name: str, qualifier: str, dependent: _Record) -> list[str]:
        """Return the package ``name`` of the right architecture, else all packages that provide it."""
        architecture = qualifier if qualifier not in {"", "any", "native"} else dependent.architecture
        if architecture == "all":
            architecture = self._native

        def unfit(full: str) -> int:
            record = self._records[full]
            return 0 if record.architecture in {architecture, "all"} else 1 + (record.multi_arch != "foreign")

        named = sorted(self._named.get(name, ()), key=unfit)
        return named[:1] or sorted(unique(self._provided.get(name, ())), key=unfit)


def _value(paragraph: bytes, field: bytes) -> str:
    """Return the value of a field on one line, without parsing the others."""
    start = paragraph.find(b"\n" + field + b":")
    if start < 0:
        return ""
    start += len(field) + 2
    end = paragraph.find(b"\n", start)
    return decode(paragraph[start : end if end >= 0 else None]).strip()


def _record(paragraph: bytes) -> _Record | None:
    """Return a package's record; None if it is not installed or not valid."""
    name, architecture = _value(paragraph, b"Package"), _value(paragraph, b"Architecture")
    state = _value(paragraph, b"Status").split()
    # Names become file names: an invalid one could lead out of the directory.
    if not PACKAGE_NAME.fullmatch(name) or not ARCHITECTURE.fullmatch(architecture):
        return None
    if not state or state[-1] in NOT_INSTALLED:
        return None
    return _Record(name, architecture, _value(paragraph, b"Multi-Arch"), paragraph)


def _fields(paragraph: bytes) -> dict[str, str]:
    """Return all fields of a paragraph by their lower-case names, continued lines joined."""
    fields: dict[str, str] = {}
    name = ""
    for line in decode(paragraph).split("\n"):
        if line[:1] in {" ", "\t"}:
            fields[name] = f"{fields.get(name, '')} {line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.lower()
            fields[name] = value.strip()
    return fields


def _alternatives(clause: str) -> list[tuple[str, str]]:
    """Return the names of ``a:any (>= 1) | b`` with their qualifiers; malformed ones are left out."""
    return [(match[1], match[2] or "") for part in clause.split("|") if (match := CLAUSE.match(part))]


def _divert(index: dict[str, Owners], diversion: _Diversion, diverting: list[str]) -> None:
    """Give a diverted name to the diverting package, and the changed name to the packages that list the old."""
    listed = index.pop(diversion.path, [])
    if diverting:
        index[diversion.path] = diverting[0] if len(diverting) == 1 else diverting
    others = [each for each in ([listed] if isinstance(listed, str) else listed) if each not in diverting]
    if others:
        index[diversion.moved_to] = others[0] if len(others) == 1 else others
