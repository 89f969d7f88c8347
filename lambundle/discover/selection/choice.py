"""Which packages count: those that own the programs, the wholes they are parts of, and what those depend on."""

from __future__ import annotations

import os
import posixpath
from functools import partial
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.rules import is_command, is_public_library, is_versioned_library
from lambundle.discover.selection.catalogue import SHALLOW, is_libc
from lambundle.discover.selection.offered import offered
from lambundle.elf.headers import is_elf
from lambundle.gather.wanted import Chosen
from lambundle.machine import DiskFiles
from lambundle.scripts.python_imports import PythonImports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lambundle.discover.evidence import Texts
    from lambundle.discover.selection.catalogue import Catalogue

WORTH = 2
"""How many times as large as a helper a program must be, each with what it depends on, if only a name speaks for it."""

LARGE = 4 << 20
"""Bytes of a package from which on it matters whether it is of use."""

TELLING = 5
"""Characters of a name from which on it is hardly a part of another text."""

SHOWING = 4
"""Plug-ins of one package up to which all are taken for what shows something, if the package can show anything."""

DEVELOPMENT = (".h", ".hpp", ".a", ".o", ".so", ".rlib", ".rmeta")
"""Endings of what a compiler reads."""

SOURCES = (".py", ".pl", ".pm", ".rb", ".js", ".mjs", ".cjs", ".lua", ".tcl", ".php")
"""Endings of source texts, in which the names of programs and libraries stand between quotes."""

HEADER, KERNEL_HEADER = "/usr/include/stdio.h", "/usr/include/linux/limits.h"


