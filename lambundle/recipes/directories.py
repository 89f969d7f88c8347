"""The directories of a recipe: whether a program is the one that the recipe is for, and where its own files are.

A name is not enough. A script that starts gcc, a link to ccache and a compiler for another machine are named like gcc.
"""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.elf.headers import read_elf
from lambundle.errors import LambundleError
from lambundle.target import MACHINES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lambundle.machine import Files

MAX_PROGRAM = 256 << 20
"""Bytes of a program that are searched for its directories."""

_CONFIGURED = re.compile(rb"\0(/[^\0]{1,200}/gcc(?:-cross)?)/(?=\0)")


def directories(
    files: Files, wanted: Mapping[str, Sequence[str]], target: str, real: str
) -> Mapping[str, tuple[str, ...]] | None:
    """Return the variables of a recipe for the program at a real path; None if one has no directory.

    ``wanted`` are the patterns of each variable, ``target`` is the recipe's.
    """
    variables: dict[str, tuple[str, ...]] = {"prefix": (posixpath.dirname(posixpath.dirname(real)),)}
    content = files.read(real, MAX_PROGRAM) if wanted else b""
    for name, patterns in wanted.items():
        found = [
            path
            for pattern in patterns
            for text in filled(pattern, variables)
            for path in files.glob(text)
            if _is_built_in(path, content) and _is_for(files, target, real, path.split("/")[-2])
        ]
        if not found:
            return None
        variables[name] = tuple(found)
        variables["machine"] = (found[0].split("/")[-2],)
        variables["version"] = (found[0].split("/")[-1],)
        variables["built"] = (_built_for(content) or posixpath.dirname(posixpath.dirname(found[0])),)
    return variables


def filled(text: str, variables: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Return a text with each combination of the variables' values; ``{interpreter}`` and ``{rpath}`` stay."""
    for name, values in variables.items():
        if f"{{{name}}}" in text:
            for value in values:
                yield from filled(text.replace(f"{{{name}}}", value), variables)
            return
    yield text


def _is_built_in(path: str, content: bytes) -> bool:
    """Return whether both names of a directory ``…/MACHINE/VERSION`` are in a program.

    The linker merges strings with the same end, so the machine may end a longer one; the version is a whole string or
    begins the full version (directory 12, version 12.2.0).
    """
    machine, version = (os.fsencode(part) for part in path.split("/")[-2:])
    is_version = re.search(rb"\x00" + re.escape(version) + rb"(\.[0-9]+)*\x00", content)
    return machine + b"\0" in content and is_version is not None


def _built_for(content: bytes) -> str | None:
    """Return the directory that a compiler was configured for: its specs are found there, wherever it was moved."""
    found = (os.fsdecode(path) for path in _CONFIGURED.findall(content))
    return next((path for path in found if "/libexec/" not in path), None)


def _is_for(files: Files, target: str, real: str, machine: str) -> bool:
    """Return whether what a compiler makes for ``machine`` runs where the compiler itself does, if ``target`` asks."""
    return not target or (target == "own") == _is_own(files, real, machine)


def _is_own(files: Files, real: str, machine: str) -> bool:
    """Return whether a machine such as x86_64-pc-linux-gnu is that of the program: processor and C library.

    A static program has no C library of its own: what it makes needs the one that it was unpacked with.
    """
    try:
        elf = read_elf(files, real)
    except LambundleError:
        return False
    if elf.interpreter is None:
        return False
    processor, _, system = machine.partition("-")
    libc = "musl" if "ld-musl" in elf.interpreter else "gnu"
    has_libc = system.endswith(("linux", "linux-gnu")) if libc == "gnu" else system.endswith("linux-musl")
    return processor == MACHINES.get(elf.machine) and has_libc
