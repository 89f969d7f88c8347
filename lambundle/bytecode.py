"""Python's bytecode: what lies compiled beside a source on this machine, in the form that is valid in a bundle.

A ``.pyc`` names the time and size of its source and counts for nothing where they differ (PEP 552). In a bundle every
time is the same and nothing can be written, so without more every start would compile every module again. In the other
form of PEP 552 a hash stands in their place, and a flag says that nobody need compare it: a bundle does not change.
"""

from __future__ import annotations

import os
import posixpath
import re
import struct
from typing import TYPE_CHECKING

from lambundle.errors import LambundleError
from lambundle.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.mirror import Mirror

_HEADER = struct.Struct("<4sIII")
"""The magic number, flags, and the source's time and size, each modulo 2**32."""

_HASHED = 1
"""The flag that a hash follows; it is compared only if the next flag is set too."""

_INTERPRETER = re.compile(r"(?:lib)?(python|pypy)(\d+)\.(\d+)(?:-c|\.so\..*)?")
_TAGS = {"python": "cpython", "pypy": "pypy"}
"""How an implementation is called in the names of its files (PEP 3147)."""


def take_bytecode(mirror: Mirror) -> None:
    """Add what is compiled of the Python sources of ``mirror``, for the Pythons that are in it."""
    tags = _tags(mirror.files())
    if not tags:
        return
    for source in mirror.paths(".py"):
        try:
            found = os.stat(source)
        except OSError:  # a link that leads out of what is packed
            continue
        for path in _compiled(source, tags):
            head = valid_head(path, found)
            if head is not None:
                _take(mirror, path, head, source)


def _take(mirror: Mirror, path: str, head: bytes, source: str) -> None:
    try:
        real = mirror.add(path, Reason("compiled", source))
    except LambundleError:  # not for us to read: Python compiles the source
        return
    if real is not None:
        mirror.replace_head(real, head)


def _tags(files: Iterable[str]) -> set[str]:
    """Return the tags of the Pythons among some files, such as ``cpython-311``."""
    names = (_INTERPRETER.fullmatch(posixpath.basename(path)) for path in files)
    found = {match.groups() for match in names if match}
    return {f"{_TAGS[name]}{'-' if name == 'python' else ''}{major}{minor}" for name, major, minor in found}


def _compiled(source: str, tags: Iterable[str]) -> Iterator[str]:
    directory, name = posixpath.split(source)
    for tag in sorted(tags):
        yield f"{directory}/__pycache__/{name.removesuffix('.py')}.{tag}.pyc"


def valid_head(path: str, source: os.stat_result) -> bytes | None:
    """Return how the file ``path``, compiled of ``source``, has to begin in a bundle.

    None where it is not there, cannot be read, or would not be used here: then it is not worth its bytes.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe put there must not hang us
        try:
            head = os.read(fd, _HEADER.size)
        finally:
            os.close(fd)
    except OSError:
        return None
    if len(head) < _HEADER.size:
        return None
    magic, flags, time, size = _HEADER.unpack(head)
    if flags & _HASHED:
        return head
    if flags or (time, size) != (int(source.st_mtime) & 0xFFFFFFFF, source.st_size & 0xFFFFFFFF):
        return None
    return _HEADER.pack(magic, _HASHED, 0, 0)
