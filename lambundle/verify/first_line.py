"""What the kernel finds in the first bytes of a file that is to be started, and why it may refuse it."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.elf.headers import MAGIC
from lambundle.verify.sandbox.hostroot import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = 4096
"""Bytes of a file that are read for its first line; the kernel itself reads 256."""
SHELLS = frozenset({"sh", "bash"})
PROGRAM = re.compile(r"/(?:usr/(?:local/)?)?s?bin/([^/]+)")
"""Where programs of a machine are."""

_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class StartFault:
    """Why a file cannot be started. ``interpreter`` is the one that is not there, where that is the reason."""

    why: str
    cure: str
    interpreter: str = ""


def fault_of(name: str, head: bytes, is_there: Callable[[str], bool]) -> StartFault | None:
    """Why the kernel cannot start a file ``name`` that begins with ``head``; None when its first bytes are right.

    ``is_there`` tells whether a path is in the bundle, in a layer or on Lambda. Of an ELF file nothing is said.
    """
    if head.startswith(MAGIC):
        return None
    if head.startswith(b"#!"):
        return _of_line(shlex.quote(name), head.partition(b"\n")[0], is_there)
    if not head:
        return StartFault("is empty", f"write {name} again and zip again")
    if head.startswith(_MARK):
        return _edited(
            "begins with a byte order mark, so that #! is not seen", f"1s/^\\xEF\\xBB\\xBF//' {shlex.quote(name)}"
        )
    return _edited("has no first line with #!, and is no program", f"1i #!/bin/sh' {shlex.quote(name)}")


def _of_line(file: str, line: bytes, is_there: Callable[[str], bool]) -> StartFault | None:
    if line.endswith(b"\r"):
        return _edited("has lines that end in CR LF, its first line too", f"s/\\r$//' {file}")
    words = line[2:].decode(errors="replace").split()
    if not words:
        return _edited("has a first line that names no interpreter", f"1s,.*,#!/bin/sh,' {file}")
    return None if is_there(words[0]) else _absent(words[0])


def _edited(why: str, script: str) -> StartFault:
    return StartFault(why, f"sed -i '{script}, then zip again (zip -ry keeps modes and links)")


def _absent(interpreter: str) -> StartFault:
    why = f"has a first line that names {interpreter}, which is neither in the bundle nor on Lambda"
    base = posixpath.basename(interpreter)
    if base in SHELLS:
        return StartFault(why, f"let its first line be #!/bin/{base}", interpreter)
    layer = f"lambundle pack {shlex.quote(base)}, give the function that layer (--layer {shlex.quote(f'{base}.zip')})"
    return StartFault(why, f"{layer}, and let the first line be #!/opt/bin/{base}", interpreter)


def is_on_host(path: str) -> bool:
    """Whether Lambda itself has the program at ``path``."""
    match = PROGRAM.fullmatch(posixpath.normpath(path))
    return match is not None and "/local/" not in path and match[1] in PROGRAMS
