"""Files that loaded libraries need beyond libraries that they are linked with."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.rules import is_command, is_public_library, is_versioned_library
from lambundle.discover.selection.catalogue import SHALLOW, is_libc
from lambundle.gather.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from lambundle.discover.selection.choice import Choice


class Libraries:
    """What the packages of loaded libraries hold for them, and what files open by name."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._files = choice.files
        self._catalogue = choice.catalogue
        self._db = choice.db
        self._rules = choice.rules
        self._texts = choice.texts
        self._done: set[str] = set()
        self._near: dict[str, frozenset[str]] = {}

    def wanted(self, libraries: Iterable[str]) -> Iterator[Wanted]:
        """What the packages of loaded libraries hold for them: private directories that the library names.

        ``libraries`` are real paths; each is asked once. Packages that such a package depends on count too: that, and
        a name in the library itself, together say that the file is wanted.
        """
        for library in libraries:
            if library in self._done:
                continue
            self._done.add(library)
            owner = self._db.owner(library)
            if owner is None or self._catalogue.is_foreign(owner):
                continue
            files = self._db.files(owner)
            if is_libc(files) or any(is_command(file) and self._choice.has_recipe(file) for file in files):
                continue
            names = (owner, *self._asked_for(owner))
            yield from self._named_by(library, [name for name in names if name not in self._choice.packages])

    def _asked_for(self, owner: str) -> Iterator[str]:
        for dependency in self._catalogue.dependencies(owner):
            for name in dependency.packages[:1]:
                if not (self._catalogue.is_foreign(name) or self._catalogue.is_for_developers(name)):
                    yield name

    def _named_by(self, library: str, names: Iterable[str]) -> Iterator[Wanted]:
        offered = [
            (file, name)
            for name in names
            for file in self._db.files(name)
            if not (self._rules.is_unwanted(file) or is_public_library(file) or is_command(file))
        ]
        if not offered:  # most libraries' packages hold nothing else: their texts are not read
            return
        named = self._texts.paths(library)
        for file, name in offered:
            is_named = file in named or any(above in named for above in self._private_above(file, name))
            if is_named and not self._is_for_absent_hardware(file, posixpath.dirname(library)):
                yield Wanted(file, Reason("package", library, name))

    def _is_for_absent_hardware(self, file: str, directory: str) -> bool:
        """Whether a plug-in is linked with a library of a package that drives what Lambda has not."""
        sonames = self._texts.needed(file) if file.endswith(".so") else None
        beside = (self._files.real(posixpath.join(directory, soname)) for soname in sonames or ())
        return any(self._catalogue.is_absent(self._db.owner(path) or "") for path in beside)

    def _private_above(self, file: str, name: str) -> Iterator[str]:
        directory = posixpath.dirname(file)
        while directory.count("/") >= SHALLOW and self._choice.is_private(directory, name):
            yield directory
            directory = posixpath.dirname(directory)

    def opened_by_name(self, file: str, loaded: Collection[str]) -> Iterator[str]:
        """Sonames that a file opens by name: those of its own package, and of what that depends on.

        What is loaded anyway, in ``loaded``, is left out.
        """
        owner = self._db.owner(file)
        if owner is None:
            return
        provided = self._opened_near(owner).difference(loaded)
        if provided:
            yield from sorted(provided & self._texts.sonames(file))

    def _opened_near(self, owner: str) -> frozenset[str]:
        if owner not in self._near:
            near = {owner} | {name for item in self._catalogue.dependencies(owner) for name in item.packages}
            self._near[owner] = frozenset(
                posixpath.basename(path)
                for name in near
                if not (self._catalogue.is_foreign(name) or self._catalogue.is_display(name))
                for path in self._catalogue.public_libraries(name)
                if is_versioned_library(path) or not self._files.is_link(path)
            )
        return self._near[owner]
