"""Which packages count: those that own the programs, those they were split from, and the dependencies of both."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.rules import is_command, is_versioned_library
from lambundle.discover.selection.catalogue import SHALLOW, is_libc
from lambundle.discover.selection.compiler import DEVELOPMENT, compilers_packages
from lambundle.discover.selection.offered import offered
from lambundle.discover.selection.parts import Parts
from lambundle.discover.selection.python_use import PythonUse
from lambundle.gather.wanted import Chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lambundle.discover.evidence import Texts
    from lambundle.discover.selection.catalogue import Catalogue

TELLING = 5
"""Characters of a name from which on it is hardly a part of another text."""

SOURCES = (".py", ".pl", ".pm", ".rb", ".js", ".mjs", ".cjs", ".lua", ".tcl", ".php")
"""Endings of source texts, in which the names of programs and libraries stand between quotes."""


class Choice:
    """Packages of some programs, chosen one program after the other.

    ``packages`` are those chosen, ``started`` the real paths of the programs and interpreters, ``names`` what
    the programs are called. Commands that a recipe takes care of, instead of their packages, are in ``by_recipe``.
    ``compiles`` says whether one of the programs is a compiler, for which headers and archives are data.
    Interpreters that only a compiled program's package depends on are in ``held_back``; those that it does no more
    than recommend in ``recommended_interpreters`` too. Packages of programs that only shell scripts start are in
    ``started_by_scripts``.
    """

    def __init__(self, catalogue: Catalogue, texts: Texts, has_recipe: Callable[[str], bool]) -> None:
        self.catalogue = catalogue
        self.db = catalogue.db
        self.files = catalogue.files
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
        self._parts = Parts(catalogue, texts)
        self._python = PythonUse(catalogue, texts)

    def add_program(self, path: str, real: str, *, by_script: bool = False) -> None:
        """Take the packages that own a program, those they were split from, and the dependencies of all.

        ``by_script`` is for one that was not requested, but that a shell script starts.
        """
        self.started.setdefault(real)
        self.names |= {posixpath.basename(path), posixpath.basename(real)}
        owners = [name for name in (self.db.owner(path), self.db.owner(real)) if name is not None]
        for name in dict.fromkeys(owners):
            if by_script and name not in self.packages:
                self.started_by_scripts.add(name)
            self._own(name, Reason("package", real, name))
            for whole in self._parts.wholes(name):
                self._own(whole, Reason("package", real, whole))
            for behind in self._parts.behind_front_end(name, path):
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
        """Take the packages of a script's interpreter: its core alone where the script needs no more."""
        real = self.files.real(path)
        owner = self.db.owner(real) or self.db.owner(path)
        if owner is not None and owner in self.catalogue.interpreters.values() and self._is_enough(owner, script):
            self._enough.add(owner)
            self.started.setdefault(real)
            self._own(owner, Reason("package", script, owner))
            self._expand()
        else:
            self.add_program(path, real)

    def add_modules(self, script: str, modules: Mapping[str, Sequence[str]], sources: Iterable[str]) -> None:
        """Take packages of which a script loads modules, as if a package of the script depended on them.

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
        self._python.start(sources)
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
        return all(map(self.texts.is_elf, self.started))

    def own_words(self) -> set[str]:
        """Words in the source texts of the programs' own packages: Python and its like are not understood better."""
        for package in self.packages.values():
            if package.own and package.name not in self._words:
                sources = (file for file in package.files if file.endswith(SOURCES))
                self._words[package.name] = self.texts.words([*sources, *self._scripts()])
        return set().union(*self._words.values())

    def _scripts(self) -> list[str]:
        return [path for path in self.started if not self.texts.is_elf(path)]

    def _is_enough(self, core: str, script: str) -> bool:
        """Whether an interpreter's core package has every module that a script and its packages load."""
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

    def _look_for_compiler(self, owners: Iterable[str], real: str) -> None:
        headers = compilers_packages(self.catalogue, owners)
        self.compiles |= bool(headers)
        for name, files in headers.items():
            self.packages.setdefault(name, Chosen(name, Reason("package", real, name), files=files))

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
        others = [
            dependent
            for dependent in self.db.packages()
            if dependent.startswith(f"{source}-") and dependent not in of_source
        ]
        for dependent in (*of_source, *others):
            if dependent in self.packages or self.catalogue.is_for_developers(dependent):
                continue
            inside = [file for file in self.db.files(dependent) if posixpath.dirname(file) in homes]
            if dependent in others:
                inside = [file for file in inside if file.endswith(".so")]
            if inside and self._parts.is_part(dependent, real):
                self._own(dependent, Reason("package", name, dependent))

    def _recommended(self, owners: Iterable[str], real: str) -> None:
        """Take from the recommended packages what is a part of the program.

        Those of its own source, those that hold a command which the program names (gpg-agent for gpg), and
        those whose files lie in its packages' directories (aspell's word lists). What is for developers of its own
        source may hold more than headers, as the definitions beside protoc's; that of a compiler is a library's.
        """
        named = self.texts.started(real) or (set() if self.texts.is_elf(real) else self.own_words())
        sources = {self.catalogue.source(owner) for owner in owners}
        homes = {directory for name in self.packages for directory in self.catalogue.homes(name)}
        below = {directory for name in owners for directory in self.catalogue.homes(name)}
        for candidate in dict.fromkeys(self.catalogue.recommendations(owners)):
            if candidate in self.packages or self.catalogue.is_foreign(candidate):
                continue
            if candidate in self.catalogue.interpreters:
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
                wanted = self._parts.is_worth_it(candidate, real)
            elif is_of_source:
                wanted = self._parts.is_part(candidate, real)
            else:
                wanted = any(posixpath.dirname(file) in homes or not below.isdisjoint(_above(file)) for file in files)
            if wanted:
                self.packages[candidate] = Chosen(candidate, Reason("package", real, candidate), files=files)

    def _recommend_interpreter(self, core: str, reason: Reason) -> None:
        if core not in self.held_back:
            self.recommended_interpreters.add(core)
        self._hold_back(core, reason, near=True)

    # ---- what packages depend on ----

    def _expand(self) -> None:
        """Follow Depends. From a library only to what is of its own source."""
        for package in self.packages.values():
            if package.own:
                self._python.look_at(package)
        self._python.start(self._scripts())
        known = -1
        while known != len(self._python):  # what is reached later may import what was left out before
            known = len(self._python)
            self._follow_depends()

    def _follow_depends(self) -> None:
        waiting = [package for package in self.packages.values() if not package.library]
        seen = {package.name for package in waiting}
        while waiting:
            package = waiting.pop()
            self._python.look_at(package)
            for dependency in self.catalogue.dependencies(package.name):
                for name in dependency.packages[:1]:
                    if not self._may_follow(package, name):
                        continue
                    known = self.packages.get(self.catalogue.interpreters.get(name, name)) or self.packages.get(name)
                    if known is not None:
                        known.others.setdefault(Reason("package", package.name, known.name))
                    if name in seen:
                        continue
                    seen.add(name)
                    followed = self._follow(name, package)
                    if followed is not None:
                        waiting.append(followed)

    def _may_follow(self, package: Chosen, name: str) -> bool:
        if self.catalogue.is_foreign(name) and not self._is_named(package, name):
            return False
        if self.catalogue.is_for_developers(name) and not (self.compiles or package.own):
            return False
        if package.library:
            return self.catalogue.source(name) == self.catalogue.source(package.name)
        return package.own or not self._python.are_modules(package.name) or self._python.is_used(package, name)

    def _is_named(self, package: Chosen, name: str) -> bool:
        """Whether a program cannot do without what Lambda otherwise has no use for: Xvfb without keyboard tables.

        It is there for the hardware or the screen, but the program's packages depend on it and the program names it.
        """
        if not (self._is_own_source(package) and self.catalogue.is_absent(name)):
            return False
        commands = [posixpath.basename(file) for file in self.db.files(name) if is_command(file)]
        names = (*self.catalogue.homes(name), *(command for command in commands if len(command) >= TELLING))
        return any(self.texts.holds(path, names) for path in self.started)

    def _is_own_source(self, package: Chosen) -> bool:
        source = self.catalogue.source(package.name)
        return any(other.own and self.catalogue.source(other.name) == source for other in self.packages.values())

    def _follow(self, name: str, dependent: Chosen) -> Chosen | None:
        if name in self.packages:
            return None
        name = self._smallest(name)
        files = self.db.files(name)
        if is_libc(files) or name in self.packages:
            return None
        if name in self.catalogue.interpreters.values() and not self._enough and self._is_compiled():
            self._hold_back(name, Reason("package", dependent.name, name), near=dependent.own)
            return None
        by_recipe = [file for file in files if is_command(file) and self.has_recipe(file)]
        if by_recipe:  # the recipe knows what the compiler needs; its packages hold three times as much
            if dependent.own or dependent.near:  # further away it is a module that can be built, not one that builds
                self.by_recipe.update(dict.fromkeys(by_recipe))
            return None
        library = any(is_versioned_library(file) for file in files)
        reason = Reason("package", dependent.name, name)
        development = dependent.own and self.catalogue.is_for_developers(name)
        chosen = Chosen(name, reason, library=library, near=dependent.own, development=development, files=files)
        return self.packages.setdefault(name, chosen)

    def _smallest(self, name: str) -> str:
        """Return the core of an interpreter: a compiled program needs no more for helpers beside it."""
        part = self.catalogue.interpreters.get(name)
        if part in self._enough:
            return part
        known = self.packages.get(part or "")
        if part is None or self.db.package(part) is None or (known is not None and known.own):
            return name
        return part


def _above(path: str) -> set[str]:
    """All directories above a path."""
    above = set()
    while path != "/":
        path = posixpath.dirname(path)
        above.add(path)
    return above
