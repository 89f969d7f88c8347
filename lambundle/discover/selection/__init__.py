"""Which files of which packages a program needs beyond the libraries that the loader names.

Evidence is weighed. What the program's own packages hold, and the packages they depend on, is wanted, except
what only a reader, a desktop or the machine's administration uses. A library's package counts for its private
directories, and what that package depends on is the library's business: it is taken only if it is of the
same source or named in the library itself. A name in a file says where to look, not what to take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambundle.discover.evidence import Texts
from lambundle.discover.rules import rules
from lambundle.discover.selection.catalogue import Catalogue
from lambundle.discover.selection.choice import Choice
from lambundle.discover.selection.contents import Contents
from lambundle.discover.selection.libraries import Libraries

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambundle.machine import Files
    from lambundle.packages import PackageDatabase


class Selection:
    """Packages of some programs, and what is wanted of them.

    ``has_recipe`` says of a command whether a recipe takes the place of its packages. ``choice`` chooses the
    packages, ``contents`` says what of them is wanted, ``libraries`` what loaded libraries' packages hold for them;
    ``texts`` is what the files of all of them say.
    """

    def __init__(
        self, packages: PackageDatabase, files: Files, has_recipe: Callable[[str], bool] = lambda _: False
    ) -> None:
        self.texts = Texts(files)
        catalogue = Catalogue(packages, files, rules())
        self.choice = Choice(catalogue, self.texts, has_recipe)
        self.contents = Contents(self.choice)
        self.libraries = Libraries(self.choice)
