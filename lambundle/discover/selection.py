"""What of which package a program needs beyond the libraries that the loader names.

Evidence is weighed. What the program's own packages hold, and the packages they depend on, is wanted, except
what only a reader, a desktop or the machine's administration uses. A library's package counts for its private
directories, and what that package depends on is the library's business: it is taken only if it is of the
same source or named in the library itself. A name in a file says where to look, not what to take.
"""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambundle.discover.evidence import Texts
from lambundle.discover.rules import is_command, is_public_library, is_versioned_library, rules
from lambundle.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambundle.discover.packages import Dependency, PackageDatabase

DEPENDS = ("depends", "pre-depends")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A path that discovery wants, and why."""

    path: str
    reason: Reason


@dataclass(slots=True)
class _Package:
    """A package as the selection sees it: why it is here, and whether all of it counts."""

    name: str
    reason: Reason
    own: bool  # the program's own, not one that it depends on
    library: bool
    files: tuple[str, ...] = field(default=())


class Selection:
    """Packages of some programs, and what is wanted of them."""

    def __init__(self, packages: PackageDatabase, texts: Texts | None = None) -> None:
        self.db = packages
        self.texts = texts or Texts()
        self.rules = rules()
        self.packages: dict[str, _Package] = {}
        self._sources: dict[str, str] = {}
        self._askers: dict[str, list[str]] | None = None
        self._libraries_done: set[str] = set()
        self._started: dict[str, None] = {}

    # ---- which packages ----

    def add_program(self, path: str, real: str) -> None:
        """Take the packages that own a program, the whole that they are part of, and what those depend on."""
        self._started.setdefault(real)
        owners = [name for name in (self.db.owner(path), self.db.owner(real)) if name is not None]
        for name in dict.fromkeys(owners):
            self._own(name, Reason("package", real, name))
            for whole in self._wholes(name, posixpath.basename(path)):
                self._own(whole, Reason("package", real, whole))
            for behind in self._behind_front_end(name, path):
                self._own(behind, Reason("package", path, behind))
        self._expand()
        for name in dict.fromkeys(owners):
            self._residents(name)
        self._recommended(dict.fromkeys(owners), real)
        self._expand()

    def _recommended(self, owners: Iterable[str], real: str) -> None:
        """Packages that are only recommended, but hold a command that the program names: gpg-agent for gpg."""
        named = self.texts.started(real)
        for candidate in self._recommendations(owners):
            if candidate in self.packages or self.rules.is_foreign_to_lambda(candidate):
                continue
            for file in self.db.files(candidate):
                if is_command(file) and posixpath.basename(file) in named:
                    reason = Reason("package", real, candidate)
                    self.packages[candidate] = _Package(
                        candidate, reason, own=False, library=False, files=self.db.files(candidate)
                    )
                    break

    def _recommendations(self, owners: Iterable[str]) -> Iterator[str]:
        """What packages recommend, and what those depend on: a recommended package may be an empty one."""
        for owner in owners:
            for item in self.db.depends(owner):
                if item.kind == "recommends":
                    for name in item.packages[:1]:
                        yield name
                        for below in self._dependencies(name):
                            yield from below.packages[:1]

    def _own(self, name: str, reason: Reason) -> None:
        known = self.packages.get(name)
        if known is None:
            self.packages[name] = _Package(name, reason, own=True, library=False, files=self.db.files(name))
        else:
            known.own = True

    def _wholes(self, name: str, command: str) -> Iterator[str]:
        """Installed packages that a part's name points to: python3-minimal to python3, perl-base to perl."""
        names = {name.removesuffix(suffix) for suffix in self.rules.part_suffixes}
        names.add(command)
        for whole in sorted(names - {name}):
            if self.db.package(whole) is not None and name in self._depends_closure(whole):
                yield whole

    def _depends_closure(self, name: str, limit: int = 4) -> set[str]:
        found, edge = {name}, {name}
        for _ in range(limit):
            edge = {answer for asker in edge for item in self._dependencies(asker) for answer in item.packages} - found
            found |= edge
        return found

    def _behind_front_end(self, owner: str, path: str) -> Iterator[str]:
        """Packages that need the owner and ship a program of the same name: psql behind pg_wrapper."""
        real_name, name = posixpath.basename(os.path.realpath(path)), posixpath.basename(path)
        if real_name == name:
            return
        for asker in self._askers_of(owner):
            for file in self.db.files(asker):
                if posixpath.basename(file) == name and not is_command(file) and _is_program(file):
                    yield asker
                    break

    def _residents(self, name: str) -> None:
        """Packages of the same source that live in the private directories of a program's own package.

        So do the parts of an office suite or the extensions of an interpreter; what is for its developers,
        its tests and its documentation do too, and are not wanted.
        """
        homes = {directory for directory in self.db.directories(name) if self._is_private(directory, name)}
        if not homes:
            return
        for asker in self._askers_of(name):
            if asker in self.packages or self._source(asker) != self._source(name) or self._is_for_developers(asker):
                continue
            if any(posixpath.dirname(file) in homes for file in self.db.files(asker)):
                self._own(asker, Reason("package", name, asker))

    def _is_for_developers(self, name: str) -> bool:
        package = self.db.package(name)
        section = "" if package is None else package.section.rpartition("/")[2]
        return section in {"libdevel", "debug", "doc"} or name.endswith(
            ("-dev", "-devel", "-doc", "-docs", "-dbg", "-debuginfo", "-tests", "-testsuite", "-examples")
        )

    def _expand(self) -> None:
        """Follow Depends. From a library only to what is of its own source."""
        waiting = [package for package in self.packages.values() if not package.library]
        seen = {package.name for package in waiting}
        while waiting:
            package = waiting.pop()
            for dependency in self._dependencies(package.name):
                for name in dependency.packages[:1]:
                    if name in seen or not self._may_follow(package, name):
                        continue
                    seen.add(name)
                    followed = self._follow(name, package)
                    if followed is not None:
                        waiting.append(followed)

    def _may_follow(self, package: _Package, name: str) -> bool:
        if self.rules.is_foreign_to_lambda(name) or self._is_for_developers(name):
            return False
        return not package.library or self._source(name) == self._source(package.name)

    def _follow(self, name: str, asker: _Package) -> _Package | None:
        if name in self.packages:
            return None
        name = self._smallest(name)
        files = self.db.files(name)
        if _is_libc(files):
            return None
        library = any(is_versioned_library(file) for file in files)
        package = _Package(name, Reason("package", asker.name, name), own=False, library=library, files=files)
        return self.packages.setdefault(name, package)

    def _smallest(self, name: str) -> str:
        """An interpreter that a compiled program asks for is for helpers beside it: its core will do."""
        part = self.rules.interpreters.get(name)
        known = self.packages.get(part or "")
        if part is None or self.db.package(part) is None or (known is not None and known.own):
            return name
        return part

    # ---- what of them ----

    def wanted(self) -> Iterator[Wanted]:
        """Every path that is wanted of the packages so far."""
        commands = self._commands()
        for package in self.packages.values():
            for file in package.files:
                if self._is_wanted(file, commands):
                    yield Wanted(file, package.reason)
            yield from self._made_later(package)

    def _is_wanted(self, file: str, commands: set[str]) -> bool:
        if self.rules.is_unwanted(file) or is_public_library(file) or file.endswith((".a", ".o")):
            return False
        if is_command(file):
            return file in commands
        return True

    def _commands(self) -> set[str]:
        """Commands of these packages that the programs name, and those that they name in turn.

        A package may hold a hundred commands; a program needs those whose names stand in it.
        """
        offered: dict[str, list[str]] = {}
        for package in self.packages.values():
            for file in () if package.library else package.files:
                if is_command(file):
                    offered.setdefault(posixpath.basename(file), []).append(file)
        taken: set[str] = set()
        waiting = list(self._started)
        while waiting:
            words = self.texts.started(os.path.realpath(waiting.pop()))
            for name in words & offered.keys():
                new = [file for file in offered[name] if file not in taken]
                taken.update(new)
                waiting += new
        return taken

    def _made_later(self, package: _Package) -> Iterator[Wanted]:
        """Files that a maintainer script made: unowned, in directories that only these packages own."""
        if package.library and not package.own and not package.files:
            return
        for directory in self.db.directories(package.name):
            if self.rules.is_unwanted(f"{directory}/x") or not self._is_private(directory, package.name):
                continue
            for path in _listed(directory):
                if not self.rules.is_unwanted(path) and self.db.owner(path) is None and _is_readable_by_all(path):
                    yield Wanted(path, package.reason)

    def _is_private(self, directory: str, name: str) -> bool:
        """Whether only this package and others of its source, or chosen ones, have the directory."""
        if directory.count("/") < 3:  # noqa: PLR2004  (/usr/share and its like belong to everybody)
            return False
        return all(
            owner in self.packages or self._source(owner) == self._source(name)
            for owner in self.db.directory_owners(directory)
        )

    # ---- libraries ----

    def of_libraries(self, libraries: Iterable[str]) -> Iterator[Wanted]:
        """What the packages of loaded libraries hold for them: private directories that the library names.

        ``libraries`` are real paths. Packages of the same source that such a package depends on count too.
        """
        for library in libraries:
            if library in self._libraries_done:
                continue
            self._libraries_done.add(library)
            owner = self.db.owner(library)
            if owner is None or owner in self.packages or self.rules.is_foreign_to_lambda(owner):
                continue
            files = self.db.files(owner)
            if _is_libc(files):
                continue
            yield from self._named_by(library, (owner, *self._siblings(owner)))

    def _siblings(self, owner: str) -> Iterator[str]:
        for dependency in self._dependencies(owner):
            for name in dependency.packages[:1]:
                if (
                    self._source(name) == self._source(owner)
                    and not self.rules.is_foreign_to_lambda(name)
                    and not self._is_for_developers(name)
                ):
                    yield name

    def _named_by(self, library: str, names: Iterable[str]) -> Iterator[Wanted]:
        named = self.texts.paths(library)
        for name in names:
            for file in self.db.files(name):
                if self.rules.is_unwanted(file) or is_public_library(file) or is_command(file):
                    continue
                if file in named or any(above in named for above in self._private_above(file, name)):
                    yield Wanted(file, Reason("package", library, name))

    def _private_above(self, file: str, name: str) -> Iterator[str]:
        directory = posixpath.dirname(file)
        while directory.count("/") >= 3 and self._is_private(directory, name):  # noqa: PLR2004
            yield directory
            directory = posixpath.dirname(directory)

    def named_libraries(self, file: str) -> Iterator[str]:
        """Sonames that a file opens by name: those of its own package, and of what that depends on."""
        owner = self.db.owner(file)
        if owner is None:
            return
        near = {owner} | {name for item in self._dependencies(owner) for name in item.packages}
        provided = {
            posixpath.basename(path)
            for name in near
            if not self.rules.is_foreign_to_lambda(name)
            for path in self.db.files(name)
            if is_public_library(path)
        }
        yield from sorted(provided & self.texts.sonames(file))

    # ---- the database, remembered ----

    def _dependencies(self, name: str) -> list[Dependency]:
        return [item for item in self.db.depends(name) if item.kind in DEPENDS]

    def _source(self, name: str) -> str:
        if name not in self._sources:
            package = self.db.package(name)
            source = "" if package is None else package.source or package.name
            self._sources[name] = source.partition(" ")[0]
        return self._sources[name]

    def _askers_of(self, name: str) -> list[str]:
        if self._askers is None:
            self._askers = {}
            for asker in self.db.packages():
                for item in self._dependencies(asker):
                    for answer in item.packages:
                        self._askers.setdefault(answer, []).append(asker)
        return self._askers.get(name, [])


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _is_libc(files: Iterable[str]) -> bool:
    return any(posixpath.basename(file) in {"libc.so.6", "libgcc_s.so.1", "libstdc++.so.6"} for file in files)


def _listed(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as found:
            return sorted(item.path for item in found if item.is_symlink() or item.is_file(follow_symlinks=False))
    except OSError:
        return []


def _is_readable_by_all(path: str) -> bool:
    """What others may not read may be a secret: it is never taken unasked."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and bool(status.st_mode & stat.S_IROTH)
