"""Files of a package that a script needs which loads its modules."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_command

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lambundle.discover.evidence import FileEvidence
    from lambundle.discover.selection.catalogue import Catalogue


def module_files(
    catalogue: Catalogue, evidence: FileEvidence, package: str, modules: Iterable[str], words: Collection[str]
) -> tuple[str, ...]:
    """Return the files of a package that go with some of its ``modules``.

    Commands do if ``words``, the names in the sources, has them. A package with compiled commands, none of which is
    named, is a program with modules, such as kicad: only files beside the modules and in directories that these name
    go with them.
    """
    files = catalogue.db.files(package)
    commands = [file for file in files if is_command(file)]
    named = {file for file in commands if posixpath.basename(file) in words}
    data = tuple(file for file in files if file in named or not is_command(file))
    if named or not any(evidence.is_elf(file) for file in commands):
        return data
    beside = tuple({f"{posixpath.dirname(module)}/" for module in modules})
    near = [file for file in data if file.startswith(beside)]
    directories = [
        directory
        for directory in catalogue.own_directories(package)
        if any(evidence.contains(file, [directory]) for file in near)
    ]
    below = (*beside, *(f"{directory}/" for directory in directories))
    return tuple(file for file in data if file.startswith(below))
