"""The content of the files of made-up machines: just enough for rules to find in them what they find in real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.unit.machines.listing import Sort
from tests.unit.test_elf import make_elf

if TYPE_CHECKING:
    from tests.unit.machines.listing import File

_NEEDED, _SONAME, _DEBUG = 1, 14, 21
_DYNAMIC, _EXECUTABLE = 3, 2


@dataclass(frozen=True, slots=True)
class Libc:
    """A family's C library: its soname, its loader, and the directories that are built into that."""

    soname: str
    loader: str
    directories: tuple[str, ...] = ()


def content(file: File, libc: Libc) -> bytes:
    """Return what stands in a file that is neither a link nor a directory."""
    if file.sort is Sort.PLAIN:
        return "\n".join(file.evidence).encode()
    if file.sort is Sort.SCRIPT:
        return "\n".join((f"#!{file.interpreter}", *file.evidence, "")).encode()
    return _elf(file, libc)


def _elf(file: File, libc: Libc) -> bytes:
    # The loader is found by the file that the interpreter's name leads to, so every name of it will do.
    is_loader = file.soname == libc.loader.rpartition("/")[2] or libc.loader == file.path
    evidence = [text.encode() for text in file.evidence]
    if is_loader:
        evidence += [f"{directory}/".encode() for directory in libc.directories]
    needed = list(file.needed)
    if not is_loader and file.soname != libc.soname:
        needed.append(libc.soname)
    dynamic: list[tuple[int, bytes | int]] = [(_NEEDED, name.encode()) for name in needed]
    if file.soname:
        dynamic.append((_SONAME, file.soname.encode()))
    is_program = file.sort is Sort.PROGRAM
    strings = b"\0" + b"".join(text + b"\0" for text in evidence)
    if file.sort is Sort.STATIC:
        return make_elf(type_=_EXECUTABLE, entry=64) + strings
    return make_elf(
        type_=_DYNAMIC,
        entry=64 if is_program else 0,
        interpreter=libc.loader.encode() if is_program else None,
        dynamic=dynamic or [(_DEBUG, 0)],
        strings=strings,
    )
