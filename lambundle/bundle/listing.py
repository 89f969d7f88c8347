"""Lists the entries of any zip or directory and reads their content. Nothing is extracted.

The caller decides whether a fault in an entry is fatal (``refuse``) or one of many to report.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lambundle.bundle import names, zipformat
from lambundle.bundle.model import Kind
from lambundle.machine import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    OnFault = Callable[["EntryFault"], None]

_BLOCK = 1 << 20
_KINDS = {stat.S_IFDIR: Kind.DIRECTORY, stat.S_IFREG: Kind.FILE, stat.S_IFLNK: Kind.LINK}
_GONE = {errno.ENOENT, errno.ELOOP, errno.ENOTDIR}


@dataclass(frozen=True, slots=True)
class Member:
    """An entry of a finished bundle, as in the zip or the file system.

    ``path`` has no trailing slash, ``mode`` are the permission bits, ``size`` is the unzipped bytes, for a link its
    target's, ``packed`` the bytes in the zip, None in a directory. ``target`` is a link's.
    """

    path: str
    kind: Kind
    mode: int
    size: int
    packed: int | None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class EntryFault:
    """A fault of an entry, for the check ``names``, ``links`` or ``permissions``.

    The entry is left out for ``error``; if that is None, only some readers fail, and it is kept.
    """

    check: str
    text: str
    error: Exception | None = None


class EntryStore(Protocol):
    """The members of a bundle and their content; modes have all twelve bits.

    ``zipped`` are the bytes of the zip file, None for a directory. ``bare`` are the paths of entries without Unix
    attributes, whose modes are unknown.
    """

    members: tuple[Member, ...]
    zipped: int | None
    bare: frozenset[str]

    def blocks(self, member: Member) -> Iterator[bytes]:
        """Give the content of a file. Raises ZipFormatError if size or checksum differ."""

    def close(self) -> None:
        """Close what is open."""


def open_store(path: Path, fault: OnFault) -> EntryStore:
    """List the zip or directory ``path``; call ``fault`` for each fault of an entry.

    Raises OSError if it cannot be opened, ZipFormatError if the list cannot be read.
    """
    return DirectoryStore(path, fault) if path.is_dir() else ZipStore(path, fault)


def refuse(fault: EntryFault) -> None:
    """Raise the error of a fault."""
    if fault.error is not None:
        raise fault.error


class ZipStore:
    """Members in a zip file."""

    def __init__(self, path: Path, fault: OnFault) -> None:
        self._fd = open_zip(path)
        self._records: dict[str, zipformat.Record] = {}
        try:
            self.zipped: int | None = os.fstat(self._fd).st_size
            records, end = zipformat.read_records(self._fd)
            self._ends = zipformat.ends_of(records, end)
            found = (self._member(record, fault) for record in records)
            self.members = _sorted(member for member in found if member is not None)
        except BaseException:
            self.close()
            raise
        self.bare = frozenset(path for path, record in self._records.items() if not record.mode)

    def blocks(self, member: Member) -> Iterator[bytes]:
        """Give the content of a file."""
        return self._data(self._records[member.path])

    def close(self) -> None:
        """Close the zip."""
        os.close(self._fd)

    def _member(self, record: zipformat.Record, fault: OnFault) -> Member | None:
        check = "names"
        try:
            name = zipformat.name_of(record)
            path = name.removesuffix("/")
            names.check_path(path)
            if why := zipformat.unsupported(record):
                raise zipformat.UnsupportedZipError(f"{path!r} {why}")  # noqa: TRY301  (reported below)
            if path in self._records:
                raise zipformat.ZipFormatError(f"{path!r} occurs twice")  # noqa: TRY301
            if odd := _oddity(record, path):
                fault(EntryFault(check, odd))
            check = "links" if stat.S_ISLNK(record.mode) else "names"
            member = _member_of(record, name, self._data)
        except zipformat.UnsupportedZipError as error:
            fault(EntryFault("names", str(error), error))
            return None
        except (zipformat.ZipFormatError, names.BadNameError) as error:
            fault(EntryFault(check, str(error), error))
            return None
        self._records[path] = record
        return member

    def _data(self, record: zipformat.Record) -> Iterator[bytes]:
        return zipformat.content(self._fd, record, self._ends[record.offset])


class DirectoryStore:
    """Members in a directory; links are never followed. ``any_name`` allows names that bundles must not have."""

    zipped: int | None = None
    bare: frozenset[str] = frozenset()

    def __init__(self, top: Path, fault: OnFault, *, any_name: bool = False) -> None:
        self._top = top
        self._any_name = any_name
        self.members = _sorted(self._walk(fault))

    def blocks(self, member: Member) -> Iterator[bytes]:
        """Give the content of a file, no link followed at its end."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        seen = 0
        try:
            fd = os.open(self._top / member.path, flags)
            try:
                while block := os.read(fd, _BLOCK):
                    seen += len(block)
                    if seen > member.size:
                        break
                    yield block
            finally:
                os.close(fd)
        except OSError as error:
            why = "is gone" if error.errno in _GONE else error.strerror or str(error)
            raise zipformat.ZipFormatError(f"{member.path!r} cannot be read: {why}") from error
        if seen != member.size:
            raise zipformat.ZipFormatError(f"{member.path!r} changed while it was read")

    def close(self) -> None:
        """Nothing stays open."""

    def _walk(self, fault: OnFault) -> Iterator[Member]:
        count = 0
        todo = [""]
        while todo:
            above = todo.pop()
            try:
                with os.scandir(self._top / above) as items:
                    found = sorted(items, key=lambda item: item.name)
            except OSError as error:
                if not above:
                    raise
                why = (error.strerror or str(error)).lower()
                fault(EntryFault("permissions", f"{above} cannot be listed: {why}", error))
                continue
            for item in found:
                count += 1
                if count > names.NODES_MAX:
                    raise zipformat.ZipFormatError(f"it holds more than {names.NODES_MAX:,} entries")
                path = f"{above}/{item.name}" if above else item.name
                try:
                    if not self._any_name:
                        names.check_path(path)
                    member = _member_at(item, path)
                except (names.BadNameError, zipformat.ZipFormatError) as error:
                    fault(EntryFault("names", str(error), error))
                    continue
                yield member
                if member.kind is Kind.DIRECTORY:
                    todo.append(member.path)


