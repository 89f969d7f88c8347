"""Files of a program that no package owns: one unpacked below /opt, built in /usr/local, brought by npm or pip.

No database lists its files, so its place has to say what is its own. Node.js and Python say it themselves: a module
has a ``package.json``, a distribution its RECORD. Of everything else it is the directories around the program. A script
loads modules besides, which may be a package's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.discover.installation import node, prefix, python
from lambundle.discover.installation.modules import asked_modules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.discover.evidence import Texts
    from lambundle.machine import Machine


def belongings(
    machine: Machine, real: str, interpreter: str | None, owned: Callable[[str], bool], texts: Texts
) -> Iterator[tuple[str, str]]:
    """Give the files that belong to a program of no package by its place, each with what it is a part of.

    ``real`` is the program's real path, ``interpreter`` the path of the program that runs it if it is a script,
    ``owned`` says of a path whether a package has it. Only what everybody may read is given.
    """
    if not (owned(real) or (interpreter is not None and python.is_python(interpreter))):
        yield from _around(machine, real, owned, texts)
    if interpreter is not None and not owned(machine.files.real(interpreter)):
        yield from _around(machine, interpreter, owned, texts)


def imported(machine: Machine, real: str, interpreter: str, owned: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Give the files of the modules that a script of no package loads, each with what it is a part of.

    Of a module that a package has there is no more than a file, by which to know the package.
    """
    if owned(real):
        return
    if python.is_python(interpreter):
        yield from python.imported(machine, real, interpreter, owned)
    else:
        yield from asked_modules(machine, real, interpreter, owned)


def _around(machine: Machine, program: str, owned: Callable[[str], bool], texts: Texts) -> Iterator[tuple[str, str]]:
    files = machine.files
    module = node.module_of(files, program)
    if python.is_python(program):
        yield from python.standard_library(files, program)
    elif python.is_of_python(files, program):
        yield from python.brought_with(files, program)
    elif module is not None:
        yield from node.modules(files, module)
    else:
        yield from prefix.around(machine, files.real(program), owned, texts)
