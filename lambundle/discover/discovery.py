"""Dependencies of programs beyond DT_NEEDED: packages, scripts, facilities, recipes."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lambundle.bundle.model import Group, Reason
from lambundle.discover.evidence import FileEvidence
from lambundle.discover.facilities import Facilities
from lambundle.discover.fonts import add_fonts
from lambundle.discover.installation import imported_files, installed_files
from lambundle.discover.links import LinkedDirectories
from lambundle.discover.selection import Selection
from lambundle.discover.selection.add_ons import AddOns
from lambundle.discover.selection.catalogue import MAX_SHARING
from lambundle.discover.selection.optional import OptionalParts
from lambundle.discover.started import Started
from lambundle.discover.wrappers import wrapped_programs
from lambundle.elf.headers import ElfFile
from lambundle.errors import PackageNotFoundError
from lambundle.gather.bytecode import source_of
from lambundle.gather.candidate import Candidate
from lambundle.gather.gathering import TEXTS, Gathering
from lambundle.gather.programs import Requested
from lambundle.recipes.follow import RecipeResult, follow, matches_none
from lambundle.recipes.recipe import Recipe, is_named_like, recipe_for
from lambundle.scripts.shebang import headless_script, is_shell, read_shebang

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lambundle.elf.closure import Closure, LoadedFile
    from lambundle.packages import PackageDatabase

MAX_ROUNDS = 5
"""Rounds in which newly loaded libraries are asked for files of their own."""

LATER = 8 << 20
"""Bytes kept for what is found after add-ons: facilities, the C library's files."""


