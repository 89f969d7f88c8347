"""Python's bytecode: what lies compiled beside a source on this machine, in the form that is valid in a bundle.

A ``.pyc`` names the time and size of its source and counts for nothing where they differ (PEP 552). In a bundle every
time is the same and nothing can be written, so without more every start would compile every module again. In the other
form of PEP 552 a hash stands in their place, and a flag says that nobody need compare it: a bundle does not change.
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
"""The flag that a hash follows; it is compared only if the next flag is set too."""

_INTERPRETER = re.compile(r"(?:lib)?(python|pypy)(\d+)\.(\d+)(?:-c|\.so\..*)?")
_TAGS = {"python": "cpython", "pypy": "pypy"}
"""How an implementation is called in the names of its files (PEP 3147)."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled file and its source, by their absolute paths, and how the former has to begin in a bundle."""

    path: str
    source: str
    head: bytes
    size: int


def take_bytecode(mirror: Mirror, files: Files, limit: int) -> int:
    """Add what is compiled of the Python sources of ``mirror``, for the Pythons that are in it.

    It makes programs faster, and must not be what keeps them from fitting: where all would come to more than ``limit``
    bytes, nothing is added. Return the bytes that were left out for that reason.
    """
    found = [item for item in bytecode(mirror, files) if not mirror.excludes(item.path)]
    size = sum(item.size for item in found)
    if mirror.size + size > limit:
        return size
    for item in found:
        try:
            real = mirror.add(item.path, Reason("compiled", item.source))
        except LambundleError:  # not for us to read: Python compiles the source
            continue
        if real is not None:
            mirror.replace_head(real, item.head)
    return 0


def bytecode(mirror: Mirror, files: Files) -> Iterator[Compiled]:
    """Find what is compiled of the Python sources of ``mirror`` for its Pythons, and would be used here."""
    tags = _tags(mirror.files())
    for source in mirror.paths(".py") if tags else ():
        for path in _compiled(source, tags):
            try:
                head, size = valid_head(files, path, files.stat(source)), files.size(path)
            except OSError:  # there is none; or a link that leads out of what is packed
                continue
            if head is not None:
                yield Compiled(path, source, head, size)


def source_of(path: str) -> str | None:
    """Return the path of the source that a compiled file belongs to by its name (PEP 3147), or None."""
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
    """Return how the file ``path``, compiled of ``source``, has to begin in a bundle.

    None where it is not there, cannot be read, or would not be used here: then it is not worth its bytes.
    """
    head = files.read(path, _HEADER.size)
    if len(head) < _HEADER.size:
        return None
    magic, flags, time, size = _HEADER.unpack(head)
    if flags & _HASHED:
        return head
    if flags or (time, size) != (int(source.st_mtime) & 0xFFFFFFFF, source.st_size & 0xFFFFFFFF):
        return None
    return _HEADER.pack(magic, _HASHED, 0, 0)
