"""Selection of the packages and files that a program needs beyond DT_NEEDED.

Files of the program's packages and their dependencies are selected, except those for readers, desktops or
administration. Of a library's package only private directories are, and of its dependencies only packages of the same
source or files that the library names. A name in a file tells where to look; it is never enough to add a file.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.evidence import FileEvidence
from lambundle.discover.rules import rules
from lambundle.discover.selection.add_ons import stands_for
from lambundle.discover.selection.catalogue import Catalogue
from lambundle.discover.selection.libraries import Libraries
from lambundle.discover.selection.offered import offered_commands
from lambundle.discover.selection.package_files import PackageFiles
from lambundle.discover.selection.packages import PackageSelection
from lambundle.errors import PackageNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambundle.machine import Files
    from lambundle.packages import PackageDatabase


class Selection:
    """Packages of some programs, and the files of these to add.

    ``has_recipe`` returns whether a recipe takes the place of a command's packages. ``packages`` selects packages,
    ``files`` their files, ``libraries`` the files for loaded libraries; ``evidence`` searches files for all of them.
    """

    def __init__(
        self, packages: PackageDatabase, files: Files, has_recipe: Callable[[str], bool] = lambda _: False
    ) -> None:
        self.evidence = FileEvidence(files)
        catalogue = Catalogue(packages, files, rules())
        self.packages = PackageSelection(catalogue, self.evidence, has_recipe)
        self.files = PackageFiles(self.packages)
        self.libraries = Libraries(self.packages)

    def notes(self) -> Iterator[str]:
        """Return notes on what was left out of the selected packages, and on commands that are only recommended."""
        yield from self.files.left_out.notes()
        offered = offered_commands(self.packages)
        if offered is not None:
            yield offered

    def add_named(self, name: str) -> None:
        """Select a package that the user named, or the packages that an empty one stands for, as a whole.

        Raises PackageNotFoundError.
        """
        database = self.packages.db
        package = database.package(name)
        if package is None:
            near = difflib.get_close_matches(name, sorted(database.packages()), n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "install it first"
            raise PackageNotFoundError(f"no package {name} is installed", hint=hint)
        reason = Reason("named", None, package.name)
        for part in (package.name, *sorted(stands_for(database, package.name, rules().is_unwanted))):
            self.packages.add_part(part, reason, whole=True)
