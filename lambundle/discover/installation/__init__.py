"""Files of unpackaged programs: unpacked below /opt, built in /usr/local, installed by npm or pip.

A Node.js module has a ``package.json``, a Python distribution a RECORD, conda a list for each package. Files of other
programs are found by location, and by the names in a script of what lies beside it.
Modules that a script loads may be packaged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.discover.installation import conda, node, prefix, python
from lambundle.discover.installation.beside import files_beside
from lambundle.discover.installation.modules import loaded_modules
from lambundle.discover.installation.prefix import shared_directories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.discover.evidence import FileEvidence
    from lambundle.machine import Machine


def installed_files(
    machine: Machine, real: str, interpreter: str | None, is_owned: Callable[[str], bool], evidence: FileEvidence
) -> Iterator[tuple[str, str]]:
    """Return the world-readable files of an unpackaged program, each with a detail for its reason.

    ``real`` is the program's real path, ``interpreter`` the path of a script's interpreter. ``is_owned`` returns
    whether a package owns a path.
    """
    if not is_owned(real):
        yield from _around(machine, real, interpreter, is_owned, evidence)
        if interpreter is not None:
            is_python = python.is_python(interpreter)
            sources = python.own_sources(machine.files, real) if is_python else ()
            yield from files_beside(machine.files, real, sources, shared_directories(machine))
    if interpreter is not None and not is_owned(machine.files.real(interpreter)):
        yield from _around(machine, interpreter, None, is_owned, evidence)


def imported_files(
    machine: Machine, real: str, interpreter: str, is_owned: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Return the files of the modules that an unpackaged script loads, each with a detail for its reason.

    Of a packaged module only one file is returned, to find its package.
    """
    if is_owned(real):
        return
    if python.is_python(interpreter):
        yield from python.imported_files(machine, real, interpreter, is_owned)
    else:
        yield from loaded_modules(machine, real, interpreter, is_owned)


def _around(
    machine: Machine,
    program: str,
    interpreter: str | None,
    is_owned: Callable[[str], bool],
    evidence: FileEvidence,
) -> Iterator[tuple[str, str]]:
    """Return the files of a program by the way in which it was installed, else by its location."""
    files = machine.files
    if python.is_python(program):
        yield from python.standard_library(files, program)
        return
    if python.is_python_command(files, program):
        of_distribution = [*python.distribution_files(files, program)]
        yield from of_distribution
        if of_distribution:
            return
    of_conda = [*conda.package_files(files, program)]
    module = None if interpreter is None or python.is_python(interpreter) else node.module_of(files, program)
    if of_conda:
        yield from of_conda
    elif module is not None:
        yield from node.modules(files, module)
    else:
        yield from prefix.prefix_files(machine, files.real(program), is_owned, evidence)
