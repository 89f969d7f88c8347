"""What lies in a zip or a directory, whoever made it: names, sizes, and what is needed to look further.

``open_bundle`` refuses what must not be unpacked unseen: links that lead out, names that occur twice, encryption.
Whether such a thing fits into Lambda's quotas can be said all the same; nothing is unpacked for it, and of a zip
nothing but its directory and its manifests is read. A manifest that cannot be read is as good as none.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from lambundle.bundle import zipformat
from lambundle.bundle.listing import DirectoryStore, open_zip, refuse
from lambundle.bundle.manifest import decode_manifest
from lambundle.bundle.model import Kind
from lambundle.bundle.reader import MANIFEST_LIMIT, bad_zip, is_manifest
from lambundle.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lambundle.bundle.model import Manifest

    Blocks = Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class SizedItem:
    """A file or link. ``size`` is unpacked bytes, of a link its target's; ``packed`` those in the zip, else None.

    ``crc`` is its CRC-32 as the zip tells it, None in a directory.
    """

    path: str
    is_link: bool
    size: int
    packed: int | None = None
    crc: int | None = None


class SizedContents:
    """An open zip or directory; close it, or use it in a ``with``. Made by ``open_contents``.

    ``items`` are its files and links, sorted by path, without directories, which have no bytes. ``zipped`` is the
    size of the zip file, None for a directory. ``manifests`` are lambundle's own, none in a bundle of others, and none
    where ``unread`` says why they cannot be read though the zip may be sound: encrypted, or compressed in other ways.
    """

    def __init__(self, path: Path, fd: int | None) -> None:
        self.path = path
        self.zipped: int | None = None
        self._fd = fd
        self._blocks: dict[str, Blocks] = {}
        items = self._of_directory() if fd is None else self._of_zip(fd)
        self.items = tuple(sorted(items, key=lambda item: item.path))
        self.unread = ""
        self.manifests = self._manifests()

    @property
    def unzipped(self) -> int:
        """Bytes unpacked: every file, and the target of every link, as ``unzip -v`` adds them up too."""
        return sum(item.size for item in self.items)

    @property
    def packed(self) -> int | None:
        """Bytes of all entries in the zip, without its headers; None for a directory."""
        return None if self.zipped is None else sum(item.packed or 0 for item in self.items)

    def blocks(self, item: SizedItem) -> Iterator[bytes]:
        """Give the content of an item a block at a time; BadBundleError when it is not what is told of it."""
        try:
            yield from self._blocks[item.path]()
        except zipformat.ZipFormatError as error:
            raise bad_zip(self.path, error) from error

    def close(self) -> None:
        """Close the zip."""
        if self._fd is not None:
            os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _of_zip(self, fd: int) -> Iterator[SizedItem]:
        self.zipped = os.fstat(fd).st_size
        records, start = zipformat.read_records(fd)
        ends = zipformat.ends_of(records, start)
        for record in records:
            path = zipformat.name_of(record)
            while path.startswith("./"):
                path = path[2:]
            if path.endswith("/") or not path:
                continue
            if path in self._blocks:
                raise zipformat.ZipFormatError(f"{path!r} occurs twice, and nothing says which of them Lambda keeps")
            self._blocks[path] = _of_record(fd, record, ends[record.offset])
            yield SizedItem(path, stat.S_ISLNK(record.mode), record.size, record.packed, record.crc)

    def _of_directory(self) -> Iterator[SizedItem]:
        store = DirectoryStore(self.path, refuse, any_name=True)
        for member in store.members:
            if member.kind is not Kind.DIRECTORY:
                self._blocks[member.path] = partial(store.blocks, member)
                yield SizedItem(member.path, member.kind is Kind.LINK, member.size)

    def _manifests(self) -> tuple[Manifest, ...]:
        found = [item for item in self.items if is_manifest(item.path) and not item.is_link]
        if sum(item.size for item in found) > MANIFEST_LIMIT:
            raise zipformat.ZipFormatError(f"its manifests have more than {MANIFEST_LIMIT:,} bytes")
        try:
            return tuple(decode_manifest(b"".join(self._blocks[item.path]())) for item in found)
        except zipformat.UnsupportedZipError as error:
            self.unread = str(error)
            return ()


def open_contents(path: Path) -> SizedContents:
    """Open the zip file or directory ``path``; close what is returned.

    Raise UsageError when there is nothing of the kind, BadBundleError when it is damaged or uses zip64.
    """
    fd = None
    try:
        fd = None if path.is_dir() else open_zip(path)
        return SizedContents(path, fd)
    except BaseException as error:
        if fd is not None:
            os.close(fd)
        if isinstance(error, zipformat.ZipFormatError):
            raise bad_zip(path, error) from error
        if isinstance(error, OSError):
            raise UsageError(
                f"cannot open {path}: {(error.strerror or str(error)).lower()}", hint="name a zip or a directory"
            ) from error
        raise


def _of_record(fd: int, record: zipformat.Record, end: int) -> Blocks:
    def blocks() -> Iterator[bytes]:
        if why := zipformat.unsupported(record):
            raise zipformat.UnsupportedZipError(f"{zipformat.shown(record.name)} {why}")
        return zipformat.content(fd, record, end)

    return blocks
