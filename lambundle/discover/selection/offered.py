"""Which files of a package are of use to a script that loads modules of it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.discover.rules import is_command

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lambundle.discover.evidence import Texts
    from lambundle.discover.selection.catalogue import Catalogue


def offered(
    catalogue: Catalogue, texts: Texts, package: str, modules: Iterable[str], words: Collection[str]
) -> tuple[str, ...]:
    """Return the files of a package that come with some of its ``modules``.

    Its commands do if they are among ``words``, the names in the sources. A package of compiled commands that nobody
    names is a program that offers modules besides, as kicad does: of it come what lies beside the modules, and the
    directories that they name.
    """
    files = catalogue.db.files(package)
    commands = [file for file in files if is_command(file)]
    named = {file for file in commands if posixpath.basename(file) in words}
    data = tuple(file for file in files if file in named or not is_command(file))
    if named or not any(texts.is_elf(file) for file in commands):
        return data
    beside = tuple({f"{posixpath.dirname(module)}/" for module in modules})
    near = [file for file in data if file.startswith(beside)]
    homes = [home for home in catalogue.homes(package) if any(texts.holds(file, [home]) for file in near)]
    below = (*beside, *(f"{home}/" for home in homes))
    return tuple(file for file in data if file.startswith(below))
