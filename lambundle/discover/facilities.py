"""Facilities: files that the users of a library or a function need but no package declares, such as certificates."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Group, Reason
from lambundle.discover.rules import Facility, rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambundle.discover.evidence import FileEvidence
    from lambundle.discover.selection.package_files import PackageFiles
    from lambundle.elf.closure import Closure
    from lambundle.gather.gathering import Gathering
    from lambundle.gather.programs import Requested

SETTINGS = "/etc/"
"""Where a library's own lists are, such as its fonts."""


class Facilities:
    """Adds facilities to a gathering where they have users.

    ``programs`` are the requested programs, ``package_files`` the files of their packages, None on a machine without
    a package database.
    """

    def __init__(
        self,
        gathering: Gathering,
        programs: Sequence[Requested],
        evidence: FileEvidence,
        package_files: PackageFiles | None,
    ) -> None:
        self._gathering = gathering
        self._programs = programs
        self._evidence = evidence
        self._package_files = package_files
        self._provided: list[Facility] = []

    def provide(self, closure: Closure) -> None:
        """Add the facilities that have users and were not added before."""
        for facility in rules().facilities:
            if facility not in self._provided and any(self._users(facility, closure)):
                self._add(facility)

    def provides(self, part: str) -> bool:
        """Return whether a facility was added that has ``part`` in one of its paths."""
        return any(part in path for item in self._provided for path in item.paths)

    def fonts(self) -> Reason | None:
        """Return the reason for which fonts are wanted, None if they are not."""
        return next((Reason("facility", None, item.why) for item in self._provided if item.fonts), None)

    def groups(self, closure: Closure) -> tuple[Group, ...]:
        """Return the facilities that were added, each with all its users."""
        return tuple(
            Group("facility", facility.why, tuple(Reason("facility", user) for user in dict.fromkeys(users)))
            for facility in self._provided
            for users in [self._users(facility, closure)]
        )

    def _users(self, facility: Facility, closure: Closure) -> Iterator[str]:
        """Return the real paths of the files that use a facility."""
        if facility.library is not None:
            for path, file in closure.files.items():
                if facility.library.match(posixpath.basename(path)):
                    yield file.real
        elif facility.program is not None:
            yield from (
                program.started
                for program in self._programs
                if facility.program.match(posixpath.basename(program.real))
            )
        else:
            found = self._importing(facility) if facility.imports else self._naming(facility)
            yield from (path for path in found if not self._gathering.excludes(path))

    def _importing(self, facility: Facility) -> list[str]:
        own = {program.started for program in self._programs}
        if self._package_files is not None:
            own |= self._package_files.own_libraries()
        return [path for path in sorted(own) if self._evidence.imports(path, facility.imports)]

    def _naming(self, facility: Facility) -> Iterator[str]:
        if self._package_files is not None:
            settings = (path for path in self._gathering.mirror.files() if path.startswith(SETTINGS))
            names = (*self._package_files.own_files(), *settings)
            yield from (path for path in names if self._evidence.any_contains([path], facility.named))

    def _add(self, facility: Facility) -> None:
        self._provided.append(facility)
        files = self._gathering.files
        paths = [path for pattern in facility.paths for path in files.glob(pattern)]
        for path in paths:
            if not (files.is_file(path) or files.is_directory(path)):  # a link to what is of a package that is not here
                continue
            reason = Reason("facility", None, facility.why)
            for real in self._gathering.mirror.add_tree(path, reason, lambda path: not rules().is_unwanted(path)):
                self._gathering.walk_if_loadable(real, optional=True)
        for path, text in facility.made.items():
            self._gathering.mirror.make_file(path, text.encode(), 0o644, Reason("facility", None, facility.why))
