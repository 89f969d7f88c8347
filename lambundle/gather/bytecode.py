"""Python's bytecode: the compiled files beside sources, in a form that is valid in a bundle.

A timestamp-based ``.pyc`` is valid only if its source has the recorded time and size (PEP 552). A bundle has other
times and is read-only, so every start would compile every module. Its ``.pyc`` become unchecked hash-based ones.
"""

from __future__ import annotations

import posixpath
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.errors import LambundleError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from lambundle.gather.mirror import Mirror
    from lambundle.machine import Files

_HEADER = struct.Struct("<4sIII")
"""The magic number, flags, and the source's time and size, each modulo 2**32."""

_HASHED = 1
"""The flag of a hash-based file; the hash is checked only if the next flag is set too."""

_INTERPRETER = re.compile(r"(?:lib)?(python|pypy)(\d+)\.(\d+)(?:-c|\.so\..*)?")
_TAGS = {"python": "cpython", "pypy": "pypy"}
"""Implementations and their names in the tags of files (PEP 3147)."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled file and its source, absolute paths, with its header in a bundle and its bytes."""

    path: str
    source: str
    head: bytes
    size: int


def add_bytecode(mirror: Mirror, files: Files, limit: int) -> int:
    """Add the bytecode of the Python sources in ``mirror`` for its Pythons; return the bytes left out.

    If the bundle would have more than ``limit`` bytes with it, none is added.
    """
    found = [item for item in bytecode(mirror, files) if not mirror.excludes(item.path)]
    size = sum(item.size for item in found)
    if mirror.size + size > limit:
        return size
    for item in found:
        try:
            real = mirror.add(item.path, Reason("compiled", item.source))
        except LambundleError:  # unreadable: Python compiles the source
            continue
        if real is not None:
            mirror.replace_head(real, item.head)
    return 0


def bytecode(mirror: Mirror, files: Files) -> Iterator[Compiled]:
    """Return the valid bytecode of the Python sources in ``mirror`` for its Pythons."""
    tags = _tags(mirror.files())
    for source in mirror.paths(".py") if tags else ():
        for path in _compiled(source, tags):
            try:
                head, size = valid_head(files, path, files.stat(source)), files.size(path)
            except OSError:  # it or its source does not exist here
                continue
            if head is not None:
                yield Compiled(path, source, head, size)


def source_of(path: str) -> str | None:
    """Return the source of a compiled file by its name (PEP 3147); None for any other path."""
    directory, name = posixpath.split(path)
    parent, cache = posixpath.split(directory)
    if cache != "__pycache__" or not name.endswith(".pyc"):
        return None
    return f"{parent}/{name.split('.')[0]}.py"


def _tags(files: Iterable[str]) -> set[str]:
    """Return the tags of the Pythons among some files, such as ``cpython-311``."""
    names = (_INTERPRETER.fullmatch(posixpath.basename(path)) for path in files)
    found = {match.groups() for match in names if match}
    return {f"{_TAGS[name]}{'-' if name == 'python' else ''}{major}{minor}" for name, major, minor in found}


def _compiled(source: str, tags: Iterable[str]) -> Iterator[str]:
    directory, name = posixpath.split(source)
    for tag in sorted(tags):
        yield f"{directory}/__pycache__/{name.removesuffix('.py')}.{tag}.pyc"


def valid_head(files: Files, path: str, source: os.stat_result) -> bytes | None:
    """Return the header that the bytecode ``path`` of ``source`` has in a bundle; None if it is not valid here."""
    head = files.read(path, _HEADER.size)
    if len(head) < _HEADER.size:
        return None
    magic, flags, time, size = _HEADER.unpack(head)
    if flags & _HASHED:
        return head
    if flags or (time, size) != (int(source.st_mtime) & 0xFFFFFFFF, source.st_size & 0xFFFFFFFF):
        return None
    return _HEADER.pack(magic, _HASHED, 0, 0)