class Choice:
    """Packages of some programs, chosen one program after the other.

    ``packages`` are those chosen, ``started`` the real paths of the programs and interpreters, ``names`` what
    the programs are called. Commands that a recipe takes care of, instead of their packages, are in ``by_recipe``.
    ``compiles`` says whether one of the programs is a compiler, for which headers and archives are data.
    Interpreters that only a compiled program's package asks for are in ``held_back``; those that it does no more
    than recommend in ``recommended_interpreters`` too. Packages of programs that only shell scripts start are in
    ``started_by_scripts``.
    """

    def __init__(self, catalogue: Catalogue, texts: Texts, has_recipe: Callable[[str], bool]) -> None:
        self.catalogue = catalogue
        self.db = catalogue.db
        self.rules = catalogue.rules
        self.texts = texts
        self.has_recipe = has_recipe
        self.packages: dict[str, Chosen] = {}
        self.started: dict[str, None] = {}
        self.names: set[str] = set()
        self.by_recipe: dict[str, None] = {}
        self.compiles = False
        self.held_back: dict[str, Chosen] = {}
        self.recommended_interpreters: set[str] = set()
        self.started_by_scripts: set[str] = set()
        self._enough: set[str] = set()
        self._words: dict[str, set[str]] = {}
        self._imports = PythonImports()
        self._is_python: dict[str, bool] = {}
        self._is_large: dict[str, bool] = {}

    def add_program(self, path: str, real: str, *, by_script: bool = False) -> None:
        """Take the packages that own a program, the whole that they are part of, and what those depend on.

        ``by_script`` is for one that nobody asked for, but that a shell script starts.
        """
        self.started.setdefault(real)
        self.names |= {posixpath.basename(path), posixpath.basename(real)}
        owners = [name for name in (self.db.owner(path), self.db.owner(real)) if name is not None]
        for name in dict.fromkeys(owners):
            if by_script and name not in self.packages:
                self.started_by_scripts.add(name)
            self._own(name, Reason("package", real, name))
            for whole in self._wholes(name):
                self._own(whole, Reason("package", real, whole))
            for behind in self._behind_front_end(name, path):
                self._own(behind, Reason("package", path, behind))
        self._look_for_compiler(dict.fromkeys(owners), real)
        self._expand()
        own = [name for name, package in self.packages.items() if package.own]
        sources = {self.catalogue.source(name) for name in owners}
        for name in [name for name in self.packages if self.catalogue.source(name) in sources]:
            self._residents(name, real)
        self._recommended(own, real)
        self._expand()

    def add_interpreter(self, path: str, script: str) -> None:
        """Take the packages of a script's interpreter: its core alone where the script asks for no more."""
        real = os.path.realpath(path)
        owner = self.db.owner(real) or self.db.owner(path)
        if owner is not None and owner in self.rules.interpreters.values() and self._is_enough(owner, script):
            self._enough.add(owner)
            self.started.setdefault(real)
            self._own(owner, Reason("package", script, owner))
            self._expand()
        else:
            self.add_program(path, real)

    def add_modules(self, script: str, modules: Mapping[str, Sequence[str]], sources: Iterable[str]) -> None:
        """Take packages of which a script asks for modules: they are to it what its own would depend on.

        ``modules`` are files of each package; ``sources`` are modules of the script's own, which import others too.
        """
        for name, files in modules.items():
            self.held_back.pop(name, None)
            reason = Reason("package", script, name)
            if name in self.packages:
                self.packages[name].others.setdefault(reason)
                continue
            source_texts = [file for file in self.db.files(name) if file.endswith(SOURCES)]
            self._words[name] = self.texts.words([script, *source_texts])
            of_use = offered(self.catalogue, self.texts, name, files, self._words[name])
            self.packages[name] = Chosen(name, reason, near=True, files=of_use)
        self._imports.start(sources)
        self._expand()

    def is_private(self, directory: str, name: str) -> bool:
        """Whether only a package and others of its source, or chosen ones, have the directory."""
        if directory.count("/") < SHALLOW:
            return False
        return all(
            owner in self.packages or self.catalogue.source(owner) == self.catalogue.source(name)
            for owner in self.db.directory_owners(directory)
        )

    def release(self, names: Iterable[str]) -> None:
        """Take interpreters that were held back."""
        for name in names:
            self.packages[name] = self.held_back.pop(name)
        self._expand()

    def _hold_back(self, name: str, reason: Reason, *, near: bool) -> None:
        if name not in self.packages:
            self.held_back.setdefault(name, Chosen(name, reason, near=near, files=self.db.files(name)))

    def _is_compiled(self) -> bool:
        return all(map(partial(is_elf, DiskFiles()), self.started))

    def own_words(self) -> set[str]:
        """Words in the source texts of the programs' own packages: Python and its like are not understood better."""
        for package in self.packages.values():
            if package.own and package.name not in self._words:
                sources = (file for file in package.files if file.endswith(SOURCES))
                self._words[package.name] = self.texts.words([*sources, *self._scripts()])
        return set().union(*self._words.values())

    def _scripts(self) -> list[str]:
        return [path for path in self.started if not is_elf(DiskFiles(), path)]

    def _is_enough(self, core: str, script: str) -> bool:
        """Whether an interpreter's core package has every module that a script and its packages ask for."""
        own = [file for package in self.packages.values() if package.name != core for file in package.files]
        return self.texts.has_perl_modules(script, own, self.db.files(core))

    def _own(self, name: str, reason: Reason) -> None:
        known = self.packages.get(name)
        if known is None:
            self.packages[name] = Chosen(name, reason, own=True, files=self.db.files(name))
        else:
            known.own = True
            known.others.setdefault(reason)

    # ---- what belongs to a program ----

    def _wholes(self, name: str) -> Iterator[str]:
        """Installed packages that a part's name points to: python3-minimal to python3, perl-base to perl."""
        for whole in sorted({name.removesuffix(suffix) for suffix in self.rules.part_suffixes} - {name}):
            if self.db.package(whole) is not None and name in self.catalogue.closure(whole):
                yield whole

    def _behind_front_end(self, owner: str, path: str) -> Iterator[str]:
        """Packages that need the owner and hold the program behind a front end.

        One of the same name that is no command, as psql behind pg_wrapper, which has many names; or a command that
        a front end names, as ghdl-mcode behind the script ghdl.
        """
        real = os.path.realpath(path)
        commands = frozenset() if is_elf(DiskFiles(), real) else self.texts.started(real)
        helpers = {posixpath.basename(path)} - {posixpath.basename(real)}
        if not (commands or helpers):
            return
        for asker in self.catalogue.askers_of(owner):
            for file in self.db.files(asker):
                if posixpath.basename(file) in (commands if is_command(file) else helpers) and _is_program(file):
                    yield asker
                    break

    def _look_for_compiler(self, owners: Iterable[str], real: str) -> None:
        """A compiler's package asks for the C library's headers: then headers and archives count as data."""
        headers = self.db.owner(HEADER)
        if headers is None:
            return
        for owner in owners:
            asked = {name for item in self.db.depends(owner) for name in item.packages[:1]}
            if headers in asked | self.catalogue.closure(owner, 2):  # itself, or a compiler that is a library of its
                self.compiles = True
                for name in dict.fromkeys((headers, self.db.owner(KERNEL_HEADER) or headers)):
                    self.packages.setdefault(
                        name, Chosen(name, Reason("package", real, name), files=self.db.files(name))
                    )

    def _residents(self, name: str, real: str) -> None:
        """Packages of the same source that live in the private directories of a program's own package.

        So do the parts of an office suite or the extensions of an interpreter; and plug-ins of another source, if
        their package has the source's name before its own. Those for developers and testers are not wanted, nor are
        other programs, unless this one names them.
        """
        homes = self.catalogue.homes(name)
        if not homes:
            return
        source = self.catalogue.source(name)
        of_source = self.catalogue.of_source(source)
        others = [asker for asker in self.db.packages() if asker.startswith(f"{source}-") and asker not in of_source]
        for asker in (*of_source, *others):
            if asker in self.packages or self.catalogue.is_for_developers(asker):
                continue
            inside = [file for file in self.db.files(asker) if posixpath.dirname(file) in homes]
            if asker in others:
                inside = [file for file in inside if file.endswith(".so")]
            if inside and self._is_part(asker, real):
                self._own(asker, Reason("package", name, asker))

    def _recommended(self, owners: Iterable[str], real: str) -> None:
        """Take from the recommended packages what is a part of the program.

        Those of its own source, those that hold a command which the program names (gpg-agent for gpg), and
        those whose files lie in its packages' directories (aspell's word lists). What is for developers of its own
        source may hold more than headers, as the definitions beside protoc's; that of a compiler is a library's.
        """
        named = self.texts.started(real) or (set() if is_elf(DiskFiles(), real) else self.own_words())
        sources = {self.catalogue.source(owner) for owner in owners}
        homes = {directory for name in self.packages for directory in self.catalogue.homes(name)}
        below = {directory for name in owners for directory in self.catalogue.homes(name)}
        for candidate in dict.fromkeys(self.catalogue.recommendations(owners)):
            if candidate in self.packages or self.rules.is_foreign_to_lambda(candidate):
                continue
            if candidate in self.rules.interpreters:
                self._recommend_interpreter(self._smallest(candidate), Reason("package", real, candidate))
                continue
            is_of_source = self.catalogue.source(candidate) in sources
            is_for_developers = self.catalogue.is_for_developers(candidate)
            files = self.db.files(candidate)
            if is_for_developers:
                files = tuple(file for file in files if not file.endswith(DEVELOPMENT))
            # An empty package stands for those that it depends on.
            is_empty = all(map(self.rules.is_unwanted, files))
            is_not_for_us = is_for_developers and (self.compiles or not is_of_source)
            if is_not_for_us or is_empty or self.catalogue.needs_display(candidate):
                continue
            if any(is_command(file) and posixpath.basename(file) in named for file in files):
                wanted = self._is_worth_it(candidate, real)
            elif is_of_source:
                wanted = self._is_part(candidate, real)
            else:
                wanted = any(posixpath.dirname(file) in homes or not below.isdisjoint(_above(file)) for file in files)
            if wanted:
                self.packages[candidate] = Chosen(candidate, Reason("package", real, candidate), files=files)

    def _recommend_interpreter(self, core: str, reason: Reason) -> None:
        if core not in self.held_back:
            self.recommended_interpreters.add(core)
        self._hold_back(core, reason, near=True)

    def _is_part(self, name: str, real: str) -> bool:
        """Whether a package of a program's source is a part of it: another program is, if this one names it."""
        programs = {
            posixpath.basename(file)
            for file in self.db.files(name)
            if ".so" not in file and _is_program(file) and is_elf(DiskFiles(), file)
        }
        if programs:
            return bool(programs & self.texts.started(real)) and self._is_worth_it(name, real)
        plugins = sum(file.endswith(".so") for file in self.db.files(name))
        return plugins > SHOWING or not self.catalogue.needs_display(name)

    def _is_worth_it(self, name: str, real: str) -> bool:
        """Whether a helper for which only its name speaks is a small one: half of what the program itself needs.

        gpg names gpg-agent, which needs what gpg needs, and dirmngr, which asks directories in the network by
        protocols whose libraries are larger than all of gpg. What a program cannot do without it depends on.
        """
        if self.texts.started(real) and not is_elf(
            DiskFiles(), real
        ):  # a shell script names little that it does not start
            return True
        own = self.catalogue.closure(self.db.owner(real) or name)
        more = self.catalogue.closure(name) - own
        return WORTH * self.catalogue.weight(more) <= self.catalogue.weight(own)

    # ---- what packages depend on ----

    def _expand(self) -> None:
        """Follow Depends. From a library only to what is of its own source."""
        for package in self.packages.values():
            if package.own:
                self._look_at_imports(package)
        self._imports.start(self._scripts())
        known = -1
        while known != len(self._imports.reached):  # what is reached later may import what was left out before
            known = len(self._imports.reached)
            self._follow_depends()

    def _follow_depends(self) -> None:
        waiting = [package for package in self.packages.values() if not package.library]
        seen = {package.name for package in waiting}
        while waiting:
            package = waiting.pop()
            self._look_at_imports(package)
            for dependency in self.catalogue.dependencies(package.name):
                for name in dependency.packages[:1]:
                    if not self._may_follow(package, name):
                        continue
                    known = self.packages.get(self.rules.interpreters.get(name, name)) or self.packages.get(name)
                    if known is not None:
                        known.others.setdefault(Reason("package", package.name, known.name))
                    if name in seen:
                        continue
                    seen.add(name)
                    followed = self._follow(name, package)
                    if followed is not None:
                        waiting.append(followed)

    def _may_follow(self, package: Chosen, name: str) -> bool:
        if self.rules.is_foreign_to_lambda(name) and not self._is_named(package, name):
            return False
        if self.catalogue.is_for_developers(name) and not (self.compiles or package.own):
            return False
        if package.library:
            return self.catalogue.source(name) == self.catalogue.source(package.name)
        return package.own or not self._are_modules(package.name) or self._is_used(package, name)

    def _is_named(self, package: Chosen, name: str) -> bool:
        """Whether a program cannot do without what Lambda otherwise has no use for: Xvfb without keyboard tables.

        It is there for the hardware or the screen, but the program's own packages ask for it and the program names it.
        """
        if not (self._is_own_source(package) and self.rules.absent.match(name)):
            return False
        commands = [posixpath.basename(file) for file in self.db.files(name) if is_command(file)]
        names = (*self.catalogue.homes(name), *(command for command in commands if len(command) >= TELLING))
        return any(self.texts.holds(path, names) for path in self.started)

    def _is_own_source(self, package: Chosen) -> bool:
        source = self.catalogue.source(package.name)
        return any(other.own and self.catalogue.source(other.name) == source for other in self.packages.values())

    def _look_at_imports(self, package: Chosen) -> None:
        """Follow the imports of a program's own modules, and of those that nobody knows how they are imported."""
        if not (self._are_modules(package.name) or package.own):
            return
        sources = [file for file in package.files if file.endswith(".py")]
        if package.own or self._imports.reached.isdisjoint(package.files):
            self._imports.start(sources)
        else:
            self._imports.take(package.files)

    def _are_modules(self, name: str) -> bool:
        if name not in self._is_python:
            self._is_python[name] = self._imports.are_modules(self.db.files(name))
        return self._is_python[name]

    def _is_worth_asking(self, name: str) -> bool:
        if name not in self._is_large:
            is_library = any(map(is_public_library, self.db.files(name)))
            self._is_large[name] = not is_library and self.catalogue.weight([name]) >= LARGE
        return self._is_large[name]

    def _is_used(self, package: Chosen, name: str) -> bool:
        """Whether what a library in Python depends on is of use here: it may be for a part that nobody imports.

        Other modules are, if they are imported or named; data are, if a source names their directory or a link leads
        there. What was built together belongs together, and what is small is not worth a mistake.
        """
        files = self.db.files(name)
        is_together = self.catalogue.source(name) == self.catalogue.source(package.name)
        if is_together or not self._is_worth_asking(name):
            return True
        if self._are_modules(name):
            return self._imports.ask_for(files)
        homes = self.catalogue.homes(name)
        sources = [file for file in package.files if file in self._imports.reached]
        return (
            any(map(partial(is_elf, DiskFiles()), files))
            or any(self.texts.any_names(sources, os.fsencode(home)) for home in homes)
            or any(os.path.realpath(file) in homes for file in package.files if os.path.islink(file))
        )

    def _follow(self, name: str, asker: Chosen) -> Chosen | None:
        if name in self.packages:
            return None
        name = self._smallest(name)
        files = self.db.files(name)
        if is_libc(files) or name in self.packages:
            return None
        if name in self.rules.interpreters.values() and not self._enough and self._is_compiled():
            self._hold_back(name, Reason("package", asker.name, name), near=asker.own)
            return None
        by_recipe = [file for file in files if is_command(file) and self.has_recipe(file)]
        if by_recipe:  # the recipe knows what the compiler needs; its packages hold three times as much
            if asker.own or asker.near:  # further away it is a module that can be built, not one that builds
                self.by_recipe.update(dict.fromkeys(by_recipe))
            return None
        library = any(is_versioned_library(file) for file in files)
        reason = Reason("package", asker.name, name)
        development = asker.own and self.catalogue.is_for_developers(name)
        chosen = Chosen(name, reason, library=library, near=asker.own, development=development, files=files)
        return self.packages.setdefault(name, chosen)

    def _smallest(self, name: str) -> str:
        """An interpreter that a compiled program asks for is for helpers beside it: its core will do."""
        part = self.rules.interpreters.get(name)
        if part in self._enough:
            return part
        known = self.packages.get(part or "")
        if part is None or self.db.package(part) is None or (known is not None and known.own):
            return name
        return part


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _above(path: str) -> set[str]:
    """All directories above a path."""
    above = set()
    while path != "/":
        path = posixpath.dirname(path)
        above.add(path)
    return above
