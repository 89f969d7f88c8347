"""rpm's package database, read from its files without rpm.

- ``rpmdb.sqlite`` (rpm 4.16 and later: Fedora, RHEL 9, Amazon Linux 2023): a table ``Packages`` of header
  blobs, read with Python's own sqlite3, read-only.
- ``Packages.db``, the ndb format (SUSE): slots of sixteen bytes that point to the same blobs.
- ``Packages``, Berkeley DB (RHEL 8, Amazon Linux 2): has no reader in Python, so the packing machine's own
  ``rpmdb --exportdb`` writes the blobs out. This is the one case in which a command is started, and it is
  never one of the system that is looked at.

A header blob, in rpm's own words (``lib/header.c``): two 32-bit numbers, of index entries and of data
bytes; the entries (tag, type, offset, count); the data. All of it is big-endian. rpm's Python binding is
not used: it belongs to one system's Python and would not be there in a virtual environment.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle.errors import PackageDatabaseError
from lambundle.packages.base import (
    MAX_DATABASE_FILE,
    Dependency,
    DependencyKind,
    ListedDatabase,
    Package,
    Tree,
    decode,
    meeting,
    read_database_file,
    unique,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

DIRECTORIES = ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
MAX_HEADER = 256 << 20
"""rpm's own limit for a header."""
MAX_TAGS = 1 << 16
"""rpm's own limit for a header's entries."""
EXPORT_SECONDS = 120
"""An export of three thousand packages takes a few seconds."""
HEADER_MAGIC = b"\x8e\xad\xe8\x01\0\0\0\0"
"""Stands before each header outside a database."""
MAX_WORDS = 1000
NDB_PAGE = 4096
NDB_UNIT = 16
"""The size of a slot, of a block and of a blob's head."""
MAX_NESTING = 16
"""Rich dependencies in the wild are nested two or three deep."""

STRINGS = frozenset((6, 8, 9))
NUMBERS = {3: "H", 4: "I"}
IS_DIRECTORY = 0o040000
FORMAT_BITS = 0o170000
STATE_NORMAL = 0
STATE_WRONG_COLOUR = 4
SCRIPTLET_ONLY = (1 << 8) | (1 << 9) | (1 << 10) | (1 << 11) | (1 << 12)
"""Demand flags: needed by an interpreter of scriptlets, %pre, %post, %preun, %postun."""
RPMLIB = 1 << 24
"""Demand flag: a feature of rpm itself."""
INSTALLED_STATES = frozenset((STATE_NORMAL, STATE_WRONG_COLOUR))


class Tag(IntEnum):
    """The header tags that are read, by rpm's names for them."""

    NAME = 1000
    VERSION = 1001
    RELEASE = 1002
    EPOCH = 1003
    GROUP = 1016
    ARCH = 1022
    OLDFILENAMES = 1027
    FILESTATES = 1029
    FILEMODES = 1030
    SOURCERPM = 1044
    PROVIDENAME = 1047
    REQUIREFLAGS = 1048
    REQUIRENAME = 1049
    DIRINDEXES = 1116
    BASENAMES = 1117
    DIRNAMES = 1118
    RECOMMENDNAME = 5046
    SUGGESTNAME = 5049


