"""Reads a bundle, a zip or a directory, for ``verify``, ``size`` and ``extract``.

A bundle is untrusted: opening takes time and memory in proportion to its list of entries, reading to the bytes read,
and every fault is a BadBundleError.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from lambundle.bundle import names, zipformat
from lambundle.bundle.listing import open_store, refuse
from lambundle.bundle.manifest import decode_manifest
from lambundle.bundle.model import Kind
from lambundle.errors import BadBundleError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lambundle.bundle.listing import EntryStore, Member
    from lambundle.bundle.model import Manifest, Program

READ_LIMIT = 512 << 20
"""Default limit of bytes of ``Bundle.read``, twice Lambda's quota."""
MANIFEST_LIMIT = 48 << 20
"""Most bytes of all manifests of a bundle."""

_PERMISSIONS = 0o777


class Bundle:
    """An open bundle; close it, or use it in a ``with``. Made by ``open_bundle``.

    ``members`` and ``manifests`` are sorted by path. A foreign zip has no manifest, a merged bundle has several.
    ``zipped`` are the bytes of the zip file, None for a directory.
    """

    def __init__(self, path: Path, store: EntryStore) -> None:
        self.path = path
        self.members = tuple(map(_plain, store.members))
        self.zipped = store.zipped
        self._store = store
        self._by_path = {member.path: member for member in self.members}
        self.manifests = self._decoded()

    @property
    def manifest(self) -> Manifest | None:
        """The first manifest; None in a foreign zip."""
        return self.manifests[0] if self.manifests else None

    @property
    def programs(self) -> tuple[Program, ...]:
        """The programs of all manifests."""
        return tuple(program for manifest in self.manifests for program in manifest.programs)

    @property
    def by_path(self) -> Mapping[str, Member]:
        """Every member by its path."""
        return self._by_path

    @property
    def unzipped(self) -> int:
        """Unzipped bytes as Lambda counts: files and link targets (see ``write.Written``)."""
        return sum(member.size for member in self.members)

    def blocks(self, path: str) -> Iterator[bytes]:
        """Give the content of the file ``path`` in blocks, never more than its size.

        Raises BadBundleError if there is no such file, or if its content has another size or checksum (known after the
        last block).
        """
        member = self._by_path.get(path)
        if member is None or member.kind is not Kind.FILE:
            raise bad_bundle(self.path, f"it has no file {path!r}")
        with _bad_as_error(self.path):
            yield from self._store.blocks(member)

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """Return the content of the file ``path``. Raises BadBundleError as ``blocks``, or above ``limit`` bytes."""
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


def _plain(member: Member) -> Member:
    """Return the member without set-ID and sticky bits, which extraction does not set."""
    return member if member.mode <= _PERMISSIONS else replace(member, mode=member.mode & _PERMISSIONS)


def open_bundle(path: Path) -> Bundle:
    """Open the zip file or directory ``path``.

    Raises UsageError if it does not exist, BadBundleError if it is damaged, hostile or not supported: names that lead
    out of the tree, duplicate or overlapping entries, devices, encryption, zip64.
    """
    with _bad_as_error(path):
        try:
            return _opened(path, open_store(path, refuse))
        except OSError as error:
            raise UsageError(
                f"cannot open {path}: {(error.strerror or str(error)).lower()}",
                hint="name a zip or a directory that lambundle wrote",
            ) from error


def bad_zip(path: Path, error: zipformat.ZipFormatError) -> BadBundleError:
    """Return the error for a zip that is damaged or not supported."""
    if not isinstance(error, zipformat.UnsupportedZipError):
        return bad_bundle(path, str(error))
    return BadBundleError(
        f"{path} uses unsupported zip features",
        context=(str(error),),
        hint="zip the tree again into a new file: stored or deflated, not encrypted, without zip64",
    )


def bad_bundle(path: Path, why: str) -> BadBundleError:
    """Return the error for a damaged bundle."""
    return BadBundleError(
        f"{path} is damaged or not a bundle",
        context=(why,),
        hint="pack it again, or download it again",
    )


def _opened(path: Path, store: EntryStore) -> Bundle:
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
    """Return whether ``path`` is that of a manifest."""
    parts = path.split("/")
    return len(parts) == 3 and parts[0] == "lambundle" and parts[2] == "manifest.json"  # noqa: PLR2004
