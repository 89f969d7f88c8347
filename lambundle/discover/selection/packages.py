"""Selection of packages: the owners of the programs, the packages they were split from, the dependencies of both."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from lambundle.bundle.model import Reason
from lambundle.discover.rules import is_command, is_versioned_library
from lambundle.discover.selection.catalogue import SHALLOW, is_libc
from lambundle.discover.selection.compiler import DEVELOPMENT, compilers_packages
from lambundle.discover.selection.module_files import module_files
from lambundle.discover.selection.parts import Parts
from lambundle.discover.selection.python_use import PythonUse
from lambundle.discover.selection.selected import SelectedPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lambundle.discover.evidence import FileEvidence
    from lambundle.discover.selection.catalogue import Catalogue

TELLING = 5
"""Characters from which a name in a file is evidence: a shorter one may be part of another word."""

SOURCES = (".py", ".pl", ".pm", ".rb", ".js", ".mjs", ".cjs", ".lua", ".tcl", ".php")
"""Endings of source files, in which names of programs and libraries are quoted."""


class PackageSelection:
    """Packages of some programs, selected one program at a time.

    ``chosen`` are the packages, ``programs`` the real paths of programs and interpreters, ``names`` the file names of
    the programs, ``by_recipe`` the commands that a recipe handles instead of their packages. ``compiles`` is true if
    a program is a compiler, for which headers and archives are data. ``held_back`` are interpreters that only the
    package of a compiled program depends on, ``recommended_interpreters`` those of them that it only recommends.
    ``started_by_scripts`` are packages of programs that only shell scripts start.
    """

    def __init__(self, catalogue: Catalogue, evidence: FileEvidence, has_recipe: Callable[[str], bool]) -> None:
        self.catalogue = catalogue
        self.db = catalogue.db
        self.files = catalogue.files
        self.rules = catalogue.rules
        self.evidence = evidence
        self.has_recipe = has_recipe
        self.chosen: dict[str, SelectedPackage] = {}
        self.programs: dict[str, None] = {}
        self.names: set[str] = set()
        self.by_recipe: dict[str, None] = {}
        self.compiles = False
        self.held_back: dict[str, SelectedPackage] = {}
        self.recommended_interpreters: set[str] = set()
        self.started_by_scripts: set[str] = set()
        self._enough: set[str] = set()
        self._words: dict[str, set[str]] = {}
        self._parts = Parts(catalogue, evidence)
        self._python = PythonUse(catalogue, evidence)

    def add_program(self, path: str, real: str, *, by_script: bool = False) -> None:
        """Select the packages that own a program, the packages they were split from, and the dependencies of both.

        ``by_script`` marks a program that was not requested but is started by a shell script.
        """
        self.programs.setdefault(real)
        self.names |= {posixpath.basename(path), posixpath.basename(real)}
        owners = [name for name in (self.db.owner(path), self.db.owner(real)) if name is not None]
        for name in dict.fromkeys(owners):
            if by_script and name not in self.chosen:
                self.started_by_scripts.add(name)
            self._add_root(name, Reason("package", real, name))
            for whole in self._parts.split_from(name):
                self._add_root(whole, Reason("package", real, whole))
            for behind in self._parts.behind_front_end(name, path):
                self._add_root(behind, Reason("package", path, behind))
        self._look_for_compiler(dict.fromkeys(owners), real)
        self._expand()
        own = [name for name, package in self.chosen.items() if package.root]
        sources = {self.catalogue.source(name) for name in owners}
        for name in [name for name in self.chosen if self.catalogue.source(name) in sources]:
            self._residents(name, real)
        self._recommended(own, real)
        self._expand()

    def add_interpreter(self, path: str, script: str) -> None:
        """Select the packages of a script's interpreter; only its core if that has all modules of the script."""
        real = self.files.real(path)
        owner = self.db.owner(real) or self.db.owner(path)
        if owner is not None and owner in self.catalogue.interpreters.values() and self._is_enough(owner, script):
            self._enough.add(owner)
            self.programs.setdefault(real)
            self._add_root(owner, Reason("package", script, owner))
            self._expand()
        else:
            self.add_program(path, real)

    def add_modules(self, script: str, modules: Mapping[str, Sequence[str]], sources: Iterable[str]) -> None:
        """Select packages with modules that a script loads, as direct dependencies.

        ``modules`` are files of each package; ``sources`` are the script's own modules, whose imports count too.
        """
        for name, files in modules.items():
            self.held_back.pop(name, None)
            reason = Reason("package", script, name)
            if name in self.chosen:
                self.chosen[name].more_reasons.setdefault(reason)
                continue
            source_texts = [file for file in self.db.files(name) if file.endswith(SOURCES)]
            self._words[name] = self.evidence.words([script, *source_texts])
            needed = module_files(self.catalogue, self.evidence, name, files, self._words[name])
            self.chosen[name] = SelectedPackage(name, reason, direct=True, files=needed)
        self._python.start(sources)
        self._expand()

    def recommendations(self) -> set[str]:
        """Return the packages that root packages recommend."""
        return set(self.catalogue.recommendations([name for name, package in self.chosen.items() if package.root]))

    def add_part(self, name: str, reason: Reason, *, whole: bool = False) -> None:
        """Select a package as if the programs depended on it; ``whole`` with its commands and public libraries."""
        known = self.chosen.get(name)
        if known is None:
            files = self.db.files(name)
            development = whole and self.catalogue.is_for_developers(name)
            known = SelectedPackage(name, reason, direct=True, development=development, files=files)
            self.chosen[name] = known
        else:
            known.more_reasons.setdefault(reason)
        known.whole |= whole
        self._expand()

    def complete_interpreters(self, names: Iterable[str]) -> None:
        """Select the full interpreter of some selected packages if the core lacks modules of theirs."""
        for full, core in self.catalogue.interpreters.items():
            if full in self.chosen or full == core or self.db.package(full) is None:
                continue
            for name in names:
                needs = self.catalogue.closure(name, 3)
                if full in needs and not self._has_modules(name, core):
                    self.add_part(full, Reason("package", name, full))
                    break

    def _has_modules(self, name: str, core: str) -> bool:
        """Return whether an interpreter's core and the selected packages have all modules of a package's sources."""
        own = [file for package in self.chosen.values() if package.name != core for file in package.files]
        sources = [file for file in self.db.files(name) if file.endswith(".pm") or self.files.is_executable(file)]
        scripts = [file for file in sources if not self.evidence.is_elf(file) and self.evidence.is_perl(file)]
        return all(self.evidence.has_perl_modules(file, own, self.db.files(core)) for file in scripts)

    def is_private(self, directory: str, name: str) -> bool:
        """Return whether only selected packages and packages of one source list the directory."""
        if directory.count("/") < SHALLOW:
            return False
        return all(
            owner in self.chosen or self.catalogue.source(owner) == self.catalogue.source(name)
            for owner in self.db.directory_owners(directory)
        )

    def is_irrelevant(self, name: str) -> bool:
        """Return whether a package serves hardware, a desktop or administration."""
        return self.catalogue.is_irrelevant(name)

    def bytes_more(self, name: str) -> int:
        """Return the bytes of a package and its dependencies that no selected package has or depends on."""
        known = {below for chosen in self.chosen for below in self.catalogue.closure(chosen, 2)}
        return self.catalogue.weight(self.catalogue.closure(name) - known)

    def release(self, names: Iterable[str]) -> None:
        """Select interpreters that were held back."""
        for name in names:
            self.chosen[name] = self.held_back.pop(name)
        self._expand()

    def _hold_back(self, name: str, reason: Reason, *, direct: bool) -> None:
        if name not in self.chosen:
            self.held_back.setdefault(name, SelectedPackage(name, reason, direct=direct, files=self.db.files(name)))

    def _is_compiled(self) -> bool:
        return all(map(self.evidence.is_elf, self.programs))

    def own_words(self) -> set[str]:
        """Return the quoted words in the source files of root packages and in scripts."""
        for package in self.chosen.values():
            if package.root and package.name not in self._words:
                sources = (file for file in package.files if file.endswith(SOURCES))
                self._words[package.name] = self.evidence.words([*sources, *self._scripts()])
        return set().union(*self._words.values())

    def _scripts(self) -> list[str]:
        return [path for path in self.programs if not self.evidence.is_elf(path)]

    def _is_enough(self, core: str, script: str) -> bool:
        """Return whether an interpreter's core package has every module that a script and its packages load."""
        own = [file for package in self.chosen.values() if package.name != core for file in package.files]
        return self.evidence.has_perl_modules(script, own, self.db.files(core))

    def _add_root(self, name: str, reason: Reason) -> None:
        known = self.chosen.get(name)
        if known is None:
            self.chosen[name] = SelectedPackage(name, reason, root=True, files=self.db.files(name))
        else:
            known.root = True
            known.more_reasons.setdefault(reason)

    # ---- parts of a program ----

    def _look_for_compiler(self, owners: Iterable[str], real: str) -> None:
        headers = compilers_packages(self.catalogue, owners)
        self.compiles |= bool(headers)
        for name, files in headers.items():
            self.chosen.setdefault(name, SelectedPackage(name, Reason("package", real, name), files=files))

    def _residents(self, name: str, real: str) -> None:
        """Select packages of the same source with files in the private directories of a root package.

        These are parts of an office suite or extensions of an interpreter. Plug-ins of another source are selected if
        their package's name begins with this source's. Packages for developers are not, other programs only if this
        one names them.
        """
        directories = self.catalogue.own_directories(name)
        if not directories:
            return
        source = self.catalogue.source(name)
        of_source = self.catalogue.of_source(source)
        others = [
            dependent
            for dependent in self.db.packages()
            if dependent.startswith(f"{source}-") and dependent not in of_source
        ]
        for dependent in (*of_source, *others):
            if dependent in self.chosen or self.catalogue.is_for_developers(dependent):
                continue
            inside = [file for file in self.db.files(dependent) if posixpath.dirname(file) in directories]
            if dependent in others:
                inside = [file for file in inside if file.endswith(".so")]
            if inside and self._parts.is_part(dependent, real):
                self._add_root(dependent, Reason("package", name, dependent))

    def _recommended(self, owners: Iterable[str], real: str) -> None:
        """Select the recommended packages that are parts of the program.

        These are packages of its source, packages with a command that it names (gpg-agent for gpg), and packages with
        files in its packages' directories (aspell's word lists). A package for developers of the same source may have
        more than headers (protoc's definitions), except for a compiler, where it is a library's.
        """
        named = self.evidence.started_names(real) or (set() if self.evidence.is_elf(real) else self.own_words())
        sources = {self.catalogue.source(owner) for owner in owners}
        directories = {directory for name in self.chosen for directory in self.catalogue.own_directories(name)}
        below = {directory for name in owners for directory in self.catalogue.own_directories(name)}
        for candidate in dict.fromkeys(self.catalogue.recommendations(owners)):
            if candidate in self.chosen or self.catalogue.is_irrelevant(candidate):
                continue
            if candidate in self.catalogue.interpreters:
                self._recommend_interpreter(self._smallest(candidate), Reason("package", real, candidate))
                continue
            is_of_source = self.catalogue.source(candidate) in sources
            is_for_developers = self.catalogue.is_for_developers(candidate)
            files = self.db.files(candidate)
            if is_for_developers:
                files = tuple(file for file in files if not file.endswith(DEVELOPMENT))
            # An empty package stands for its dependencies.
            is_empty = all(map(self.rules.is_unwanted, files))
            is_irrelevant = is_for_developers and (self.compiles or not is_of_source)
            if is_irrelevant or is_empty or self.catalogue.needs_display(candidate):
                continue
            if any(is_command(file) and posixpath.basename(file) in named for file in files):
                selected = self._parts.is_small_helper(candidate, real)
            elif is_of_source:
                selected = self._parts.is_part(candidate, real)
            else:
                selected = any(
                    posixpath.dirname(file) in directories or not below.isdisjoint(_above(file)) for file in files
                )
            if selected:
                self.chosen[candidate] = SelectedPackage(candidate, Reason("package", real, candidate), files=files)

    def _recommend_interpreter(self, core: str, reason: Reason) -> None:
        if core not in self.held_back:
            self.recommended_interpreters.add(core)
        self._hold_back(core, reason, direct=True)

    # ---- dependencies ----

    def _expand(self) -> None:
        """Follow Depends; from a library only to packages of its source."""
        for package in self.chosen.values():
            if package.root:
                self._python.follow_package(package)
        self._python.start(self._scripts())
        known = -1
        while known != len(self._python):  # a module reached later may import one that was left out
            known = len(self._python)
            self._follow_depends()

    def _follow_depends(self) -> None:
        waiting = [package for package in self.chosen.values() if not package.library]
        seen = {package.name for package in waiting}
        while waiting:
            package = waiting.pop()
            self._python.follow_package(package)
            for dependency in self.catalogue.dependencies(package.name):
                for name in dependency.providers[:1]:
                    if not self._may_follow(package, name):
                        continue
                    known = self.chosen.get(self.catalogue.interpreters.get(name, name)) or self.chosen.get(name)
                    if known is not None:
                        known.more_reasons.setdefault(Reason("package", package.name, known.name))
                    if name in seen:
                        continue
                    seen.add(name)
                    followed = self._follow(name, package)
                    if followed is not None:
                        waiting.append(followed)

    def _may_follow(self, package: SelectedPackage, name: str) -> bool:
        if self.catalogue.is_irrelevant(name) and not self._is_named(package, name):
            return False
        if self.catalogue.is_for_developers(name) and not (self.compiles or package.root):
            return False
        if package.library:
            return self.catalogue.source(name) == self.catalogue.source(package.name)
        return package.root or not self._python.are_modules(package.name) or self._python.is_used(package, name)

    def _is_named(self, package: SelectedPackage, name: str) -> bool:
        """Return whether a program names a package for hardware that its packages depend on: Xvfb's keyboard tables."""
        if not (self._is_own_source(package) and self.catalogue.is_hardware(name)):
            return False
        commands = [posixpath.basename(file) for file in self.db.files(name) if is_command(file)]
        names = (*self.catalogue.own_directories(name), *(command for command in commands if len(command) >= TELLING))
        return any(self.evidence.contains(path, names) for path in self.programs)

    def _is_own_source(self, package: SelectedPackage) -> bool:
        source = self.catalogue.source(package.name)
        return any(other.root and self.catalogue.source(other.name) == source for other in self.chosen.values())

    def _follow(self, name: str, dependent: SelectedPackage) -> SelectedPackage | None:
        if name in self.chosen:
            return None
        name = self._smallest(name)
        files = self.db.files(name)
        if is_libc(files) or name in self.chosen:
            return None
        if name in self.catalogue.interpreters.values() and not self._enough and self._is_compiled():
            self._hold_back(name, Reason("package", dependent.name, name), direct=dependent.root)
            return None
        by_recipe = [file for file in files if is_command(file) and self.has_recipe(file)]
        if by_recipe:  # the compiler's packages are three times as large
            if dependent.root or dependent.direct:  # an indirect dependency builds modules, which no program does
                self.by_recipe.update(dict.fromkeys(by_recipe))
            return None
        library = any(is_versioned_library(file) for file in files)
        reason = Reason("package", dependent.name, name)
        development = dependent.root and self.catalogue.is_for_developers(name)
        chosen = SelectedPackage(
            name, reason, library=library, direct=dependent.root, development=development, files=files
        )
        return self.chosen.setdefault(name, chosen)

    def _smallest(self, name: str) -> str:
        """Return the core package of an interpreter, enough for the helpers of a compiled program; else ``name``."""
        part = self.catalogue.interpreters.get(name)
        if part in self._enough:
            return part
        known = self.chosen.get(part or "")
        if part is None or self.db.package(part) is None or (known is not None and known.root):
            return name
        return part


def _above(path: str) -> set[str]:
    """Return all directories above a path."""
    above = set()
    while path != "/":
        path = posixpath.dirname(path)
        above.add(path)
    return above
