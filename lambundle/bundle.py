"""Reads a finished bundle, zip or directory alike; what ``verify``, ``size`` and ``extract`` stand on.

A bundle may come from anywhere, so nothing in it is believed: opening takes time and memory in proportion
to its list of entries, reading to what is read, and every way in which it can be wrong is a BadBundleError.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from lambundle import names, zipformat
from lambundle.errors import BadBundleError, UsageError
from lambundle.manifest import decode_manifest
from lambundle.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lambundle.model import Manifest, Program

READ_LIMIT = 512 << 20
"""Most bytes that ``Bundle.read`` gives unless told otherwise: twice all that Lambda unpacks."""
MANIFEST_LIMIT = 64 << 20
"""Most bytes that a manifest may have."""

_BLOCK = 1 << 20
_KINDS = {stat.S_IFDIR: Kind.DIRECTORY, stat.S_IFREG: Kind.FILE, stat.S_IFLNK: Kind.LINK}
_GONE = {errno.ENOENT, errno.ELOOP, errno.ENOTDIR}


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a finished bundle, as the zip or the file system tells of it.

    ``path`` has no trailing slash; ``mode`` is the permission bits; ``size`` is unpacked bytes (of a link
    its target's), ``packed`` the bytes in the zip, None in a directory. ``target`` is a link's.
    """

    path: str
    kind: Kind
    mode: int
    size: int
    packed: int | None
    target: str | None = None


class _Store(Protocol):
    """Where the members' bytes lie."""

    members: tuple[Member, ...]
    zipped: int | None

    def blocks(self, member: Member) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class Bundle:
    """An open bundle; close it, or use it in a ``with``. Made by ``open_bundle``.

    ``members`` are sorted by path. ``manifest`` is None when somebody else made the bundle. ``zipped`` is
    the size of the zip file, None for a directory.
    """

    def __init__(self, path: Path, store: _Store) -> None:
        self.path = path
        self.members = store.members
        self.zipped = store.zipped
        self._store = store
        self._by_path = {member.path: member for member in store.members}
        self.manifest = self._find_manifest()

    @property
    def programs(self) -> tuple[Program, ...]:
        """The programs of the manifest; none where there is no manifest."""
        return self.manifest.programs if self.manifest else ()

    @property
    def by_path(self) -> Mapping[str, Member]:
        """Every member by its path."""
        return self._by_path

    @property
    def unzipped(self) -> int:
        """Bytes unpacked in Lambda's count: files and link targets (see ``destinations.Written``)."""
        return sum(member.size for member in self.members)

    def blocks(self, path: str) -> Iterator[bytes]:
        """Give the content of the file ``path`` a block at a time, never more than its size.

        Raise BadBundleError when there is no such file, and when its bytes are not what the bundle says:
        cut short, longer, or with another checksum (known once the last block was taken).
        """
        member = self._by_path.get(path)
        if member is None or member.kind is not Kind.FILE:
            raise bad_bundle(self.path, f"it holds no file {path!r}")
        with _bad_as_error(self.path):
            yield from self._store.blocks(member)

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """Return the content of the file ``path``; BadBundleError as ``blocks``, or over ``limit``."""
        member = self._by_path.get(path)
        if member is not None and member.size > limit:
            raise bad_bundle(self.path, f"{path!r} has {member.size:,} bytes, and {limit:,} are read at most")
        return b"".join(self.blocks(path))

    def close(self) -> None:
        """Close the files behind the bundle."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _find_manifest(self) -> Manifest | None:
        found = [member.path for member in self.members if _is_manifest(member.path)]
        if not found:
            return None
        if len(found) > 1:
            raise bad_bundle(self.path, f"it holds {len(found)} manifests: {', '.join(sorted(found)[:5])}")
        manifest = decode_manifest(self.read(found[0], MANIFEST_LIMIT))
        if manifest.path != found[0]:
            raise bad_bundle(self.path, f"{found[0]} is the manifest of {manifest.name!r}")
        return manifest


def open_bundle(path: Path) -> Bundle:
    """Open the zip file or directory ``path``.

    Raise UsageError when there is nothing of the kind, BadBundleError when it is damaged or hostile: names
    that lead out of the tree, entries that occur twice or share bytes, devices, encryption, zip64.
    """
    with _bad_as_error(path):
        try:
            if path.is_dir():
                return _opened(path, _Directory(path))
            return _opened(path, _Zip(path))
        except OSError as error:
            raise UsageError(
                f"cannot open {path}: {(error.strerror or str(error)).lower()}",
                hint="name a zip or a directory that lambundle wrote",
            ) from error


def bad_bundle(path: Path, why: str) -> BadBundleError:
    """Return the error that says that the bundle ``path`` cannot be used, and why."""
    return BadBundleError(
        f"{path} is damaged or not a bundle",
        context=(why,),
        hint="pack it again, or fetch it again from where it came",
    )


def _opened(path: Path, store: _Store) -> Bundle:
    try:
        names.check_tree([(member.path, member.kind, member.target) for member in store.members])
        return Bundle(path, store)
    except BaseException:
        store.close()
        raise


@contextlib.contextmanager
def _bad_as_error(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipformat.ZipFormatError, names.BadNameError) as error:
        raise bad_bundle(path, str(error)) from error


def _is_manifest(path: str) -> bool:
    parts = path.split("/")
    return len(parts) == 3 and parts[0] == "lambundle" and parts[2] == "manifest.json"  # noqa: PLR2004


class _Zip:
    """Members in a zip file."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not hang us
        self._records: dict[str, zipformat.Record] = {}
        try:
            self.zipped: int | None = _regular_size(self._fd)
            records, end = zipformat.read_directory(self._fd)
            self._ends = _ends(records, end)
            self.members = tuple(sorted(map(self._member, records), key=lambda member: member.path))
        except BaseException:
            self.close()
            raise

    def blocks(self, member: Member) -> Iterator[bytes]:
        yield from self._data(self._records[member.path])

    def close(self) -> None:
        os.close(self._fd)

    def _member(self, record: zipformat.Record) -> Member:
        name = _text(record)
        path = name.removesuffix("/")
        if path in self._records:
            raise zipformat.ZipFormatError(f"{path!r} occurs twice")
        self._records[path] = record
        kind = _kind(record, directory=name.endswith("/"))
        if kind is Kind.DIRECTORY and record.size:
            raise zipformat.ZipFormatError(f"directory {path!r} has content")
        target = self._target(path, record) if kind is Kind.LINK else None
        mode = record.mode & 0o777 if record.mode else (0o755 if kind is Kind.DIRECTORY else 0o644)
        return Member(path, kind, mode, record.size, record.packed, target)

    def _target(self, path: str, record: zipformat.Record) -> str:
        if record.size > names.PATH_BYTES_MAX:
            raise zipformat.ZipFormatError(f"link {path!r} has a target of {record.size:,} bytes")
        try:
            return b"".join(self._data(record)).decode()
        except UnicodeDecodeError as error:
            raise zipformat.ZipFormatError(f"the target of link {path!r} is not UTF-8") from error

    def _data(self, record: zipformat.Record) -> Iterator[bytes]:
        """Give the bytes of ``record``, at most its size; ZipFormatError when they are not its own."""
        start = zipformat.data_offset(self._fd, record, self._ends[record.offset])
        raw = self._raw(start, record.packed)
        crc = seen = 0
        for block in raw if record.method == zipformat.STORED else _inflated(record, raw):
            seen += len(block)
            if seen > record.size:
                break
            crc = zlib.crc32(block, crc)
            yield block
        if seen != record.size:
            raise zipformat.ZipFormatError(f"{record.name!r} has not the size that is told of it")
        if crc != record.crc:
            raise zipformat.ZipFormatError(f"{record.name!r} has another checksum than is told of it")

    def _raw(self, at: int, length: int) -> Iterator[bytes]:
        for offset in range(at, at + length, _BLOCK):
            yield zipformat.pread(self._fd, min(_BLOCK, at + length - offset), offset)


