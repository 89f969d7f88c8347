"""Files that loaded libraries need beyond DT_NEEDED."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.rules import is_command, is_public_library, is_versioned_library
from lambundle.discover.selection.catalogue import SHALLOW, is_libc
from lambundle.gather.candidate import Candidate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from lambundle.discover.selection.packages import PackageSelection


class Libraries:
    """Files for loaded libraries from their packages, and libraries that files open by name."""

    def __init__(self, selection: PackageSelection) -> None:
        self._selection = selection
        self._files = selection.files
        self._catalogue = selection.catalogue
        self._db = selection.db
        self._rules = selection.rules
        self._evidence = selection.evidence
        self._done: set[str] = set()
        self._openable: dict[str, frozenset[str]] = {}

    def candidates(self, libraries: Iterable[str]) -> Iterator[Candidate]:
        """Return the files in private directories that a loaded library names, of its package or a dependency.

        ``libraries`` are real paths; each is read once.
        """
        for library in libraries:
            if library in self._done:
                continue
            self._done.add(library)
            owner = self._db.owner(library)
            if owner is None or self._catalogue.is_irrelevant(owner):
                continue
            files = self._db.files(owner)
            if is_libc(files) or any(is_command(file) and self._selection.has_recipe(file) for file in files):
                continue
            names = (owner, *self._relevant_dependencies(owner))
            yield from self._named_by(library, [name for name in names if name not in self._selection.chosen])

    def _relevant_dependencies(self, owner: str) -> Iterator[str]:
        for dependency in self._catalogue.dependencies(owner):
            for name in dependency.providers[:1]:
                if not (self._catalogue.is_irrelevant(name) or self._catalogue.is_for_developers(name)):
                    yield name

    def _named_by(self, library: str, names: Iterable[str]) -> Iterator[Candidate]:
        candidates = [
            (file, name)
            for name in names
            for file in self._db.files(name)
            if not (self._rules.is_unwanted(file) or is_public_library(file) or is_command(file))
        ]
        if not candidates:  # as for most libraries, which are not read then
            return
        named = self._evidence.paths(library)
        for file, name in candidates:
            is_named = file in named or any(above in named for above in self._private_above(file, name))
            if is_named and not self._is_for_hardware(file, posixpath.dirname(library)):
                yield Candidate(file, Reason("package", library, name))

    def _is_for_hardware(self, file: str, directory: str) -> bool:
        """Return whether a plug-in is linked with a library that serves hardware or a desktop."""
        sonames = self._evidence.needed(file) if file.endswith(".so") else None
        beside = (self._files.real(posixpath.join(directory, soname)) for soname in sonames or ())
        return any(self._catalogue.is_hardware(self._db.owner(path) or "") for path in beside)

    def _private_above(self, file: str, name: str) -> Iterator[str]:
        directory = posixpath.dirname(file)
        while directory.count("/") >= SHALLOW and self._selection.is_private(directory, name):
            yield directory
            directory = posixpath.dirname(directory)

    def opened_by_name(self, file: str, loaded: Collection[str]) -> Iterator[str]:
        """Return the sonames in a file of libraries in its package or a dependency, without those in ``loaded``."""
        owner = self._db.owner(file)
        if owner is None:
            return
        provided = self._openable_sonames(owner).difference(loaded)
        if provided:
            yield from sorted(provided & self._evidence.sonames(file))

    def _openable_sonames(self, owner: str) -> frozenset[str]:
        if owner not in self._openable:
            relations = self._catalogue.dependencies(owner)
            if not is_libc(self._db.files(owner)):  # the C library opens libidn2 for a flag that hardly anybody sets
                relations += [item for item in self._db.depends(owner) if item.kind == "recommends"]
            near = {owner} | {name for item in relations for name in item.providers}
            self._openable[owner] = frozenset(
                posixpath.basename(path)
                for name in near
                if not (self._catalogue.is_irrelevant(name) or self._catalogue.is_display(name))
                for path in self._catalogue.public_libraries(name)
                if is_versioned_library(path) or not self._files.is_link(path)
            )
        return self._openable[owner]
