"""Reads a finished bundle, zip or directory alike; what ``verify``, ``size`` and ``extract`` stand on.

A bundle may come from anywhere, so nothing in it is believed: opening takes time and memory in proportion
to its list of entries, reading to what is read, and every way in which it can be wrong is a BadBundleError.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from lambundle.bundle import names, zipformat
from lambundle.bundle.manifest import decode_manifest
from lambundle.bundle.model import Kind
from lambundle.errors import BadBundleError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lambundle.bundle.model import Manifest, Program

READ_LIMIT = 512 << 20
"""Most bytes that ``Bundle.read`` gives unless told otherwise: twice all that Lambda unpacks."""
MANIFEST_LIMIT = 64 << 20
"""Most bytes that the manifests of a bundle may have together."""

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

    ``members`` are sorted by path. ``manifests`` are sorted by path too: none when somebody else made the
    bundle, several where bundles were merged into one. ``zipped`` is the size of the zip file, None for a
    directory.
    """

    def __init__(self, path: Path, store: _Store) -> None:
        self.path = path
        self.members = store.members
        self.zipped = store.zipped
        self._store = store
        self._by_path = {member.path: member for member in store.members}
        self.manifests = self._decoded()

    @property
    def manifest(self) -> Manifest | None:
        """The manifest, the first of several; None when somebody else made the bundle."""
        return self.manifests[0] if self.manifests else None

    @property
    def programs(self) -> tuple[Program, ...]:
        """The programs of all manifests; none where there is none."""
        return tuple(program for manifest in self.manifests for program in manifest.programs)

    @property
    def by_path(self) -> Mapping[str, Member]:
        """Every member by its path."""
        return self._by_path

    @property
    def unzipped(self) -> int:
        """Bytes unpacked in Lambda's count: files and link targets (see ``write.Written``)."""
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

    def _decoded(self) -> tuple[Manifest, ...]:
        found = [member for member in self.members if is_manifest(member.path)]
        if sum(member.size for member in found) > MANIFEST_LIMIT:
            raise bad_bundle(self.path, f"its {len(found)} manifests have more than {MANIFEST_LIMIT:,} bytes")
        manifests = []
        for member in found:
            manifest = decode_manifest(self.read(member.path, MANIFEST_LIMIT))
            if manifest.path != member.path:
                raise bad_bundle(self.path, f"{member.path} is the manifest of {manifest.name!r}")
            manifests.append(manifest)
        return tuple(manifests)


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


def bad_zip(path: Path, error: zipformat.ZipFormatError) -> BadBundleError:
    """Return the error that says what is wrong with the zip ``path``, or that it is sound and cannot be read."""
    if not isinstance(error, zipformat.UnsupportedZipError):
        return bad_bundle(path, str(error))
    return BadBundleError(
        f"{path} is no zip that lambundle reads",
        context=(str(error),),
        hint="zip the tree again, plainly and into a new file: stored or deflated, not encrypted, without zip64",
    )


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
    except zipformat.ZipFormatError as error:
        raise bad_zip(path, error) from error
    except names.BadNameError as error:
        raise bad_bundle(path, str(error)) from error


def is_manifest(path: str) -> bool:
    """Whether ``path`` is where a bundle has its manifest."""
    parts = path.split("/")
    return len(parts) == 3 and parts[0] == "lambundle" and parts[2] == "manifest.json"  # noqa: PLR2004


class _Zip:
    """Members in a zip file."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not hang us
        self._records: dict[str, zipformat.Record] = {}
        try:
            self.zipped: int | None = regular_size(self._fd)
            records, end = zipformat.read_directory(self._fd)
            self._ends = zipformat.ends_of(records, end)
            self.members = tuple(sorted(map(self._member, records), key=lambda member: member.path))
        except BaseException:
            self.close()
            raise

    def blocks(self, member: Member) -> Iterator[bytes]:
        yield from self._data(self._records[member.path])

    def close(self) -> None:
        os.close(self._fd)

    def _member(self, record: zipformat.Record) -> Member:
        name = zipformat.name_of(record)
        path = name.removesuffix("/")
        if path in self._records:
            raise zipformat.ZipFormatError(f"{path!r} occurs twice")
        self._records[path] = record
        return member_of(record, name, self._data)

    def _data(self, record: zipformat.Record) -> Iterator[bytes]:
        return zipformat.content(self._fd, record, self._ends[record.offset])


def member_of(record: zipformat.Record, name: str, data: Callable[[zipformat.Record], Iterator[bytes]]) -> Member:
    """Return what the zip's ``record``, named ``name``, is once it is unpacked; ``data`` gives its bytes.

    Raise ZipFormatError when no bundle may hold such a thing: a device, or a link without a usable target.
    """
    path = name.removesuffix("/")
    kind = _kind(record, directory=name.endswith("/"))
    if kind is Kind.DIRECTORY and record.size:
        raise zipformat.ZipFormatError(f"directory {path!r} has content")
    target = _target(path, record, data) if kind is Kind.LINK else None
    mode = record.mode & 0o777 if record.mode else (0o755 if kind is Kind.DIRECTORY else 0o644)
    return Member(path, kind, mode, record.size, record.packed, target)


def _target(path: str, record: zipformat.Record, data: Callable[[zipformat.Record], Iterator[bytes]]) -> str:
    if record.size > names.PATH_BYTES_MAX:
        raise zipformat.ZipFormatError(f"link {path!r} has a target of {record.size:,} bytes")
    try:
        return b"".join(data(record)).decode()
    except UnicodeDecodeError as error:
        raise zipformat.ZipFormatError(f"the target of link {path!r} is not UTF-8") from error


def regular_size(fd: int) -> int:
    """Return the size of the file open at ``fd``; ZipFormatError when it is not a regular file."""
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise zipformat.ZipFormatError("it is neither a file nor a directory")
    return status.st_size


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


def file_blocks(top: Path, member: Member) -> Iterator[bytes]:
    """Give the content of the file ``member`` of the directory ``top``, no link followed at its end.

    Raise ZipFormatError when it cannot be read or has another size by now.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    seen = 0
    try:
        fd = os.open(top / member.path, flags)
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


class _Directory:
    """Members in a directory, read without ever following a link."""

    zipped: int | None = None

    def __init__(self, top: Path) -> None:
        self._top = top
        self.members = tuple(sorted(self._walk(), key=lambda member: member.path))

    def blocks(self, member: Member) -> Iterator[bytes]:
        return file_blocks(self._top, member)

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
                    member = member_at(item, path)
                    yield member
                    if member.kind is Kind.DIRECTORY:
                        todo.append(path)


def member_at(item: os.DirEntry[str], path: str) -> Member:
    """Return what the directory entry ``item`` is, not following links; raise ZipFormatError as ``member_of``."""
    status = item.stat(follow_symlinks=False)
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        raise zipformat.ZipFormatError(f"{path!r} is a device, pipe or socket")
    target = os.readlink(item) if kind is Kind.LINK else None
    size = 0 if kind is Kind.DIRECTORY else status.st_size
    return Member(path, kind, stat.S_IMODE(status.st_mode) & 0o777, size, None, target)