def _regular_size(fd: int) -> int:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise zipformat.ZipFormatError("it is neither a file nor a directory")
    return status.st_size


def _ends(records: list[zipformat.Record], end: int) -> dict[int, int]:
    """Map where each record starts to where the next one does."""
    starts = sorted(record.offset for record in records)
    return dict(zip(starts, [*starts[1:], end], strict=True))


def _text(record: zipformat.Record) -> str:
    """Return a record's name.

    Unflagged bytes beyond ASCII are UTF-8 where they can be, as zips made on Unix have them; else they are
    code page 437 (APPNOTE appendix D).
    """
    try:
        return record.name.decode()
    except UnicodeDecodeError as error:
        if record.flags & zipformat.UTF8:
            raise zipformat.ZipFormatError(f"{record.name!r} is not the UTF-8 that it claims to be") from error
        return record.name.decode("cp437")


def _kind(record: zipformat.Record, *, directory: bool) -> Kind:
    told = stat.S_IFMT(record.mode) or (stat.S_IFDIR if directory else stat.S_IFREG)
    kind = _KINDS.get(told)
    if kind is None:
        raise zipformat.ZipFormatError(f"{record.name!r} is a device, pipe or socket")
    if directory != (kind is Kind.DIRECTORY):
        raise zipformat.ZipFormatError(f"{record.name!r} is a directory by name or by mode, but not by both")
    return kind


def _inflated(record: zipformat.Record, raw: Iterator[bytes]) -> Iterator[bytes]:
    """Give what the deflated blocks ``raw`` unpack to, never more than one block's worth at a time."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for rest in raw:
            while rest and not engine.eof:
                yield engine.decompress(rest, _BLOCK)
                rest = engine.unconsumed_tail  # noqa: PLW2901  (what is left of this block)
            if engine.unused_data or (rest and engine.eof):
                raise zipformat.ZipFormatError(f"the data of {record.name!r} go on after their end")
        while not engine.eof and (block := engine.decompress(b"", _BLOCK)):
            yield block
    except zlib.error as error:
        raise zipformat.ZipFormatError(f"the data of {record.name!r} are damaged") from error
    if not engine.eof:
        raise zipformat.ZipFormatError(f"the data of {record.name!r} are cut short")


class _Directory:
    """Members in a directory, read without ever following a link."""

    zipped: int | None = None

    def __init__(self, top: Path) -> None:
        self._top = top
        self.members = tuple(sorted(self._walk(), key=lambda member: member.path))

    def blocks(self, member: Member) -> Iterator[bytes]:
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

    def _walk(self) -> Iterator[Member]:
        count = 0
        todo = [""]
        while todo:
            above = todo.pop()
            with os.scandir(self._top / above) as found:
                for item in found:
                    count += 1
                    if count > names.NODES_MAX:
                        raise zipformat.ZipFormatError(f"it holds more than {names.NODES_MAX:,} entries")
                    path = f"{above}/{item.name}" if above else item.name
                    member = _member_at(item, path)
                    yield member
                    if member.kind is Kind.DIRECTORY:
                        todo.append(path)


def _member_at(item: os.DirEntry[str], path: str) -> Member:
    status = item.stat(follow_symlinks=False)
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        raise zipformat.ZipFormatError(f"{path!r} is a device, pipe or socket")
    target = os.readlink(item) if kind is Kind.LINK else None
    size = 0 if kind is Kind.DIRECTORY else status.st_size
    return Member(path, kind, stat.S_IMODE(status.st_mode) & 0o777, size, None, target)
