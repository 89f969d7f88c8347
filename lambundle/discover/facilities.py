"""Facilities: what the users of a library or a function need and no package says, such as certificates and fonts."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Group, Reason
from lambundle.discover.rules import Facility, rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lambundle.discover.evidence import Texts
    from lambundle.discover.selection.contents import Contents
    from lambundle.elf.closure import Closure
    from lambundle.gather.gathering import Gathering
    from lambundle.gather.programs import Requested

SETTINGS = "/etc/"
"""Where lists of a library's own are, as of the fonts it knows."""


class Facilities:
    """Adds facilities to a gathering where they have users.

    ``programs`` are the requested programs, ``contents`` the files of their packages, None where the machine
    has no packages.
    """

    def __init__(
        self, gathering: Gathering, programs: Sequence[Requested], texts: Texts, contents: Contents | None
    ) -> None:
        self._gathering = gathering
        self._programs = programs
        self._texts = texts
        self._contents = contents
        self._provided: list[Facility] = []

    def provide(self, closure: Closure) -> None:
        """Add the facilities that have users by now and are not there yet."""
        for facility in rules().facilities:
            if facility not in self._provided and any(self._users(facility, closure)):
                self._add(facility)

    def groups(self, closure: Closure) -> tuple[Group, ...]:
        """Return the facilities that were added, each with all its users."""
        return tuple(
            Group("facility", facility.why, tuple(Reason("facility", user) for user in dict.fromkeys(users)))
            for facility in self._provided
            for users in [self._users(facility, closure)]
        )

    def _users(self, facility: Facility, closure: Closure) -> Iterator[str]:
        """Files that have a use for a facility, by their real paths."""
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
        elif self._contents is not None:
            if facility.imports:
                own = {program.started for program in self._programs} | self._contents.own_libraries()
                found = (path for path in sorted(own) if self._texts.imports(path, facility.imports))
            else:
                settings = (path for path in self._gathering.mirror.files() if path.startswith(SETTINGS))
                names = (*self._contents.own_files(), *settings)
                found = (path for path in names if self._texts.any_names([path], facility.named))
            yield from (path for path in found if not self._gathering.excludes(path))

    def _add(self, facility: Facility) -> None:
        self._provided.append(facility)
        paths = [path for pattern in facility.paths for path in self._gathering.files.glob(pattern)]
        for patterns in facility.one_of:
            found = [path for pattern in patterns for path in self._gathering.files.glob(pattern)]
            if found:
                paths += found if len(patterns) > 2 else found[:1]  # noqa: PLR2004  (a family, or any one font)
                break
        for path in paths:
            reason = Reason("facility", None, facility.why)
            for real in self._gathering.mirror.add_tree(path, reason, lambda path: not rules().is_unwanted(path)):
                self._gathering.walk_if_loadable(real, optional=True)
        for path, text in facility.made.items():
            self._gathering.mirror.make_file(path, text.encode(), 0o644, Reason("facility", None, facility.why))
