"""The files in which rpm keeps its header blobs, a reader for each format."""

from __future__ import annotations

import posixpath
import struct
import weakref
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from lambundle.errors import PackageDatabaseError
from lambundle.machine import DiskFiles
from lambundle.packages.base import decode, read_database_file

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from lambundle.machine import Files

DIRECTORIES = ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
MAX_HEADER = 256 << 20
"""Bytes; rpm's own limit for a header."""
EXPORT_SECONDS = 120
"""Timeout; an export of three thousand packages takes a few seconds."""
HEADER_MAGIC = b"\x8e\xad\xe8\x01\0\0\0\0"
"""Precedes each header outside a database."""
NDB_PAGE = 4096
NDB_UNIT = 16
"""Bytes of a slot, a block and a blob's head."""
SQLITE_VERSIONS = slice(18, 20)
"""A SQLite file's write and read versions: 2 with a write-ahead log beside it, else 1 (sqlite.org/fileformat2.html)."""
NO_JOURNAL = b"\1\1"


class Store(Protocol):
    """The header blobs of a database, by its own keys."""

    def blobs(self) -> Iterator[tuple[int, bytes]]:
        """Return all blobs with their keys."""
        ...

    def blob(self, key: int) -> bytes:
        """Return one blob."""
        ...


def located(files: Files) -> tuple[str, Callable[[Files, str], Store]] | None:
    """Return the path and the reader of the first format in READERS that exists; None without a database."""
    found = (
        (path, reader)
        for directory in DIRECTORIES
        for name, reader in READERS.items()
        if files.is_file(path := f"{directory}/{name}")
    )
    return next(found, None)


class Sqlite:
    """The blobs of ``rpmdb.sqlite``, by their ``hnum``.

    The file is read into memory: sqlite would need a path on this machine, and leave a journal beside it.
    """

    def __init__(self, files: Files, location: str) -> None:
        self._files = files
        self._location = location

    @cached_property
    def _connection(self) -> sqlite3.Connection:
        connection = memory_database(self._files, self._location)
        weakref.finalize(self, connection.close)
        query = "SELECT type FROM sqlite_master WHERE name='Packages'"
        if connection.execute(query).fetchone() != ("table",):  # a view could compute for ever
            raise PackageDatabaseError(f"{self._location} has no table of packages")
        return connection

    def _rows(self, query: str, *values: int) -> Iterator[tuple[object, object]]:
        import sqlite3

        try:
            yield from self._connection.execute(query, values)
        except sqlite3.Error as error:
            raise PackageDatabaseError(f"{self._location} cannot be read: {error}") from error

    def blobs(self) -> Iterator[tuple[int, bytes]]:
        """Return all blobs with their keys."""
        for key, blob in self._rows("SELECT hnum, blob FROM Packages ORDER BY hnum"):
            if isinstance(key, int) and isinstance(blob, bytes):
                yield key, blob

    def blob(self, key: int) -> bytes:
        """Return one blob."""
        rows = self._rows("SELECT hnum, blob FROM Packages WHERE hnum = ?", key)
        return next((blob for _, blob in rows if isinstance(blob, bytes)), b"")


def memory_database(files: Files, location: str) -> sqlite3.Connection:
    """Return the SQLite database of a file, in memory."""
    import sqlite3  # only machines with an rpm database wait for it

    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_HEADER)
    connection.execute("PRAGMA trusted_schema=OFF")
    data = bytearray(read_database_file(files, location))
    # A running or killed process leaves a journal.
    journal = f"{location}-wal"
    if files.size(journal):
        _recover(connection, data, read_database_file(files, journal))
    elif data:  # sqlite refuses to deserialize an empty file
        data[SQLITE_VERSIONS] = NO_JOURNAL
        connection.deserialize(data)
    return connection


def _recover(connection: sqlite3.Connection, data: bytearray, journal: bytes) -> None:
    """Load a database with its journal, which sqlite applies only to files."""
    import sqlite3
    from contextlib import closing
    from pathlib import Path
    from tempfile import TemporaryDirectory  # only such a database needs it

    with TemporaryDirectory(prefix="lambundle-") as directory:
        copy = Path(directory, "rpmdb.sqlite")
        copy.write_bytes(data)
        copy.with_name(f"{copy.name}-wal").write_bytes(journal)
        with closing(sqlite3.connect(copy)) as source:
            source.execute("PRAGMA trusted_schema=OFF")
            source.backup(connection)


class Held:
    """Blobs within bytes, by the offset of each."""

    def __init__(self, data: bytes, spans: Iterable[tuple[int, int]]) -> None:
        self._data = data
        self._spans = dict(spans)

    def blobs(self) -> Iterator[tuple[int, bytes]]:
        """Return all blobs with their keys."""
        return ((start, self._data[start:end]) for start, end in self._spans.items())

    def blob(self, key: int) -> bytes:
        """Return one blob."""
        return self._data[key : self._spans[key]]


def _ndb(files: Files, location: str) -> Held:
    """Return the blobs of ``Packages.db``.

    Source: rpm's ``lib/backend/ndb/rpmpkg.c``. Pages of 4,096 bytes hold the slots; the first two are the file's
    header: magic, version, generation, number of these pages. A slot is magic, package, block, number of blocks of
    16 bytes; a blob starts with magic, package, time, length. All numbers are little-endian.
    """
    data = read_database_file(files, location)
    if data[:4] != b"RpmP" or len(data) < NDB_PAGE:
        raise PackageDatabaseError(f"{location} is not an rpm database")
    return Held(data, _ndb_spans(data))


def _ndb_spans(data: bytes) -> Iterator[tuple[int, int]]:
    pages = min(struct.unpack_from("<I", data, 12)[0], len(data) // NDB_PAGE)
    slots = struct.iter_unpack("<4sIII", data[2 * NDB_UNIT : pages * NDB_PAGE])
    used = (slot for slot in slots if slot[0] == b"Slot" and slot[1])
    left = 2 * len(data)  # blobs that overlap without end are nobody's
    for _, package, block, _ in sorted(used, key=lambda slot: slot[1]):
        start = (block + 1) * NDB_UNIT
        if start > len(data) or data[start - NDB_UNIT : start - NDB_UNIT + 4] != b"BlbS":
            continue
        stored, _, size = struct.unpack_from("<III", data, start - NDB_UNIT + 4)
        left -= size
        if stored == package and size <= len(data) - start and left >= 0:
            yield start, start + size


def _exported(files: Files, location: str) -> Held:
    """Return the blobs of any database, exported by this machine's own rpmdb."""
    if not isinstance(files, DiskFiles):  # rpmdb reads a directory of this machine
        raise PackageDatabaseError(f"{location} is in Berkeley DB's format and not on a disk")
    command = ["rpmdb", "--dbpath", files.place(posixpath.dirname(location)), "--exportdb"]
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
    return Held(run.stdout, _exported_spans(run.stdout))


def _exported_spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Return the start and end of each header in an export, where each follows HEADER_MAGIC."""
    position = 0
    while data.startswith(HEADER_MAGIC, position) and position + 16 <= len(data):
        start = position + len(HEADER_MAGIC)
        tags, size = struct.unpack_from(">II", data, start)
        position = start + 8 + 16 * tags + size
        yield start, position


READERS: dict[str, Callable[[Files, str], Store]] = {
    "rpmdb.sqlite": Sqlite,
    "Packages.db": _ndb,
    "Packages": _exported,
}
"""The reader of each format, by file name; a converted system has two, the newer comes first."""
