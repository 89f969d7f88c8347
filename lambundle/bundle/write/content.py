"""Common parts of the destinations: the completed manifest, the bytes of each file, the result."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeAlias

from lambundle.bundle import names
from lambundle.bundle.manifest import encode_manifest
from lambundle.bundle.model import Entry, Kind, Manifest, Reason
from lambundle.errors import FileChangedError, OutputError, UnreadableFileError, UsageError
from lambundle.machine import NotRegularError

if TYPE_CHECKING:
    from pathlib import Path

    from lambundle.machine import Source

BLOCK = 1 << 20
"""Bytes read at a time."""

Progress: TypeAlias = Callable[[int], None]
"""Called on the caller's thread with the number of further source bytes processed."""


@dataclass(frozen=True, slots=True)
class Written:
    """The result of writing a bundle.

    ``unzipped`` are the bytes as Lambda counts: of all files, the manifest too, and of link targets, without
    directories. ``zipped`` are the bytes of the zip file, None for a directory. ``digests`` maps the path of every
    file, the manifest too, to its SHA-256 in hexadecimal.
    """

    unzipped: int
    zipped: int | None
    digests: Mapping[str, str]


class Destination(Protocol):
    """A form in which a bundle is written.

    ``out`` is written atomically. Raises OutputError if it cannot be written, UnreadableFileError or FileChangedError
    if a source differs from the plan.
    """

    def __call__(
        self, manifest: Manifest, out: Path, *, epoch: int | None = None, progress: Progress | None = None
    ) -> Written:
        """Write ``manifest`` to ``out``, every time in it set to ``epoch`` (None: 1980-01-01)."""
        ...


def epoch_of(environ: Mapping[str, str]) -> int | None:
    """Return SOURCE_DATE_EPOCH (reproducible-builds.org), or None. Raises UsageError if it is not a number."""
    text = environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"SOURCE_DATE_EPOCH is {text!r}", hint="set it to whole seconds since 1970, or unset it")
    return int(text.lstrip("0")[:12] or "0")  # the writer clamps larger numbers


def completed(manifest: Manifest) -> Manifest:
    """Return ``manifest`` sorted and with an entry for every directory.

    Setuid, setgid and sticky bits are removed, since no document says how Lambda treats them; links have mode 0777, as
    on Linux. Raises OutputError if the paths conflict (see ``names.check_tree``).
    """
    entries = {entry.path: entry for entry in manifest.entries}
    if manifest.path in entries:
        raise OutputError(
            f"{manifest.path} is in the plan already",
            hint="choose another --name, or do not add an unpacked bundle to a bundle",
        )
    wanted = {parent: entry.reasons[:1] for entry in manifest.entries for parent in names.parents(entry.path)}
    wanted |= {parent: (Reason("runtime"),) for parent in names.parents(manifest.path)}
    missing = [
        Entry(path, Kind.DIRECTORY, 0o755, reasons=reasons) for path, reasons in wanted.items() if path not in entries
    ]
    every = (*map(_plain, manifest.entries), *missing)
    _check(manifest, every)
    return dataclasses.replace(manifest, entries=tuple(sorted(every, key=lambda entry: entry.path)))


def _plain(entry: Entry) -> Entry:
    mode = 0o777 if entry.kind is Kind.LINK else entry.mode & 0o777
    return entry if mode == entry.mode else dataclasses.replace(entry, mode=mode)


def _check(manifest: Manifest, entries: Iterable[Entry]) -> None:
    nodes = [(entry.path, entry.kind, entry.target) for entry in entries]
    try:
        names.check_tree([*nodes, (manifest.path, Kind.FILE, None)])
    except names.BadNameError as error:
        raise OutputError(
            "the plan cannot be written as one tree",
            context=(str(error),),
            hint="leave the file out with --exclude, or rename it",
        ) from error


def unzipped_size(entries: Iterable[Entry]) -> int:
    """Return the unzipped bytes of ``entries``, as Lambda counts: files and link targets."""
    return sum(len((entry.target or "").encode()) if entry.kind is Kind.LINK else entry.size for entry in entries)


def manifest_entry(manifest: Manifest, digests: Mapping[str, str]) -> Entry:
    """Return the entry of the manifest, which has the digest of every file."""
    entries = tuple(
        dataclasses.replace(entry, sha256=digests[entry.path]) if entry.kind is Kind.FILE else entry
        for entry in manifest.entries
    )
    content = encode_manifest(dataclasses.replace(manifest, entries=entries))
    digest = hashlib.sha256(content).hexdigest()
    return Entry(manifest.path, Kind.FILE, 0o644, size=len(content), content=content, sha256=digest)


def read_whole(entry: Entry) -> bytes:
    """Return the content of the file ``entry``, read once. Raises as ``blocks``."""
    if entry.content is not None:
        return entry.content
    parts = list(blocks(entry, entry.size + 1))
    return parts[0] if len(parts) == 1 else b"".join(parts)


def blocks(entry: Entry, block: int = BLOCK) -> Iterator[bytes]:
    """Give the content of the file ``entry`` in blocks, read once.

    Raises UnreadableFileError if it cannot be read, FileChangedError if it was removed, is no regular file any more,
    has not the planned size, or was written to meanwhile.
    """
    if entry.content is not None:
        yield entry.content
        return
    source = entry.source
    if source is None:
        raise ValueError(f"{entry.path} has neither source nor content")
    with _source_errors(source), source.open() as file:
        yield from _edited(entry.edits, _blocks_of(file, source, entry.size, block))


def _edited(edits: Sequence[tuple[int, bytes]], found: Iterator[bytes]) -> Iterator[bytes]:
    """Replace bytes at some offsets."""
    begin = 0
    for data in found:
        end = begin + len(data)
        changed = None
        for offset, new in edits:
            first, last = max(offset, begin), min(offset + len(new), end)
            if first < last:
                changed = changed or bytearray(data)
                changed[first - begin : last - begin] = new[first - offset : last - offset]
        yield data if changed is None else bytes(changed)
        begin = end


def _blocks_of(file: BinaryIO, source: Source, size: int, block: int) -> Iterator[bytes]:
    before = _status(file)
    if before is not None and not stat.S_ISREG(before.st_mode):
        raise _changed(source, "it is no longer a regular file")
    seen = 0
    while data := file.read(block):
        seen += len(data)
        if seen > size:
            break
        yield data
    if seen != size:
        raise _changed(source, f"planned with {size:,} bytes, read {'more' if seen > size else f'{seen:,}'}")
    after = _status(file)
    if before is not None and after is not None and _version(before) != _version(after):
        raise _changed(source, "it was written to while it was read")


def _status(file: BinaryIO) -> os.stat_result | None:
    """Return the status of an open file; None for one in memory, which cannot change."""
    try:
        return os.fstat(file.fileno())
    except io.UnsupportedOperation:
        return None


def _version(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_size


@contextlib.contextmanager
def _source_errors(source: Source) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise _changed(source, "it is gone") from error
    except (IsADirectoryError, NotRegularError) as error:
        raise _changed(source, "it is no longer a regular file") from error
    except OSError as error:
        raise UnreadableFileError(
            f"cannot read {source}",
            context=(error.strerror or str(error),),
            hint="make it readable for you, or leave it out with --exclude",
        ) from error


def _changed(source: Source, how: str) -> FileChangedError:
    return FileChangedError(
        f"{source} changed while it was packed",
        context=(how,),
        hint="pack again once nothing writes to it (an upgrade may be running)",
    )
