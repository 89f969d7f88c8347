"""Lists what a zip or a directory holds, however odd it is: verify tells all that is wrong, not the first thing.

Nothing is unpacked. What ``open_bundle`` would refuse is a ``EntryFault`` here, and the entry is left out.
"""

from __future__ import annotations

import dataclasses
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lambundle.bundle import names, zipformat
from lambundle.bundle.model import Kind
from lambundle.bundle.reader import Member, file_blocks, member_at, member_of, regular_size
from lambundle.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_TYPE = 0o170000  # S_IFMT
_LINK = 0o120000
_PERMISSIONS = 0o7777


@dataclass(frozen=True, slots=True)
class EntryFault:
    """Something wrong with an entry, and the name of the check that tells of it."""

    check: str
    text: str


class _Bytes(Protocol):
    """Where the members' bytes lie."""

    def blocks(self, member: Member) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Listing:
    """The usable entries of a zip or a directory, and what is wrong with the others.

    ``members`` are sorted by path, each path once, with all twelve bits of their modes. ``bare`` are the paths of
    entries that have no Unix attributes, so that nobody knows their mode. ``unsupported`` says of entries why they
    cannot be read though nothing is wrong with them; they are among the faults too. ``zipped`` is the size of the zip
    file in bytes, None for a directory. ``store`` gives the bytes as long as the listing is open.
    """

    path: Path
    zipped: int | None
    members: tuple[Member, ...]
    bare: frozenset[str]
    faults: tuple[EntryFault, ...]
    unsupported: tuple[str, ...]
    store: _Bytes

    @property
    def unzipped(self) -> int:
        """Bytes unpacked in Lambda's count: files and link targets."""
        return sum(member.size for member in self.members)

    def faults_of(self, check: str) -> list[str]:
        """Texts of the faults that a check tells of."""
        return [fault.text for fault in self.faults if fault.check == check]


@contextmanager
def listing_of(path: Path) -> Iterator[Listing]:
    """List the zip or directory ``path``; its bytes can be read within the ``with``.

    Raise UsageError when there is nothing of the kind, ZipFormatError when not even the list can be read.
    """
    try:
        if path.is_dir():
            listing, fd = _Lister(path, _DirectoryBytes(path)).directory(), None
        else:
            listing, fd = None, os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not hang us
    except OSError as error:
        raise UsageError(
            f"cannot open {path}: {(error.strerror or str(error)).lower()}",
            hint="name a zip or a directory",
        ) from error
    if listing is not None:
        yield listing
    if fd is not None:
        try:
            yield _zip_listing(path, fd)
        finally:
            os.close(fd)


def _zip_listing(path: Path, fd: int) -> Listing:
    size = regular_size(fd)
    records, end = zipformat.read_records(fd)
    store = _ZipBytes(fd, zipformat.ends_of(records, end))
    return _Lister(path, store).zip(size, records, store)


class _ZipBytes:
    """The bytes in a zip file."""

    def __init__(self, fd: int, ends: dict[int, int]) -> None:
        self._fd = fd
        self._ends = ends
        self.records: dict[str, zipformat.Record] = {}

    def blocks(self, member: Member) -> Iterator[bytes]:
        return self.data(self.records[member.path])

    def data(self, record: zipformat.Record) -> Iterator[bytes]:
        return zipformat.content(self._fd, record, self._ends[record.offset])


class _DirectoryBytes:
    """The bytes in a directory."""

    def __init__(self, top: Path) -> None:
        self._top = top

    def blocks(self, member: Member) -> Iterator[bytes]:
        return file_blocks(self._top, member)


class _Lister:
    """Gathers members and faults."""

    def __init__(self, path: Path, store: _Bytes) -> None:
        self._path = path
        self._store = store
        self._members: dict[str, Member] = {}
        self._bare: set[str] = set()
        self._faults: list[EntryFault] = []
        self._unsupported: list[str] = []

    def zip(self, size: int, records: Sequence[zipformat.Record], store: _ZipBytes) -> Listing:
        """List the entries of a zip."""
        for record in records:
            name = self._name(record)
            if name is None:
                continue
            path = name.removesuffix("/")
            try:
                member = member_of(record, name, store.data)
            except zipformat.UnsupportedZipError as error:
                self._not_read(str(error))
                continue
            except zipformat.ZipFormatError as error:
                self._fault("links" if record.mode & _TYPE == _LINK else "names", str(error))
                continue
            store.records[path] = record
            if record.mode:
                member = dataclasses.replace(member, mode=record.mode & _PERMISSIONS)
            else:
                self._bare.add(path)
            self._members[path] = member
        return self._listing(size)

    def directory(self) -> Listing:
        """List what lies in a directory; links are not followed."""
        todo = [""]
        count = 0
        while todo:
            above = todo.pop()
            try:
                found = sorted(os.scandir(self._path / above), key=lambda item: item.name)
            except OSError as error:
                if not above:
                    raise
                self._fault("permissions", f"{above} cannot be listed: {(error.strerror or str(error)).lower()}")
                continue
            for item in found:
                count += 1
                if count > names.NODES_MAX:
                    raise zipformat.ZipFormatError(f"it holds more than {names.NODES_MAX:,} entries")
                path = f"{above}/{item.name}" if above else item.name
                if self._item(item, path):
                    todo.append(path)
        return self._listing(None)

    def _item(self, item: os.DirEntry[str], path: str) -> bool:
        """Take one item; whether it is a directory to list."""
        try:
            names.check_path(path)
            member = member_at(item, path)
        except (names.BadNameError, zipformat.ZipFormatError) as error:
            self._fault("names", str(error))
            return False
        mode = item.stat(follow_symlinks=False).st_mode & _PERMISSIONS
        self._members[path] = dataclasses.replace(member, mode=mode)
        return member.kind is Kind.DIRECTORY

    def _name(self, record: zipformat.Record) -> str | None:
        """Name of a record that can be used, else None."""
        try:
            name = zipformat.name_of(record)
            path = name.removesuffix("/")
            names.check_path(path)
        except (zipformat.ZipFormatError, names.BadNameError) as error:
            self._fault("names", str(error))
            return None
        if why := zipformat.unsupported(record):
            self._not_read(f"{path!r} {why}")
            return None
        if path in self._members:
            self._fault("names", f"{path!r} occurs twice")
            return None
        if not _is_utf8(record.name):
            self._fault("names", f"{path!r} is not written in UTF-8")
        elif "\\" in path and record.system != zipformat.UNIX:
            self._fault("names", f"{path!r} has backslashes: it was zipped on Windows with its own separator")
        return name

    def _not_read(self, text: str) -> None:
        self._unsupported.append(text)
        self._fault("names", text)

    def _fault(self, check: str, text: str) -> None:
        self._faults.append(EntryFault(check, text))

    def _listing(self, zipped: int | None) -> Listing:
        members = tuple(sorted(self._members.values(), key=lambda member: member.path))
        return Listing(
            self._path,
            zipped,
            members,
            frozenset(self._bare),
            tuple(self._faults),
            tuple(self._unsupported),
            self._store,
        )


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
