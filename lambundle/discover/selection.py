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
from functools import cached_property
from typing import TYPE_CHECKING

from lambundle.discover.evidence import Texts
from lambundle.discover.rules import is_command, is_public_library, is_versioned_library, rules
from lambundle.elf import is_elf
from lambundle.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from lambundle.discover.packages import Dependency, PackageDatabase

DEPENDS = ("depends", "pre-depends")
DEVELOPMENT = (".h", ".hpp", ".a", ".o", ".so", ".rlib", ".rmeta")
LARGE = 1 << 20
"""Bytes from which a file that no package lists needs evidence of its own."""

FEW, MANY = 6, 25
"""Commands up to which a package is one program in parts, and up to which a package is depended on for all."""

MAX_SHARING = 12
"""Packages that may share a directory for it to be one program's: more share what belongs to a language."""

SOURCES = (".py", ".pl", ".pm", ".rb", ".js", ".mjs", ".cjs", ".lua", ".tcl", ".php")
HEADER, KERNEL_HEADER = "/usr/include/stdio.h", "/usr/include/linux/limits.h"


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
    near: bool = False  # an own package depends on it directly
    files: tuple[str, ...] = field(default=())


class Selection:
    """Packages of some programs, and what is wanted of them.

    ``has_recipe`` says of a command whether a recipe takes the place of its packages; such commands are
    gathered in ``by_recipe``.
    """

    def __init__(self, packages: PackageDatabase, has_recipe: Callable[[str], bool] = lambda _: False) -> None:
        self.db = packages
        self.texts = Texts()
        self._has_recipe = has_recipe
        self.rules = rules()
        self.packages: dict[str, _Package] = {}
        self._publics: dict[str, list[str]] = {}
        self._sources: dict[str, str] = {}
        self._askers: dict[str, list[str]] | None = None
        self._by_source: dict[str, list[str]] | None = None
        self._libraries_done: set[str] = set()
        self._started: dict[str, None] = {}
        self._names: set[str] = set()
        self.by_recipe: dict[str, None] = {}
        self._enough: set[str] = set()
        self._near: dict[str, frozenset[str]] = {}
        self._compiles = False

    # ---- which packages ----

    def add_program(self, path: str, real: str) -> None:
        """Take the packages that own a program, the whole that they are part of, and what those depend on."""
        self._started.setdefault(real)
        self._names |= {posixpath.basename(path), posixpath.basename(real)}
        owners = [name for name in (self.db.owner(path), self.db.owner(real)) if name is not None]
        for name in dict.fromkeys(owners):
            self._own(name, Reason("package", real, name))
            for whole in self._wholes(name):
                self._own(whole, Reason("package", real, whole))
            for behind in self._behind_front_end(name, path):
                self._own(behind, Reason("package", path, behind))
        self._look_for_compiler(dict.fromkeys(owners), real)
        self._expand()
        sources = {self._source(name) for name in owners}
        for name in [name for name in self.packages if self._source(name) in sources]:
            self._residents(name, real)
        self._recommended(dict.fromkeys(owners), real)
        self._expand()

    def add_interpreter(self, path: str, script: str) -> None:
        """Take the packages of a script's interpreter: its core alone where the script asks for no more."""
        real = os.path.realpath(path)
        owner = self.db.owner(real) or self.db.owner(path)
        if owner is not None and owner in self.rules.interpreters.values() and self._is_enough(owner, script):
            self._enough.add(owner)
            self._started.setdefault(real)
            self._own(owner, Reason("package", script, owner))
            self._expand()
        else:
            self.add_program(path, real)

    def _is_enough(self, core: str, script: str) -> bool:
        """Whether an interpreter's core package has every module that a script and its packages ask for."""
        own = [file for package in self.packages.values() if package.name != core for file in package.files]
        return self.texts.has_perl_modules(script, own, self.db.files(core))

    def _look_for_compiler(self, owners: Iterable[str], real: str) -> None:
        """A compiler's package asks for the C library's headers: then headers and archives count as data."""
        headers = self.db.owner(HEADER)
        if headers is None:
            return
        for owner in owners:
            asked = {name for item in self.db.depends(owner) for name in item.packages[:1]}
            if headers in asked | self._depends_closure(owner, 2):  # itself, or a compiler that is a library of its
                self._compiles = True
                for name in dict.fromkeys((headers, self.db.owner(KERNEL_HEADER) or headers)):
                    files = self.db.files(name)
                    self.packages.setdefault(
                        name, _Package(name, Reason("package", real, name), own=False, library=False, files=files)
                    )

    def _recommended(self, owners: Iterable[str], real: str) -> None:
        """Take from the recommended packages what is a part of the program.

        Those of its own source, those that hold a command which the program names (gpg-agent for gpg), and
        those whose files lie in its packages' directories (aspell's word lists).
        """
        named = self.texts.started(real)
        sources = {self._source(owner) for owner in owners}
        homes = {directory for package in self.packages.values() for directory in self._homes(package.name)}
        for candidate in dict.fromkeys(self._recommendations(owners)):
            if candidate in self.packages or self.rules.is_foreign_to_lambda(candidate):
                continue
            if self._is_for_developers(candidate) or self._needs_display(candidate):
                continue
            files = self.db.files(candidate)
            if (
                self._source(candidate) in sources
                or any(is_command(file) and posixpath.basename(file) in named for file in files)
                or any(posixpath.dirname(file) in homes for file in files)
            ):
                reason = Reason("package", real, candidate)
                self.packages[candidate] = _Package(candidate, reason, own=False, library=False, files=files)

    def _recommendations(self, owners: Iterable[str]) -> Iterator[str]:
        """What packages recommend, and what those depend on: a recommended package may be an empty one."""
        for owner in owners:
            for item in self.db.depends(owner):
                if item.kind == "recommends":
                    for name in item.packages[:1]:
                        if name not in item.wanted:  # a virtual package: anything may stand for it
                            continue
                        yield name
                        for below in self._dependencies(name):
                            yield from below.packages[:1]

    def _own(self, name: str, reason: Reason) -> None:
        known = self.packages.get(name)
        if known is None:
            self.packages[name] = _Package(name, reason, own=True, library=False, files=self.db.files(name))
        else:
            known.own = True

    def _wholes(self, name: str) -> Iterator[str]:
        """Installed packages that a part's name points to: python3-minimal to python3, perl-base to perl."""
        for whole in sorted({name.removesuffix(suffix) for suffix in self.rules.part_suffixes} - {name}):
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

    def _residents(self, name: str, real: str) -> None:
        """Packages of the same source that live in the private directories of a program's own package.

        So do the parts of an office suite or the extensions of an interpreter. Those for developers and testers
        are not wanted, nor are other programs, unless this one names them.
        """
        homes = self._homes(name)
        if not homes:
            return
        for asker in self._of_source(self._source(name)):
            if asker in self.packages or self._is_for_developers(asker):
                continue
            files = self.db.files(asker)
            if not any(posixpath.dirname(file) in homes for file in files):
                continue
            programs = {
                posixpath.basename(file) for file in files if ".so" not in file and _is_program(file) and is_elf(file)
            }
            if programs & self.texts.started(real) or not (programs or self._needs_display(asker)):
                self._own(asker, Reason("package", name, asker))

    def _needs_display(self, name: str) -> bool:
        """Whether an optional part shows something, which nobody sees on Lambda."""
        return any(self.rules.display.match(answer) for item in self._dependencies(name) for answer in item.packages)

    def _homes(self, name: str) -> set[str]:
        """Directories of a package that only few others have which are not of its source."""
        return {
            directory
            for directory in self.db.directories(name)
            if directory.count("/") >= 3  # noqa: PLR2004  (/usr/share and its like belong to everybody)
            and sum(self._source(owner) != self._source(name) for owner in self.db.directory_owners(directory))
            <= MAX_SHARING
        }

    def _of_source(self, source: str) -> list[str]:
        if self._by_source is None:
            self._by_source = {}
            for name in self.db.packages():
                self._by_source.setdefault(self._source(name), []).append(name)
        return self._by_source.get(source, [])

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
        if self.rules.is_foreign_to_lambda(name) or (self._is_for_developers(name) and not self._compiles):
            return False
        return not package.library or self._source(name) == self._source(package.name)

    def _follow(self, name: str, asker: _Package) -> _Package | None:
        if name in self.packages:
            return None
        name = self._smallest(name)
        files = self.db.files(name)
        if _is_libc(files) or name in self.packages:
            return None
        by_recipe = [file for file in files if is_command(file) and self._has_recipe(file)]
        if by_recipe:  # the recipe knows what the compiler needs; its packages hold three times as much
            self.by_recipe.update(dict.fromkeys(by_recipe))
            return None
        library = any(is_versioned_library(file) for file in files)
        reason = Reason("package", asker.name, name)
        package = _Package(name, reason, own=False, library=library, near=asker.own, files=files)
        return self.packages.setdefault(name, package)

    def _smallest(self, name: str) -> str:
        """An interpreter that a compiled program asks for is for helpers beside it: its core will do."""
        part = self.rules.interpreters.get(name)
        if part in self._enough:
            return part
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
            yield from self._libraries_named_beside(package)

    def _libraries_named_beside(self, package: _Package) -> Iterator[Wanted]:
        """Public libraries that nothing was linked with, but that another file of their package names."""
        libraries = {posixpath.basename(path): path for path in self._public(package.name)}
        others = [file for file in package.files if not is_public_library(file) and not self.rules.is_unwanted(file)]
        for file in others if libraries else ():
            for name in sorted(self.texts.sonames(file) & libraries.keys()):
                yield Wanted(libraries[name], Reason("package", file, package.name))

    def _is_wanted(self, file: str, commands: set[str]) -> bool:
        if self._compiles and file.endswith(DEVELOPMENT) and not self.rules.is_unwanted(file.removesuffix(".h")):
            return not is_versioned_library(file)
        if self.rules.is_unwanted(file) or is_public_library(file) or file.endswith((".a", ".o", ".la")):
            return file.endswith(".la") and not is_public_library(file.removesuffix(".la") + ".so")
        return file in commands if is_command(file) else True

    def _commands(self) -> set[str]:
        """Commands of these packages that the programs name, and those that they name in turn.

        A package may hold a hundred commands; a program needs those whose names stand in it. Those of a package
        that its own depends on are what it depends on it for, and a package of few commands is one whole.
        """
        offered: dict[str, list[str]] = {}
        taken: set[str] = set()
        for package in self.packages.values():
            commands = [] if package.library else [file for file in package.files if is_command(file)]
            commands += [link for file in commands for link in self._alternatives.get(file, ())]
            for file in commands:
                offered.setdefault(posixpath.basename(file), []).append(file)
            if len(commands) <= (MANY if package.near else FEW if package.own else 0):
                taken.update(commands)
            elif package.near:
                taken.update(file for file in commands if posixpath.basename(file) in self._own_words)
        waiting = [*self._started, *taken]
        while waiting:
            words = self.texts.started(os.path.realpath(waiting.pop()))
            for name in words & offered.keys():
                new = [file for file in offered[name] if file not in taken]
                taken.update(new)
                waiting += new
        return taken

    def _made_later(self, package: _Package) -> Iterator[Wanted]:
        """Files that a maintainer script made: unowned, in directories that only these packages own."""
        waiting = [
            directory for directory in self.db.directories(package.name) if self._is_private(directory, package.name)
        ]
        while waiting:
            directory = waiting.pop()
            if self.rules.is_unwanted(f"{directory}/x"):
                continue
            files, directories = _listed(directory)
            waiting += [below for below in directories if not self.db.directory_owners(below)]
            for path in files:
                if self.rules.is_unwanted(path) or self.db.owner(path) is not None:
                    continue
                if _is_readable_by_all(path) and (os.path.getsize(path) < LARGE or self._is_named_after(path)):
                    yield Wanted(path, package.reason)

    def _is_named_after(self, path: str) -> bool:
        """Whether a file is called like a program: pdflatex.fmt among the formats of all TeX engines."""
        stem = posixpath.basename(path).partition(".")[0]
        return stem in self._names

    def _is_private(self, directory: str, name: str) -> bool:
        """Whether only this package and others of its source, or chosen ones, have the directory."""
        if directory.count("/") < 3:  # noqa: PLR2004  (/usr/share and its like belong to everybody)
            return False
        return all(
            owner in self.packages or self._source(owner) == self._source(name)
            for owner in self.db.directory_owners(directory)
        )

    def own_files(self) -> Iterator[str]:
        """Files of the programs' own packages."""
        for package in self.packages.values():
            if package.own or package.near:
                yield from (
                    file for file in package.files if not (self.rules.is_unwanted(file) or is_public_library(file))
                )

    def own_programs(self) -> set[str]:
        """Plug-ins of the programs' own packages, which are a part of them."""
        return {
            file
            for package in self.packages.values()
            if package.own or package.near
            for file in package.files
            if file.endswith(".so") and not is_public_library(file)
        }

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
            if _is_libc(files) or any(is_command(file) and self._has_recipe(file) for file in files):
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
        offered = [
            (file, name)
            for name in names
            for file in self.db.files(name)
            if not (self.rules.is_unwanted(file) or is_public_library(file) or is_command(file))
        ]
        if not offered:  # most libraries' packages hold nothing else: their texts are not read
            return
        named = self.texts.paths(library)
        for file, name in offered:
            if file in named or any(above in named for above in self._private_above(file, name)):
                yield Wanted(file, Reason("package", library, name))

    def _private_above(self, file: str, name: str) -> Iterator[str]:
        directory = posixpath.dirname(file)
        while directory.count("/") >= 3 and self._is_private(directory, name):  # noqa: PLR2004
            yield directory
            directory = posixpath.dirname(directory)

    def named_libraries(self, file: str, loaded: Collection[str]) -> Iterator[str]:
        """Sonames that a file opens by name: those of its own package, and of what that depends on.

        What is loaded anyway, in ``loaded``, is not looked for.
        """
        owner = self.db.owner(file)
        if owner is None:
            return
        provided = self._opened_near(owner).difference(loaded)
        if provided:
            yield from sorted(provided & self.texts.sonames(file))

    def _opened_near(self, owner: str) -> frozenset[str]:
        if owner not in self._near:
            near = {owner} | {name for item in self._dependencies(owner) for name in item.packages}
            self._near[owner] = frozenset(
                posixpath.basename(path)
                for name in near
                if not (self.rules.is_foreign_to_lambda(name) or self.rules.display.match(name))
                for path in self._public(name)
                if is_versioned_library(path) or not os.path.islink(path)
            )
        return self._near[owner]

    # ---- the database, remembered ----

    @cached_property
    def _own_words(self) -> set[str]:
        """Words in the programs' own source texts: Python and its like are not understood any better."""
        words: set[str] = set()
        for package in self.packages.values():
            if package.own:
                words |= self.texts.words(file for file in package.files if file.endswith(SOURCES))
        return words

    @cached_property
    def _alternatives(self) -> dict[str, list[str]]:
        """Links of the alternatives system in directories of commands, by what they lead to in the end."""
        found: dict[str, list[str]] = {}
        for name in _listed("/etc/alternatives")[0]:
            link = f"/usr/bin/{posixpath.basename(name)}"
            if os.path.islink(link):
                found.setdefault(os.path.realpath(link), []).append(link)
        return found

    def _public(self, name: str) -> list[str]:
        if name not in self._publics:
            self._publics[name] = [path for path in self.db.files(name) if is_public_library(path)]
        return self._publics[name]

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


def _listed(directory: str) -> tuple[list[str], list[str]]:
    """Files and links, and directories, in a directory."""
    try:
        with os.scandir(directory) as found:
            items = sorted(found, key=lambda item: item.name)
            directories = [item.path for item in items if item.is_dir(follow_symlinks=False)]
            files = [item.path for item in items if item.is_symlink() or item.is_file(follow_symlinks=False)]
    except OSError:
        return [], []
    return files, directories


def _is_readable_by_all(path: str) -> bool:
    """What others may not read may be a secret: it is never taken unasked."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and bool(status.st_mode & stat.S_IROTH)
