"""Small commands of a program's own package, added without evidence.

Which of them a program starts is often in its data (groff's devices) or computed (ps2pdf's version).
"""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_command
from lambundle.scripts.shebang import is_shell, read_shebang

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambundle.discover.selection.packages import PackageSelection
    from lambundle.machine import Files

CHEAP = 4 << 20
"""Most bytes of all commands of a package that are added without evidence."""

SEARCH = ("/usr/bin", "/bin")


def cheap_commands(selection: PackageSelection, package: str, commands: Iterable[str]) -> list[str]:
    """Return the commands of a package that bring no dependencies, unless they have more than CHEAP bytes.

    They need only libraries that the programs are linked with, and interpreters that the package depends on. A
    recommended interpreter is enough if the package's data name the script, as groff's name its PDF writer.
    """
    linked = {soname for program in selection.programs for soname in selection.evidence.needed(program) or ()}
    dependencies = selection.catalogue.closure(package, 2)
    found, scripts = [], []
    for file in commands:
        sonames = selection.evidence.needed(file)
        if sonames is None:
            owner = _interpreters_owner(selection, file)
            if owner in dependencies:
                found.append(file)
            elif owner in selection.held_back or owner in selection.chosen:
                scripts.append(file)
        elif sonames <= linked:
            found.append(file)
    found += named_in_data(selection, package, scripts)
    return found if size(selection.files, (file for file in found if file not in selection.programs)) <= CHEAP else []


def size(files: Files, paths: Iterable[str]) -> int:
    """Return the bytes of some files, each counted once under all its names."""
    return sum(map(files.size, set(map(files.real, paths))))


def named_in_data(selection: PackageSelection, package: str, commands: Iterable[str]) -> list[str]:
    """Return the commands that a small data file of the package names."""
    data = [file for file in selection.db.files(package) if not (is_command(file) or selection.rules.is_unwanted(file))]
    return [file for file in commands if selection.evidence.any_contains(data, os.fsencode(posixpath.basename(file)))]


def _interpreters_owner(selection: PackageSelection, path: str) -> str:
    """Return the owner of a script's interpreter; of a shell script its own, since the shell is in every bundle."""
    shebang = read_shebang(selection.files, path, SEARCH)
    if shebang is None:
        return ""
    interpreter = path if is_shell(shebang.interpreter) else shebang.interpreter
    return selection.db.owner(selection.files.real(interpreter)) or ""