class Header:
    """One package's header blob, bounds-checked; a tag that does not fit into it has no values.

    Raises PackageDatabaseError where not even the index fits.
    """

    def __init__(self, blob: bytes) -> None:
        if len(blob) < struct.calcsize(">II"):
            raise PackageDatabaseError("a header of the rpm database is cut short")
        tags, size = struct.unpack_from(">II", blob)
        self._start = 8 + 16 * tags
        if tags > MAX_TAGS or self._start + size > len(blob):
            raise PackageDatabaseError("a header of the rpm database is cut short")
        self._end = self._start + size
        self._blob = blob
        entries = struct.iter_unpack(">IIII", blob[8 : self._start])
        self._entries = {tag: (kind, offset, count) for tag, kind, offset, count in entries}

    def strings(self, tag: Tag) -> list[str]:
        """Return the strings of a tag, none if it is absent."""
        kind, offset, count = self._entries.get(tag, (0, 0, 0))
        start = self._start + offset
        if kind not in STRINGS or start >= self._end or count > self._end - start:
            return []
        # The split stops after the last string wanted; what follows belongs to other tags.
        parts = self._blob[start : self._end].split(b"\0", count) if count > 1 else [self._string(start)]
        return [decode(part) for part in parts[:count]]

    def _string(self, start: int) -> bytes:
        end = self._blob.find(b"\0", start, self._end)
        return self._blob[start : end if end >= 0 else self._end]

    def string(self, tag: Tag) -> str:
        """Return the first string of a tag, empty if it is absent."""
        return next(iter(self.strings(tag)), "")

    def numbers(self, tag: Tag) -> tuple[int, ...]:
        """Return the 8-, 16- or 32-bit numbers of a tag, none if it is absent."""
        kind, offset, count = self._entries.get(tag, (0, 0, 0))
        code = NUMBERS.get(kind, "B")
        start = self._start + offset
        if kind in STRINGS or start + count * struct.calcsize(f">{code}") > self._end:
            return ()
        return struct.unpack_from(f">{count}{code}", self._blob, start)


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
    def present(cls, root: Path) -> bool:
        """Tell whether rpm keeps a database at ``root``."""
        return _location(Tree(root)) is not None

    @cached_property
    def _store(self) -> _Sqlite | _Held:
        location = _location(self._tree)
        if location is None:
            raise PackageDatabaseError(f"there is no rpm database at {self.root}")
        return READERS[location.name](location)

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
        """Return what ``package`` asks for: packages, sonames, files; rich demands taken apart.

        ``(a and b)`` and ``(a with b)`` are two demands, ``(a or b)`` is one with alternatives, ``(a if b)``
        is one where b is installed. What the package itself provides and features of rpm are left out.
        """
        header = self._header(package)
        if header is None:
            return ()
        found: dict[Dependency, None] = {}
        for kind, demand in _demands(header):
            for clause in self._clauses(demand):
                dependency = self._dependency(kind, clause, self._known[package].architecture)
                if package not in dependency.packages:
                    found[dependency] = None
        return tuple(found)

    def _meeting(self, wanted: str) -> tuple[str, ...]:
        packages = tuple(self._provided.get(wanted, ())) or meeting(wanted, self._known, {})
        owner = None if packages else self.owner(wanted)
        return (owner,) if owner else packages

    def _of(self, architecture: str, packages: tuple[str, ...]) -> tuple[str, ...]:
        """Leave out a package of another architecture where the asker's own is among ``packages`` too."""
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

    def _clauses(self, demand: str) -> list[list[str]]:
        if not demand.startswith("("):
            return [[demand]]
        return RichDemand(demand, lambda name: bool(self._meeting(name))).clauses()


def _demands(header: Header) -> Iterator[tuple[DependencyKind, str]]:
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


WORD = re.compile(r"\s*([()]|(?:[^\s()]|\((?:[^()\s]|\([^()\s]*\))*\))+)")
"""A parenthesis of its own, or a name, in which they may stand: ``libc.so.6(GLIBC_2.34)(64bit)``."""
RELATIONS = frozenset(("<", "<=", "=", ">=", ">"))
Clauses = list[list[str]]


class RichDemand:
    """A rich dependency such as ``(a if (b or c >= 1) else d)``, reduced to clauses of alternatives."""

    def __init__(self, text: str, is_met: Callable[[str], bool]) -> None:
        words = [match[1] for match in WORD.finditer(text)]
        self._words = words if len(words) <= MAX_WORDS else []
        self._is_met = is_met

    def clauses(self) -> Clauses:
        """Return the demands, all of which hold, each a list of names of which one is enough."""
        found = self._operand(0)
        return [] if self._words else found  # malformed: rpm would not have installed it

    def _next(self) -> str:
        return self._words.pop(0) if self._words else ")"

    def _operand(self, depth: int) -> Clauses:
        word = self._next()
        if word != "(":
            if self._words[:1] and self._words[0] in RELATIONS:
                del self._words[:2]
            return [] if word == ")" else [[word]]
        if depth >= MAX_NESTING:
            self._words.clear()
            return []
        left = self._operand(depth + 1)
        while (operator := self._next()) != ")":
            right = self._operand(depth + 1)
            if operator in {"if", "unless"}:
                other: Clauses = []
                if self._words[:1] == ["else"]:
                    del self._words[0]
                    other = self._operand(depth + 1)
                left = left if self._holds(right) == (operator == "if") else other
            else:
                left = self._combined(operator, left, right)
        return left

    def _holds(self, clauses: Clauses) -> bool:
        return all(any(map(self._is_met, clause)) for clause in clauses)

    def _combined(self, operator: str, left: Clauses, right: Clauses) -> Clauses:
        if operator in {"and", "with"}:
            return left + right
        if operator != "or":  # "without" takes away from the left side
            return left
        if len(left) == len(right) == 1:
            return [left[0] + right[0]]
        return next((side for side in (left, right) if self._holds(side)), left)


def _location(tree: Tree) -> Path | None:
    """Return the database's file: the first format of READERS that is there."""
    hosts = (Path(tree.host(f"{directory}/{name}")) for directory in DIRECTORIES for name in READERS)
    return next((host for host in hosts if host.is_file()), None)


