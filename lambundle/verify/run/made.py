"""The files that a job made: the sandbox itself copies them out of its /tmp."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lambundle.target import TMP
from lambundle.verify.sandbox.interface import Command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lambundle.verify.sandbox.interface import Limits, Sandbox

FILES_MAX = 20_000
"""So many files of a run are looked at."""

_OUT = "/run/lambundle-made"
_COPY = ("/bin/sh", "-c", 'cp -RP "$1" "$2/." "$3"; chmod -R a+rwX "$3"/* "$3"/.[!.]*', "sh")
"""Copies a directory; whoever made a file for itself alone, it can be read here."""
_HERE, _EVERYWHERE = "-x", "-f"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class MadeFile:
    """A file that a job made: ``path`` in the sandbox, ``place`` of its copy here, ``size`` in bytes."""

    path: str
    place: Path
    size: int
    is_executable: bool = False

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its content."""
        digest = hashlib.sha256()
        for block in self._blocks():
            digest.update(block)
        return digest.hexdigest()

    def read(self, most: int) -> bytes:
        """Its first bytes, at most so many."""
        return b"".join(self._blocks(most))[:most]

    def _blocks(self, most: int | None = None) -> Iterator[bytes]:
        with open_made(self.place) as file:
            while (most is None or file.tell() < most) and (block := file.read(_BLOCK)):
                yield block


@dataclass(frozen=True, slots=True)
class Made:
    """What a job made, by path; ``is_whole`` is false where there were more files than are looked at."""

    files: Mapping[str, MadeFile] = field(default_factory=dict)
    is_whole: bool = True

    def without(self, given: Path | None, top: str) -> Made:
        """The same without the files in the tree ``given``, which was copied to ``top``, that are as they were."""
        if given is None:
            return self
        left = {path: file for path, file in self.files.items() if not _is_given(file, given, top)}
        return replace(self, files=left)


def _is_given(file: MadeFile, given: Path, top: str) -> bool:
    if not file.path.startswith(f"{top}/"):
        return False
    source = given / file.path[len(top) + 1 :]
    if not source.is_file() or source.stat().st_size != file.size:
        return False
    with source.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() == file.digest


def open_made(place: Path) -> BinaryIO:
    """Open a copy for reading; no link is followed, whatever a job left there. Raise OSError."""
    return os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb")


def collect(sandbox: Sandbox, top: str, to: Path, limits: Limits, *, without: Sequence[str] = ()) -> Made:
    """Copy what lies below ``top``, in the sandbox's /tmp, into the new directory ``to``.

    Paths that begin with one of ``without`` are left out, and files larger than /tmp, which are mostly holes.
    ``without`` that lie in /tmp are other file systems. Raise SandboxError.
    """
    to.mkdir(parents=True)
    only = _HERE if any(path.startswith(f"{TMP}/") for path in without) else _EVERYWHERE
    command = Command([*_COPY, only, top, _OUT], {"PATH": "/usr/bin:/bin"}, {}, "/", limits=limits, writable={_OUT: to})
    sandbox.start(command).wait(limits.seconds)
    found: dict[str, MadeFile] = {}
    for place, status in _files(to):
        path = f"{top}/{place.relative_to(to)}"
        if path.startswith(tuple(without)) or status.st_size > limits.tmp:
            continue
        if len(found) >= FILES_MAX:
            return Made(found, is_whole=False)
        found[path] = MadeFile(path, place, status.st_size, bool(status.st_mode & 0o111))
    return Made(found)


def _files(top: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every regular file in a tree of ours, in the order of their names."""
    for place, directories, names in os.walk(top):
        directories.sort()
        for name in sorted(names):
            status = os.lstat(path := os.path.join(place, name))
            if stat.S_ISREG(status.st_mode):
                yield Path(path), status
