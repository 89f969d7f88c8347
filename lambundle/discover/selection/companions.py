"""Commands beside a program, of its own package, that cost little but themselves.

Which of them a program starts is often written in data (groff's devices) or put together (ps2pdf's version), so where
they cost next to nothing they come without evidence.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lambundle.discover.scripts import is_shell, read_shebang
from lambundle.elf import read_elf
from lambundle.errors import LambundleError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from lambundle.discover.selection.choice import Choice

CHEAP = 4 << 20
"""Bytes that the companions of a program may have together."""

SEARCH = ("/usr/bin", "/bin")


def companions(choice: Choice, package: str, commands: Iterable[str]) -> list[str]:
    """Return those of a package's commands that need no more than its program does, if together they are small.

    That is: no library that the programs are not linked with, and no interpreter that the package does not ask for.
    """
    linked = {soname for program in choice.started for soname in _needed(program) or ()}
    asked = choice.catalogue.closure(package, 2)
    found = []
    for file in commands:
        needed = _needed(file)
        if needed <= linked if needed is not None else _is_script_of(choice, file, asked):
            found.append(file)
    real = {os.path.realpath(file) for file in found} - choice.started.keys()
    return found if sum(map(os.path.getsize, real)) <= CHEAP else []


def _needed(path: str) -> set[str] | None:
    """Sonames that a compiled program is linked with; None for anything else."""
    try:
        return set(read_elf(path).needed)
    except LambundleError:
        return None


def _is_script_of(choice: Choice, path: str, asked: Container[str]) -> bool:
    """Whether a script has an interpreter that costs nothing, or is of a package that was asked for."""
    shebang = read_shebang(path, SEARCH)
    if shebang is None:
        return False
    return is_shell(shebang.interpreter) or (choice.db.owner(os.path.realpath(shebang.interpreter)) or "") in asked