def open_zip(path: Path) -> int:
    """Open a zip for reading. Raises ZipFormatError for a pipe, a socket or a device, else OSError."""
    try:
        return open_regular(path)
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise zipformat.ZipFormatError("it is neither a file nor a directory") from error
        raise


def _sorted(members: Iterator[Member]) -> tuple[Member, ...]:
    return tuple(sorted(members, key=lambda member: member.path))


def _oddity(record: zipformat.Record, path: str) -> str | None:
    """What is odd about a name that can be used."""
    try:
        record.name.decode()
    except UnicodeDecodeError:
        return f"{path!r} is not written in UTF-8"
    if "\\" in path and record.system != zipformat.UNIX:
        return f"{path!r} has backslashes: it was zipped on Windows with its own separator"
    return None


def _member_of(record: zipformat.Record, name: str, data: Callable[[zipformat.Record], Iterator[bytes]]) -> Member:
    """Return what ``record``, named ``name``, is once it is unpacked; ``data`` gives its bytes.

    Raise ZipFormatError when no bundle may hold such a thing: a device, or a link without a usable target.
    """
    path = name.removesuffix("/")
    kind = _kind(record, directory=name.endswith("/"))
    if kind is Kind.DIRECTORY and record.size:
        raise zipformat.ZipFormatError(f"directory {path!r} has content")
    target = _target(path, record, data) if kind is Kind.LINK else None
    mode = stat.S_IMODE(record.mode) if record.mode else (0o755 if kind is Kind.DIRECTORY else 0o644)
    return Member(path, kind, mode, record.size, record.packed, target)


def _kind(record: zipformat.Record, *, directory: bool) -> Kind:
    told = stat.S_IFMT(record.mode) or (stat.S_IFDIR if directory else stat.S_IFREG)
    kind = _KINDS.get(told)
    if kind is None:
        raise zipformat.ZipFormatError(f"{zipformat.shown(record.name)} is a device, pipe or socket")
    if directory != (kind is Kind.DIRECTORY):
        raise zipformat.ZipFormatError(
            f"{zipformat.shown(record.name)} is a directory by name or by mode, but not by both"
        )
    return kind


def _target(path: str, record: zipformat.Record, data: Callable[[zipformat.Record], Iterator[bytes]]) -> str:
    if record.size > names.PATH_BYTES_MAX:
        raise zipformat.ZipFormatError(f"link {path!r} has a target of {record.size:,} bytes")
    try:
        return b"".join(data(record)).decode()
    except UnicodeDecodeError as error:
        raise zipformat.ZipFormatError(f"the target of link {path!r} is not UTF-8") from error


def _member_at(item: os.DirEntry[str], path: str) -> Member:
    """Return what a directory entry is, no link followed; raise ZipFormatError for a device."""
    status = item.stat(follow_symlinks=False)
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        raise zipformat.ZipFormatError(f"{path!r} is a device, pipe or socket")
    target = os.readlink(item) if kind is Kind.LINK else None
    size = 0 if kind is Kind.DIRECTORY else status.st_size
    return Member(path, kind, stat.S_IMODE(status.st_mode), size, None, target)
