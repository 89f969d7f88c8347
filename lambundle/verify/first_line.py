"""Why the kernel cannot start a file, by its first bytes."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.elf.headers import MAGIC
from lambundle.scripts.shebang import parse_first_line

if TYPE_CHECKING:
    from collections.abc import Callable

SHELLS = frozenset({"sh", "bash"})

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
        return _shebang_fault(shlex.quote(name), head, is_there)
    if not head:
        return StartFault("is empty", f"write {name} again and zip again")
    if head.startswith(_MARK):
        return _edited(
            "begins with a byte order mark, so that #! is not seen", f"1s/^\\xEF\\xBB\\xBF//' {shlex.quote(name)}"
        )
    return _edited("has no first line with #!, and is no program", f"1i #!/bin/sh' {shlex.quote(name)}")


def _shebang_fault(file: str, head: bytes, is_there: Callable[[str], bool]) -> StartFault | None:
    if head.partition(b"\n")[0].endswith(b"\r"):
        return _edited("has lines that end in CR LF, its first line too", f"s/\\r$//' {file}")
    line = parse_first_line(head)
    if line is None:
        return _edited("has a first line that names no interpreter", f"1s,.*,#!/bin/sh,' {file}")
    return None if is_there(line.interpreter) else _absent(line.interpreter)


def _edited(why: str, script: str) -> StartFault:
    return StartFault(why, f"sed -i '{script}, then zip again (zip -ry keeps modes and links)")


def _absent(interpreter: str) -> StartFault:
    why = f"has a first line that names {interpreter}, which is neither in the bundle nor on Lambda"
    base = posixpath.basename(interpreter)
    if base in SHELLS:
        return StartFault(why, f"let its first line be #!/bin/{base}", interpreter)
    layer = f"lambundle pack {shlex.quote(base)}, give the function that layer (--layer {shlex.quote(f'{base}.zip')})"
    return StartFault(why, f"{layer}, and let the first line be #!/opt/bin/{base}", interpreter)
