"""What programs need beyond the libraries that the loader names: packages, scripts, facilities, recipes."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lambundle.bundle.model import Group, Reason
from lambundle.discover.evidence import Texts
from lambundle.discover.facilities import Facilities
from lambundle.discover.installation import belongings, imported
from lambundle.discover.rules import rules
from lambundle.discover.selection import Selection
from lambundle.elf.headers import ElfFile
from lambundle.gather.bytecode import source_of
from lambundle.gather.gathering import TEXTS, Gathering
from lambundle.gather.programs import Requested
from lambundle.gather.wanted import Wanted
from lambundle.recipes.follow import RecipeResult, follow, matches_none
from lambundle.recipes.recipe import Recipe, recipe_for
from lambundle.scripts.shebang import is_shell, read_shebang, started_programs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambundle.elf.closure import Closure, LoadedFile
    from lambundle.packages import PackageDatabase

MAX_ROUNDS = 5
"""How often what was discovered is asked what it needs itself."""


class Discovery:
    """Adds to a gathering what some programs need.

    ``book`` are the recipes, ``packages`` the machine's package database; with ``only_made`` a recipe brings what it
    makes and sets, but no files. Afterwards ``found`` has what the recipes found, ``recipes`` how many files
    each brought, ``environment`` the variables they set.
    """

    def __init__(
        self,
        gathering: Gathering,
        requested: Sequence[Requested],
        book: Sequence[Recipe],
        packages: PackageDatabase | None,
        *,
        only_made: bool,
    ) -> None:
        self.gathering = gathering
        self.machine = gathering.machine
        self.files = gathering.files
        self.requested = requested
        self.dynamic = [program for program in requested if not program.elf.is_static_program]
        self.book = book
        self.only_made = only_made
        self.found: list[RecipeResult] = []
        self.recipes: dict[str, int] = {}
        self.environment: dict[str, str] = {}
        self._packages = packages
        self.selection = None if self._packages is None else Selection(self._packages, self.files, self._is_by_recipe)
        self._texts = Texts(self.files) if self.selection is None else self.selection.texts
        self._opened: set[tuple[str, str]] = set()
        contents = None if self.selection is None else self.selection.contents
        self._facilities = Facilities(gathering, self.dynamic, self._texts, contents)

    def discover(self) -> None:
        """Add what the programs need beyond libraries; what that loads may need more in turn."""
        for program in self.requested:
            if not self._is_by_recipe(program.path):
                self._take_belongings(program)
                if self.selection is None and program.interpreter is not None:
                    self._take_imported(program.real, program.interpreter)
        if self.selection is not None:
            for program in self.requested:
                if not self._is_by_recipe(program.path):
                    self._select(program.path, program.interpreter)
            self.gathering.take(self.selection.contents.wanted())
            self.take_interpreters()
            self._follow_recipes_of_commands()
        for _ in range(MAX_ROUNDS):
            if not self._discover_for_libraries():
                break

    def _take_belongings(self, program: Requested) -> None:
        """Add what belongs to a program that no package owns."""
        reasons: dict[str, Reason] = {}
        found = belongings(self.machine, program.real, program.interpreter, self._is_owned, self._texts)
        self.gathering.take(
            Wanted(path, reasons.setdefault(detail, Reason("installation", program.real, detail)))
            for path, detail in found
        )

    def _take_imported(self, script: str, interpreter: str) -> tuple[dict[str, list[str]], list[str]]:
        """Add modules that a script of no package loads; return those of packages, by package, and other sources."""
        packages: dict[str, list[str]] = {}
        sources: list[str] = []
        reasons: dict[str, Reason] = {}
        wanted = []
        for path, detail in imported(self.machine, script, interpreter, self._is_owned):
            owner = self._owner(path)
            if owner is None:
                wanted.append(Wanted(path, reasons.setdefault(detail, Reason("installation", script, detail))))
                sources += [path] if path.endswith(".py") else []
            else:
                wanted.append(Wanted(path, Reason("package", script, owner)))
                packages.setdefault(owner, []).append(path)
        self.gathering.take(wanted)
        return packages, sources

    def _is_owned(self, path: str) -> bool:
        return self._owner(path) is not None

    def _owner(self, path: str) -> str | None:
        """The package of a file, which may be known by another name of it."""
        return self.owner(path) or self.owner(self.files.real(path))

    def _select(self, path: str, interpreter: str | None) -> None:
        """Choose the packages of a program, and of what a shell script starts."""
        waiting = [(path, interpreter)]
        seen: set[str] = set()
        while waiting and self.selection is not None:
            path, interpreter = waiting.pop()
            real = self.files.real(path)
            if real in seen:
                continue
            seen.add(real)
            self.selection.choice.add_program(path, real, by_script=len(seen) > 1)
            if interpreter is not None:
                self.selection.choice.add_interpreter(interpreter, real)
                self._select_imported(real, interpreter)
            if interpreter is None or not is_shell(interpreter):
                continue
            for started in started_programs(self.files, real, self.machine.search):
                if rules().for_a_person.match(posixpath.basename(started)):
                    continue
                shebang = read_shebang(self.files, started, self.machine.search)
                self.gathering.take([Wanted(started, Reason("started", real, posixpath.basename(started)))])
                waiting.append((started, None if shebang is None else shebang.interpreter))

    def _select_imported(self, script: str, interpreter: str) -> None:
        """Choose the packages whose modules a script loads; what those need of the interpreter nobody knows."""
        packages, sources = self._take_imported(script, interpreter)
        choice = None if self.selection is None else self.selection.choice
        if choice is None or not packages:
            return
        if not packages.keys() <= choice.packages.keys():
            choice.add_program(interpreter, self.files.real(interpreter))
        choice.add_modules(script, packages, sources)

    def take_interpreters(self) -> None:
        """The shells of the scripts found, and env: small, and any script may be started.

        Other interpreters are large; they are here if a package that counts depends on them.
        """
        for path in self.gathering.mirror.files():
            if path.endswith(TEXTS) or not self.files.is_executable(path):
                continue
            shebang = read_shebang(self.files, path, self.machine.search)
            if shebang is None:
                continue
            if shebang.env is not None:
                self.gathering.root(shebang.env, Reason("interpreter", path))
            if is_shell(shebang.interpreter) and self.files.is_file(shebang.interpreter):
                self.gathering.root(shebang.interpreter, Reason("interpreter", path))

    def _follow_recipes_of_commands(self) -> None:
        """Follow the recipes of commands that programs start: a compiler needs the same as if it were requested."""
        for path in self.selection.choice.by_recipe if self.selection is not None else ():
            recipe, elf = recipe_for(self.files, path, self.book), self.gathering.elves.elf(path)
            if recipe is None or not isinstance(elf, ElfFile) or self.gathering.excludes(path):
                continue
            for program in self.dynamic:
                if not self._is_by_recipe(program.path):
                    self.gathering.root(path, Reason("recipe", program.real, recipe.name))
            if recipe.name not in self.recipes:
                self._follow_recipe(recipe, Requested(posixpath.basename(path), path, self.files.real(path), elf))

    def _discover_for_libraries(self) -> bool:
        """Add what the packages of the loaded libraries hold for them; whether that loaded more."""
        closure = self.gathering.walker.closure()
        before = len(closure.files)
        if self.selection is not None:
            self.gathering.take(self.selection.libraries.wanted(sorted({file.real for file in closure.files.values()})))
        for root, loaded in closure.scopes.items():
            for file in loaded:
                self._open_by_name(file, root)
        self._facilities.provide(closure)
        return len(self.gathering.walker.closure().files) > before

    def _open_by_name(self, file: LoadedFile, program: str) -> None:
        """Add what a loaded file opens by name. That something else loads it already is one more reason."""
        if (file.real, program) in self._opened or program not in self.gathering.roots:
            return
        self._opened.add((file.real, program))
        names = [name for note in file.elf.dlopen for name in note.sonames]
        if self.selection is not None:
            paths = [file.path, file.real]
            paths += [path for need in file.needed for path in (need.path, self.files.real(need.path))]
            names += self.selection.libraries.opened_by_name(file.real, {posixpath.basename(path) for path in paths})
        for name in names:
            self.gathering.opened(name, file.real, Reason("opened", file.real, name), program)

    def groups(self, closure: Closure) -> tuple[Group, ...]:
        """Return what brought many files at once: the packages chosen, and the facilities with all their users."""
        packages = () if self.selection is None else self.selection.choice.packages.items()
        return (
            *(Group("package", name, tuple(dict.fromkeys((item.reason, *item.others)))) for name, item in packages),
            *self._facilities.groups(closure),
        )

    def owner(self, path: str) -> str | None:
        """The package that owns a file; None where none does, or this machine has no package database.

        Bytecode, which packages have made when they are installed, is its source's.
        """
        return None if self._packages is None else self._packages.owner(source_of(path) or path)

    @property
    def chosen(self) -> dict[str, Reason]:
        """The packages that were chosen, each with the reason."""
        if self.selection is None:
            return {}
        return {name: item.reason for name, item in self.selection.choice.packages.items()}

    def add_virtual_environment(self, program: Requested) -> None:
        """Add all of the virtual environment that a script's interpreter lies in: nothing else says its needs."""
        home = posixpath.dirname(posixpath.dirname(program.interpreter or ""))
        if not home or not self.files.is_file(f"{home}/pyvenv.cfg"):
            return
        reason = Reason("interpreter", program.real, "virtual environment")
        self.gathering.mirror.add(f"{home}/pyvenv.cfg", reason)
        for name in ("lib", "lib64"):
            if not self.files.is_directory(f"{home}/{name}"):
                continue
            for real in self.gathering.mirror.add_tree(
                f"{home}/{name}", reason, lambda path: not path.endswith("__pycache__")
            ):
                self.gathering.walk_if_loadable(real, optional=True)

    def follow_recipes(self) -> None:
        """Add what the recipes of the programs bring, and those of the programs that interpret scripts."""
        requested = {program.path for program in self.dynamic}
        interpreters = {
            program.interpreter: replace(
                program, path=program.interpreter, real=program.started, script=None, interpreter=None, between=()
            )
            for program in self.dynamic
            if program.interpreter is not None and program.interpreter not in requested
        }
        for program in (*self.dynamic, *interpreters.values()):
            recipe = recipe_for(self.files, program.path, self.book)
            if recipe is not None:
                self._follow_recipe(recipe, program)

    def _is_by_recipe(self, path: str) -> bool:
        """Whether a recipe says all that a program needs, so that its packages are not asked."""
        recipe = recipe_for(self.files, path, self.book)
        return recipe is not None and recipe.instead

    def _follow_recipe(self, recipe: Recipe, program: Requested) -> None:
        found = follow(recipe, program, self.machine, self._packages)
        self.found.append(found)
        self.environment.update(found.environment)
        before = len(self.gathering.mirror.files())
        reason = Reason("recipe", program.real, recipe.name)
        for path, without in () if self.only_made else found.paths.items():
            for real in self.gathering.mirror.add_tree(path, reason, partial(matches_none, patterns=without)):
                self.gathering.walk_if_loadable(real)
        self.recipes[recipe.name] = self.recipes.get(recipe.name, 0) + len(self.gathering.mirror.files()) - before