class Discovery:
    """Adds the dependencies of some programs to a gathering.

    ``recipes`` are those to choose from, ``packages`` is the machine's package database. With ``only_made`` recipes add
    no files of the machine, only the files they make and the variables they set. What nothing depends on is added as
    far as the bundle stays below ``limit`` bytes. Afterwards ``results`` has the
    results of the recipes, ``recipe_files`` the number of files that each added, ``environment`` their variables.
    """

    def __init__(
        self,
        gathering: Gathering,
        requested: Sequence[Requested],
        recipes: Sequence[Recipe],
        packages: PackageDatabase | None,
        *,
        only_made: bool,
        limit: int,
    ) -> None:
        self.gathering = gathering
        self.machine = gathering.machine
        self.files = gathering.files
        self.requested = requested
        self.dynamic = [program for program in requested if not program.elf.is_static_program]
        self.recipes = recipes
        self.only_made = only_made
        self.limit = limit
        self.results: list[RecipeResult] = []
        self.recipe_files: dict[str, int] = {}
        self.environment: dict[str, str] = {}
        self._recipe_of: dict[str, Recipe | None] = {}
        self._followed: set[tuple[str, str]] = set()
        self._packages = packages
        self.selection = None if self._packages is None else Selection(self._packages, self.files, self._is_by_recipe)
        self._evidence = FileEvidence(self.files) if self.selection is None else self.selection.evidence
        self._started = None if self.selection is None else Started(self.machine, self.selection)
        self._linked = LinkedDirectories(gathering, self._is_general, self._is_decided)
        self._opened: set[tuple[str, str]] = set()
        package_files = None if self.selection is None else self.selection.files
        self._facilities = Facilities(gathering, self.dynamic, self._evidence, package_files)

    def add_packages(self, names: Collection[str]) -> None:
        """Add installed packages as a whole, with what they need. Raises PackageNotFoundError."""
        for name in names:
            if self.selection is None:
                raise PackageNotFoundError(
                    f"no package {name}: this machine has no package database", hint="give its files by --add PATH"
                )
            self.selection.add_named(name)
        if names and self.selection is not None:
            self.gathering.add(self.selection.files.candidates())

    def discover(self) -> None:
        """Add the dependencies of the programs, then those of the libraries that these load, and so on."""
        for program in self.requested:
            if not self._is_by_recipe(program.path):
                self._add_installation(program.real, program.interpreter)
                self._add_wrapped(program.path)
                if self.selection is None and program.interpreter is not None:
                    self._add_imported(program.real, program.interpreter)
        if self.selection is not None:
            for program in self.requested:
                if not self._is_by_recipe(program.path):
                    self._select(program.path, program.interpreter)
            self._add_add_ons()
            self.gathering.add(self.selection.files.candidates())
            self.add_interpreters()
            self._follow_recipes_of_commands()
        for _ in range(MAX_ROUNDS):
            if not self._discover_for_libraries():
                break
        if self.selection is not None and self._started is not None:
            self.gathering.notes += [*self.selection.notes(), *self._started.notes]

    def _add_add_ons(self) -> None:
        """Select what was installed by name for the programs, and optional parts; note what is left out."""
        if self.selection is not None:
            compiled = {program.real for program in self.requested if program.interpreter is None}
            packages, libraries = self.selection.packages, self.selection.files.own_libraries()
            add_ons = AddOns(packages, libraries, compiled, partial(self._room, self.selection))
            add_ons.select()
            OptionalParts(packages, libraries).select()
            self.gathering.notes += add_ons.notes

    def _room(self, selection: Selection) -> int:
        """Return the bytes that fit beside what the programs need so far."""
        self.gathering.add(selection.files.candidates())
        mirror = self.gathering.mirror
        loaded = {file.real for file in self.gathering.walker.closure().files.values()}
        return self.limit - LATER - mirror.size - sum(self.files.size(path) for path in loaded if path not in mirror)

    def _add_installation(self, real: str, interpreter: str | None) -> None:
        """Add the files of a program that no package owns."""
        reasons: dict[str, Reason] = {}
        found = installed_files(self.machine, real, interpreter, self._is_owned, self._evidence)
        self.gathering.add(
            Candidate(path, reasons.setdefault(detail, Reason("installation", real, detail))) for path, detail in found
        )

    def _add_imported(self, script: str, interpreter: str) -> tuple[dict[str, list[str]], list[str]]:
        """Add the modules that a script of no package loads; return packaged ones by package, and other sources."""
        packages: dict[str, list[str]] = {}
        sources: list[str] = []
        reasons: dict[str, Reason] = {}
        wanted = []
        for path, detail in imported_files(self.machine, script, interpreter, self._is_owned):
            owner = self._owner(path)
            if owner is None:
                wanted.append(Candidate(path, reasons.setdefault(detail, Reason("installation", script, detail))))
                sources += [path] if path.endswith(".py") else []
            else:
                wanted.append(Candidate(path, Reason("package", script, owner)))
                packages.setdefault(owner, []).append(path)
        self.gathering.add(wanted)
        return packages, sources

    def _is_owned(self, path: str) -> bool:
        return self._owner(path) is not None

    def _owner(self, path: str) -> str | None:
        """Return the package that owns a file under this or its real path."""
        return self.owner(path) or self.owner(self.files.real(path))

    def _select(self, path: str, interpreter: str | None) -> None:
        """Select the packages of a program and, if it is a script, of the programs that it starts."""
        waiting = [(path, interpreter)]
        seen: set[str] = set()
        while waiting and self.selection is not None:
            path, interpreter = waiting.pop()
            real = self.files.real(path)
            if real in seen:
                continue
            seen.add(real)
            self.selection.packages.add_program(path, real, by_script=len(seen) > 1)
            if interpreter is None:
                continue
            self.selection.packages.add_interpreter(interpreter, real)
            sources = self._select_imported(real, interpreter)
            for started in self._started.by(real, interpreter, sources) if self._started is not None else ():
                if self._is_by_recipe(started):
                    self._add_by_recipe(started, Reason("started", real, posixpath.basename(started)))
                    self.selection.packages.compiles |= len(seen) == 1  # mpicc, h5cc: its package's headers are data
                    continue
                waiting.append((started, self._add_started(started, real)))

    def _add_started(self, path: str, script: str) -> str | None:
        """Add a program that a script starts, with what lies around one of no package; return its interpreter."""
        self.gathering.add([Candidate(path, Reason("started", script, posixpath.basename(path)))])
        shebang = read_shebang(self.files, path, self.machine.search) or headless_script(self.files, path)
        interpreter = None if shebang is None else shebang.interpreter
        if interpreter is not None and self.files.is_file(interpreter):
            self.gathering.add([Candidate(interpreter, Reason("interpreter", path))])
        if not self._is_owned(path):
            self._add_installation(self.files.real(path), interpreter)
        return interpreter

    def _select_imported(self, script: str, interpreter: str) -> list[str]:
        """Select the packages whose modules a script loads, and the full interpreter; return its other sources."""
        packages, sources = self._add_imported(script, interpreter)
        if self.selection is None or not packages:
            return sources
        if not packages.keys() <= self.selection.packages.chosen.keys():
            self.selection.packages.add_program(interpreter, self.files.real(interpreter))
        self.selection.packages.add_modules(script, packages, sources)
        return sources

    def add_interpreters(self) -> None:
        """Add the shells of all scripts in the bundle, and env: they are small, and any script may be started.

        Other interpreters are large; they come with a selected package that depends on them.
        """
        for path in self.gathering.mirror.files():
            if path.endswith(TEXTS) or not self.files.is_executable(path):
                continue
            shebang = read_shebang(self.files, path, self.machine.search)
            if shebang is None:
                continue
            if shebang.env is not None:
                self.gathering.load(shebang.env, Reason("interpreter", path))
            if is_shell(shebang.interpreter) and self.files.is_file(shebang.interpreter):
                self.gathering.load(shebang.interpreter, Reason("interpreter", path))

    def _follow_recipes_of_commands(self) -> None:
        """Follow the recipes of commands that programs start, as if these were requested."""
        for path in self.selection.packages.by_recipe if self.selection is not None else ():
            recipe = self._recipe_for(path)
            for program in self.dynamic if recipe is not None else ():
                if recipe is not None and not self._is_by_recipe(program.path):
                    self._add_by_recipe(path, Reason("recipe", program.real, recipe.name))

    def _add_by_recipe(self, path: str, reason: Reason) -> None:
        """Add a program that another starts, and what its recipe finds."""
        recipe, elf = self._recipe_for(path), self.gathering.elves.elf(path)
        if recipe is None or not isinstance(elf, ElfFile) or self.gathering.excludes(path):
            return
        self.gathering.load(path, reason)
        program = Requested(posixpath.basename(path), path, self.files.real(path), elf)
        if (recipe.name, program.real) not in self._followed:
            self._follow_recipe(recipe, program)

    def _add_wrapped(self, wrapper: str) -> None:
        """Add the compilers that a wrapper starts, directly or by other wrappers, with what their recipes find."""
        waiting, seen = [wrapper], set[str]()
        while waiting:
            path = waiting.pop()
            real = self.files.real(path)
            if real in seen or not self._is_wrapper(path):
                continue
            seen.add(real)
            for group in wrapped_programs(self.files, self._evidence, path, self.machine.search):
                started = [item for item in group if self._is_by_recipe(item) or self._is_wrapper(item)]
                for item in started:
                    reason = Reason("started", real, posixpath.basename(item))
                    if self._is_by_recipe(item):
                        self._add_by_recipe(item, reason)
                    else:
                        self.gathering.add([Candidate(item, reason)])
                if started:
                    waiting += started
                    break
        if self.selection is not None and seen:
            self.selection.packages.compiles = True

    def _is_wrapper(self, path: str) -> bool:
        """Return whether a program has the name of a compiler, but not its directories."""
        return self._recipe_for(path) is None and is_named_like(self.files, path, self.recipes)

    def _discover_for_libraries(self) -> bool:
        """Add the files of loaded libraries; return whether these load more libraries."""
        closure = self.gathering.walker.closure()
        before = len(closure.files)
        if self.selection is not None:
            self.gathering.add(
                self.selection.libraries.candidates(sorted({file.real for file in closure.files.values()}))
            )
        for root, loaded in closure.scopes.items():
            for file in loaded:
                self._open_by_name(file, root)
        self._facilities.provide(closure)
        self._follow_links()
        return len(self.gathering.walker.closure().files) > before

    def _follow_links(self) -> None:
        """Add what lies in the directories that links of the bundle lead to, and what links there lead to."""
        for _ in range(MAX_ROUNDS):
            found = list(self._linked.candidates())
            if not found:
                break
            self.gathering.add(found)

    def _is_general(self, directory: str) -> bool:
        return self._packages is not None and len(self._packages.directory_owners(directory)) > MAX_SHARING

    def _is_decided(self, path: str) -> bool:
        return self.selection is not None and self.owner(path) in self.selection.packages.chosen

    def _open_by_name(self, file: LoadedFile, program: str) -> None:
        """Add the libraries that a loaded file opens by name; a library that is there gets another reason."""
        if (file.real, program) in self._opened or program not in self.gathering.loaded:
            return
        self._opened.add((file.real, program))
        names = [name for note in file.elf.dlopen for name in note.sonames]
        if self.selection is not None:
            paths = [file.path, file.real]
            paths += [path for need in file.needed for path in (need.path, self.files.real(need.path))]
            names += self.selection.libraries.opened_by_name(file.real, {posixpath.basename(path) for path in paths})
        for name in names:
            self.gathering.opened(name, file.real, Reason("opened", file.real, name), program)

    @property
    def converts(self) -> bool:
        """Whether a program converts between character sets."""
        return self._facilities.provides("/gconv")

    def add_fonts(self, limit: int) -> int:
        """Add fonts if a program draws text, up to ``limit`` bytes of all files; return the bytes without room."""
        reason = self._facilities.fonts()
        if reason is None:
            return 0
        wanted = set() if self._packages is None else set(self._packages.installed_by_name())
        if self.selection is not None:
            wanted |= self.selection.packages.recommendations()
        return add_fonts(
            self.gathering, None if self._packages is None else self._packages.owner, wanted, reason, limit
        )

    def groups(self, closure: Closure) -> tuple[Group, ...]:
        """Return the selected packages with all reasons, and the facilities with all users."""
        packages = () if self.selection is None else self.selection.packages.chosen.items()
        return (
            *(
                Group("package", name, tuple(dict.fromkeys((item.reason, *item.more_reasons))))
                for name, item in packages
            ),
            *self._facilities.groups(closure),
        )

    def owner(self, path: str) -> str | None:
        """Return the package that owns a file, or None; bytecode belongs to the owner of its source."""
        return None if self._packages is None else self._packages.owner(source_of(path) or path)

    @property
    def chosen(self) -> dict[str, Reason]:
        """The selected packages, each with its first reason."""
        if self.selection is None:
            return {}
        return {name: item.reason for name, item in self.selection.packages.chosen.items()}

    def add_virtual_environment(self, program: Requested) -> None:
        """Add what makes the directory of a script's interpreter a virtual environment (venv)."""
        prefix = posixpath.dirname(posixpath.dirname(program.interpreter or ""))
        if prefix and self.files.is_file(f"{prefix}/pyvenv.cfg"):
            self.gathering.mirror.add(
                f"{prefix}/pyvenv.cfg", Reason("interpreter", program.real, "virtual environment")
            )

    def follow_recipes(self) -> None:
        """Follow the recipes of the programs and of the interpreters of scripts."""
        requested = {program.path for program in self.dynamic}
        interpreters = {
            program.interpreter: replace(
                program, path=program.interpreter, real=program.started, script=None, interpreter=None, between=()
            )
            for program in self.dynamic
            if program.interpreter is not None and program.interpreter not in requested
        }
        for program in (*self.requested, *interpreters.values()):
            recipe = self._recipe_for(program.path)
            if recipe is not None and (recipe.directories or not program.elf.is_static_program):
                self._follow_recipe(recipe, program)

    def _is_by_recipe(self, path: str) -> bool:
        """Return whether a recipe takes the place of the program's packages."""
        recipe = self._recipe_for(path)
        return recipe is not None and recipe.instead

    def _recipe_for(self, path: str) -> Recipe | None:
        """Return the recipe for a program; the program may be read to tell, which is done once."""
        if path not in self._recipe_of:
            self._recipe_of[path] = recipe_for(self.files, path, self.recipes)
        return self._recipe_of[path]

    def _follow_recipe(self, recipe: Recipe, program: Requested) -> None:
        self._followed.add((recipe.name, program.real))
        result = follow(recipe, program, self.machine, self._packages)
        self.results.append(result)
        self.gathering.notes += [note for note in result.notes if note not in self.gathering.notes]
        self.environment.update(result.environment)
        before = len(self.gathering.mirror.files())
        reason = Reason("recipe", program.real, recipe.name)
        for path, without in () if self.only_made else result.paths.items():
            for real in self.gathering.mirror.add_tree(path, reason, partial(matches_none, patterns=without)):
                self.gathering.walk_if_loadable(real)
        self.recipe_files[recipe.name] = (
            self.recipe_files.get(recipe.name, 0) + len(self.gathering.mirror.files()) - before
        )
