"""Commands beside a program, of its own package, that cost little but themselves.

Which of them a program starts is often written in data (groff's devices) or put together (ps2pdf's version), so where
they cost next to nothing they come without evidence.
"""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_command
from lambundle.scripts.shebang import is_shell, read_shebang

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.discover.selection.choice import Choice
    from lambundle.machine import Files

CHEAP = 4 << 20
"""Bytes that commands may have together which come without a name that speaks for each."""

SEARCH = ("/usr/bin", "/bin")


def companions(choice: Choice, package: str, commands: Iterable[str]) -> list[str]:
    """Return those of a package's commands that need no more than its program does, if together they are small.

    That is: no library that the programs are not linked with, and no interpreter that the package does not depend on.
    One that it only recommends is enough for a script that its data name, as groff's do the writer of PDF.
    """
    linked = {soname for program in choice.started for soname in choice.texts.needed(program) or ()}
    asked = choice.catalogue.closure(package, 2)
    found, others = [], []
    for file in commands:
        sonames = choice.texts.needed(file)
        if sonames is None:
            owner = _interpreters_owner(choice, file)
            if owner in asked:
                found.append(file)
            elif owner in choice.held_back or owner in choice.packages:
                others.append(file)
        elif sonames <= linked:
            found.append(file)
    found += named_in_data(choice, package, others)
    return found if size(choice.files, (file for file in found if file not in choice.started)) <= CHEAP else []


def size(files: Files, paths: Iterable[str]) -> int:
    """Bytes of some files, each counted once whatever its names."""
    return sum(map(files.size, set(map(files.real, paths))))


def named_in_data(choice: Choice, package: str, commands: Iterable[str]) -> list[str]:
    """Return those commands whose names stand in a small file of data of a package."""
    data = [file for file in choice.db.files(package) if not (is_command(file) or choice.rules.is_unwanted(file))]
    return [file for file in commands if choice.texts.any_names(data, os.fsencode(posixpath.basename(file)))]


def _interpreters_owner(choice: Choice, path: str) -> str:
    """The package of a script's interpreter; of a shell's script its own, since a shell costs nothing."""
    shebang = read_shebang(choice.files, path, SEARCH)
    if shebang is None:
        return ""
    interpreter = path if is_shell(shebang.interpreter) else shebang.interpreter
    return choice.db.owner(choice.files.real(interpreter)) or ""