class _Sqlite:
    """The blobs of ``rpmdb.sqlite``, by their ``hnum``."""

    def __init__(self, location: Path) -> None:
        self._location = location

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        import sqlite3  # where there is no rpm database, nobody waits for it

        journal = self._location.with_name(self._location.name + "-wal")
        # "immutable" asks for no lock and writes no file beside the database, but does not see a journal
        # that an rpm still holds open.
        has_journal = journal.exists() and journal.stat().st_size > 0
        uri = f"{self._location.absolute().as_uri()}?mode=ro" + ("" if has_journal else "&immutable=1")
        try:
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_HEADER)
                connection.execute("PRAGMA trusted_schema=OFF")
                query = "SELECT type FROM sqlite_master WHERE name='Packages'"
                if connection.execute(query).fetchone() != ("table",):  # a view could compute for ever
                    raise PackageDatabaseError(f"{self._location} has no table of packages")
                yield connection
        except sqlite3.Error as error:
            raise PackageDatabaseError(f"{self._location} cannot be read: {error}") from error

    def blobs(self) -> Iterator[tuple[int, bytes]]:
        """Return all blobs with their keys."""
        with self._connected() as connection:
            for key, blob in connection.execute("SELECT hnum, blob FROM Packages ORDER BY hnum"):
                if isinstance(key, int) and isinstance(blob, bytes):
                    yield key, blob

    def blob(self, key: int) -> bytes:
        """Return one blob."""
        with self._connected() as connection:
            row = connection.execute("SELECT blob FROM Packages WHERE hnum = ?", (key,)).fetchone()
        return row[0] if row and isinstance(row[0], bytes) else b""


class _Held:
    """Blobs that stand in bytes which were read whole, by where each starts."""

    def __init__(self, data: bytes, spans: Iterable[tuple[int, int]]) -> None:
        self._data = data
        self._spans = dict(spans)

    def blobs(self) -> Iterator[tuple[int, bytes]]:
        """Return all blobs with their keys."""
        return ((start, self._data[start:end]) for start, end in self._spans.items())

    def blob(self, key: int) -> bytes:
        """Return one blob."""
        return self._data[key : self._spans[key]]


def _ndb(location: Path) -> _Held:
    """Return the blobs of ``Packages.db``.

    Pages of 4,096 bytes hold the slots, two of which are the file's header: magic, version, generation,
    number of such pages. A slot is magic, package, block, number of blocks of 16 bytes; a blob starts with
    magic, package, time, length. All of it is little-endian.
    """
    data = read_database_file(str(location), MAX_DATABASE_FILE)
    if data[:4] != b"RpmP" or len(data) < NDB_PAGE:
        raise PackageDatabaseError(f"{location} is no rpm database")
    return _Held(data, _ndb_spans(data))


def _ndb_spans(data: bytes) -> Iterator[tuple[int, int]]:
    pages = min(struct.unpack_from("<I", data, 12)[0], len(data) // NDB_PAGE)
    slots = struct.iter_unpack("<4sIII", data[2 * NDB_UNIT : pages * NDB_PAGE])
    used = (slot for slot in slots if slot[0] == b"Slot" and slot[1])
    for _, package, block, _ in sorted(used, key=lambda slot: slot[1]):
        start = (block + 1) * NDB_UNIT
        if start > len(data) or data[start - NDB_UNIT : start - NDB_UNIT + 4] != b"BlbS":
            continue
        stored, _, size = struct.unpack_from("<III", data, start - NDB_UNIT + 4)
        if stored == package and size <= len(data) - start:
            yield start, start + size


def _exported(location: Path) -> _Held:
    """Return the blobs of any database through the packing machine's own rpmdb."""
    command = ["rpmdb", "--dbpath", str(location.parent.absolute()), "--exportdb"]
    hint = "install rpm on this machine"
    import subprocess

    try:
        run = subprocess.run(
            command, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=EXPORT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{location} is in Berkeley DB's format, and rpmdb cannot be run: {error}"
        raise PackageDatabaseError(message, hint=hint) from error
    if run.returncode:
        reason = tuple(decode(run.stderr).splitlines()[-3:])
        raise PackageDatabaseError(f"rpmdb cannot read {location}", context=reason, hint=hint)
    return _Held(run.stdout, _exported_spans(run.stdout))


def _exported_spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Return where the headers are that stand one behind the other, each with its magic."""
    position = 0
    while data.startswith(HEADER_MAGIC, position) and position + 16 <= len(data):
        start = position + len(HEADER_MAGIC)
        tags, size = struct.unpack_from(">II", data, start)
        position = start + 8 + 16 * tags + size
        yield start, position


READERS: dict[str, Callable[[Path], _Sqlite | _Held]] = {
    "rpmdb.sqlite": _Sqlite,
    "Packages.db": _ndb,
    "Packages": _exported,
}
"""How each format's blobs are read, by the name of its file; a system that was converted has two."""
