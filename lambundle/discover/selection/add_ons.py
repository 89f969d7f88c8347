"""Add-ons: packages that a person installed by name and that have files in a directory of the program.

Nothing depends on them: languages of Tesseract, R's packages, PHP's extensions, dictionaries, plug-ins.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.rules import is_command, is_public_library
from lambundle.discover.selection.catalogue import DEPENDS, SHALLOW

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from lambundle.discover.selection.packages import PackageSelection
    from lambundle.discover.selection.selected import SelectedPackage
    from lambundle.packages import PackageDatabase

MAX_GROUP = 64 << 20
"""Most bytes of the add-ons of one directory, with what only they need; the smallest come first."""

MAX_DEPTH = 3
"""Levels below a directory that a program names: /usr/share/tesseract-ocr for 5/tessdata."""

MAX_SCANNED = 4000
"""Directories that are searched for add-ons."""

MAX_ENTRY_POINTS = 1 << 20

_SITES = ("/dist-packages", "/site-packages")
_ENTRY_POINTS = re.compile(rb"^\[([\w.-]+)\]", re.MULTILINE)
_SCRIPTS = (b"console_scripts", b"gui_scripts")
"""Groups of entry points that are commands."""

SHOWN = 3
"""Packages that a note names."""


@dataclass
class _Group:
    """The add-ons of one directory, which the program or package ``by`` owns or names."""

    directory: str
    by: str
    names: list[str] = field(default_factory=list)


class AddOns:
    """Selects add-ons; ``notes`` say what was left out."""

    def __init__(
        self,
        packages: PackageSelection,
        libraries: Collection[str],
        requested: Collection[str],
        room: Callable[[], int],
    ) -> None:
        """``libraries`` are those of the programs' sources, ``requested`` the packed programs that are no scripts.

        ``room`` returns the bytes that still fit into the bundle.
        """
        self._find_room = room
        self._packages = packages
        self._libraries = libraries
        self._catalogue = packages.catalogue
        self._evidence = packages.evidence
        self._db = packages.db
        self._files = packages.files
        self._rules = packages.rules
        self._requested = requested
        self.notes: list[str] = []

    def select(self) -> None:
        """Select the add-ons of all programs that were selected so far."""
        groups = [*self._groups(), *self._subcommands(), *self._plugins()]
        room = self._find_room() if groups else 0
        for group in groups:
            room -= self._take(group, room)
        own = {self._db.owner(program) for program in self._packages.programs}
        by_name = [name for name in self._packages.chosen if name in self._named and name not in own]
        self._packages.complete_interpreters(by_name)

    @cached_property
    def _named(self) -> frozenset[str]:
        return self._db.installed_by_name()

    @cached_property
    def _stood_for(self) -> set[str]:
        """Packages of which an empty one that was installed by name depends."""
        return {below for name in self._named for below in stands_for(self._db, name, self._rules.is_unwanted)}

    def _was_asked_for(self, name: str) -> bool:
        """Return whether a package that is not selected was installed by name, or by an empty package that was."""
        if name in self._packages.chosen or not self._named:
            return False
        return name in self._named or name in self._stood_for

    # ---- directories of the program ----

    def _groups(self) -> Iterator[_Group]:
        """Return the directories with add-ons, the shortest first; each package is in one group."""
        seen: set[str] = set()
        directories = self._directories()
        for directory in sorted(directories, key=lambda path: (path.count("/"), path)):
            by, depth = directories[directory]
            group = _Group(directory, by)
            owners = self._owners_in(directory, depth) - seen
            seen |= owners
            group.names += [name for name in sorted(owners) if self._was_asked_for(name) and self._is_add_on(name)]
            if group.names:
                yield group

    def _directories(self) -> dict[str, tuple[str, int]]:
        """Return directories of the program, each with what owns or names it, and how many levels below count."""
        found: dict[str, tuple[str, int]] = {}
        for path in self._texts():
            for named in self._evidence.paths(path):
                if self._is_own(named, of_program=path in self._requested) and self._files.is_directory(named):
                    found.setdefault(self._files.real(named), (path, MAX_DEPTH))
        for package in self._packages.chosen.values():
            by = package.reason.by or package.name
            of_program = package.root and by in self._requested
            for directory in self._directories_of(package):
                if self._is_own(directory, of_program=of_program):
                    found.setdefault(self._files.real(directory), (by, 0))
        return {path: fact for path, fact in found.items() if self._is_own(path, of_program=True)}

    def _texts(self) -> Iterator[str]:
        """Return the files whose text may name directories: programs, and the libraries of their sources."""
        yield from self._packages.programs
        yield from sorted(self._libraries)

    def _directories_of(self, package: SelectedPackage) -> Iterable[str]:
        if not package.library:
            return self._db.directories(package.name)
        own = self._catalogue.own_directories(package.name)
        return [path for path in own if self._packages.is_private(path, package.name) or self._is_for(path, package)]

    def _is_for(self, directory: str, package: SelectedPackage) -> bool:
        """Return whether a library's package has plug-ins of its own in a directory."""
        return any(
            posixpath.dirname(file) == directory and not is_public_library(file) and not is_command(file)
            for file in self._db.files(package.name)
        )

    def _is_own(self, directory: str, *, of_program: bool) -> bool:
        """Return whether a directory may be a program's, not the system's or an interpreter's."""
        if directory.count("/") < (SHALLOW - 1 if directory.startswith("/etc/") else SHALLOW):
            return False
        if self._rules.is_unwanted(f"{directory}/x") or self._rules.general_directories.match(directory):
            return False
        return of_program or self._rules.module_directories.match(directory) is None

    def _owners_in(self, directory: str, depth: int) -> set[str]:
        """Return the packages of what lies in a directory; below it where several packages share a directory."""
        found: set[str] = set()
        waiting = [(directory, depth)]
        while waiting and self._scanned < MAX_SCANNED:
            path, levels = waiting.pop()
            self._scanned += 1
            for item in self._files.items(path):
                owner = self._db.owner(item.path) or self._only_owner(item.path)
                if owner is not None:
                    found.add(owner)
                elif item.is_directory and levels > 0:
                    waiting.append((item.path, levels - 1))
        return found

    def _only_owner(self, path: str) -> str | None:
        owners = self._db.directory_owners(path)
        return next(iter(owners)) if len(owners) == 1 else None

    _scanned = 0

    # ---- packages ----

    def _is_add_on(self, name: str) -> bool:
        """Return whether a package adds to the program.

        A package that has the name of one of its commands is a program of its own; one with other commands is an
        add-on if it depends on the program.
        """
        if self._catalogue.is_irrelevant(name):
            return False
        if self._catalogue.is_for_developers(name) and not self._packages.compiles:
            return False
        commands = {posixpath.basename(file) for file in self._db.files(name) if is_command(file)}
        return not commands or (name not in commands and self._depends_on_program(name))

    def _depends_on_program(self, name: str) -> bool:
        roots = {package.name for package in self._packages.chosen.values() if package.root}
        return not roots.isdisjoint(self._catalogue.closure(name, 2))

    def _subcommands(self) -> Iterator[_Group]:
        """Return commands such as git-lfs, which a program starts by its own name and a word."""
        for program in self._packages.programs:
            name = posixpath.basename(program)
            if not self._evidence.contains(program, [f"{name}-%s", f"{name}-{{"]):
                continue
            group = _Group(f"{name}-*", program)
            for directory in ("/usr/bin", "/usr/local/bin"):
                for command in sorted(self._files.names(directory)):
                    owner = self._db.owner(f"{directory}/{command}") if command.startswith(f"{name}-") else None
                    if owner is None or owner in group.names or not self._was_asked_for(owner):
                        continue
                    group.names += [owner] if self._depends_on_program(owner) else []
            if group.names:
                yield group

    def _plugins(self) -> Iterator[_Group]:
        """Return Python plug-ins: packages with entry points of a group that the programs' own sources name."""
        sources: list[str] = []
        sites: dict[str, None] = {}
        for package in self._packages.chosen.values():
            if package.root and package.reason.by not in self._requested:
                sources += [file for file in package.files if file.endswith(".py")]
                directories = self._db.directories(package.name)
                sites |= dict.fromkeys(path for path in directories if path.endswith(_SITES))
        for site in sites if self._named else ():
            for path in self._files.glob(f"{site}/*-info/entry_points.txt"):
                owner = self._db.owner(path)
                if owner is None or not self._was_asked_for(owner) or not self._is_add_on(owner):
                    continue
                for name in _ENTRY_POINTS.findall(self._files.read(path, MAX_ENTRY_POINTS)):
                    if name not in _SCRIPTS and self._evidence.any_contains(sources, b'"%s"' % name):
                        yield _Group(site, next(iter(self._packages.programs)), [owner])
                        break

    def _take(self, group: _Group, room: int) -> int:
        """Select the add-ons of a group that fit, small ones first; return their bytes."""
        names = [name for name in group.names if name not in self._packages.chosen]
        known = {below for name in self._packages.chosen for below in self._catalogue.closure(name)}
        shown = [] if any(map(self._catalogue.is_display, known)) else list(filter(self._needs_display, names))
        self._leave(group, shown, "need a display")
        names = [name for name in names if name not in shown]
        taken: list[str] = []
        for name in sorted(names, key=lambda name: (name not in self._named, self._more([name], known), name)):
            if self._more([*taken, name], known) <= min(MAX_GROUP, room):
                taken.append(name)
        used = self._more(taken, known)
        for name in taken:
            self._packages.add_part(name, Reason("add-on", group.by, name))
        left = [name for name in names if name not in taken]
        size = self._more(left, known)
        full = ", which do not fit" if used + size > room else ""
        self._leave(group, left, f"{size / 1e6:,.0f} MB{full}")
        return used

    def _more(self, names: Iterable[str], known: set[str]) -> int:
        """Return the bytes of some packages and of what only they need."""
        return self._catalogue.weight({below for name in names for below in self._catalogue.closure(name)} - known)

    def _needs_display(self, name: str) -> bool:
        return any(map(self._catalogue.is_display, self._catalogue.closure(name)))

    def _leave(self, group: _Group, names: list[str], why: str) -> None:
        if not names:
            return
        one = len(names) == 1
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        self.notes.append(
            f"{len(names):,} {'package' if one else 'packages'} installed by name with files in {group.directory} "
            f"{'is' if one else 'are'} left out ({why}): {', '.join(names[:SHOWN])}{more}; add with --package NAME"
        )


def stands_for(db: PackageDatabase, name: str, is_unwanted: Callable[[str], bool]) -> set[str]:
    """Return the packages that a package without files of its own stands for, through others like it."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        at = waiting.pop()
        if any(not is_unwanted(file) for file in db.files(at)):
            continue
        for item in db.depends(at):
            if item.kind in DEPENDS:
                new = [below for below in item.providers[:1] if below not in found]
                found.update(new)
                waiting += new
    return found
