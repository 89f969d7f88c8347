"""From what the user asked for to the manifest of a bundle: every entry, each with its reasons.

Looks at this machine and decides; writes nothing and starts nothing.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import platform
import posixpath
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle import runtime
from lambundle.closure import Walker, differences
from lambundle.deps_report import looked_in_lines
from lambundle.discover.packages import detect
from lambundle.discover.recipe import Found, Recipe, follow, read_recipe, recipe_for, recipes
from lambundle.discover.rules import Facility, rules
from lambundle.discover.scripts import is_shell, read_shebang, started_programs
from lambundle.discover.selection import Selection, Wanted
from lambundle.disk import Disk
from lambundle.elf import ElfFile, is_elf
from lambundle.errors import ForeignElfError, LambundleError, LibraryNotFoundError
from lambundle.launcher import Loader, Script, config, launcher
from lambundle.mirror import Mirror
from lambundle.model import Entry, Kind, Manifest, PackedOn, Program, Reason
from lambundle.programs import MACHINES, Requested, bundle_name, machine_of, resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from lambundle.closure import Closure, Missing

SHELL = "/bin/sh"
"""In every bundle with a dynamic program: system(3), popen(3) and script front ends start it."""

OLDEST_ARGV0 = (2, 33)
"""First glibc whose ld.so knows ``--argv0`` (2.30 for ``--preload``)."""

OLDEST_BUILT_IN_NSS = (2, 34)
"""First glibc with the name services ``files`` and ``dns`` inside libc.so.6."""

LOADED_BY_NAME = ("libgcc_s.so.1", "libdl.so.2")
"""What glibc and the runtime load without any file saying so: pthread_cancel and backtrace, dlopen before 2.34."""

MAX_ROUNDS = 5
"""How often what was discovered is asked what it needs itself."""

TEXTS = (".py", ".pl", ".pm", ".html", ".xml", ".txt", ".js", ".json", ".tex", ".sty", ".png", ".gz", ".h", ".rb")
"""Endings of files that need not be opened to know that no loader takes them."""

NAME_SERVICES = ("libnss_files.so.2", "libnss_dns.so.2")

ZONES = "/usr/share/zoneinfo"

_HWCAPS = re.compile(r"/glibc-hwcaps/[^/]+$")


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked ``pack`` for.

    ``programs`` are PROGRAM or NAME=PROGRAM; ``add`` files and directories; ``exclude`` globs of sonames, file
    names or absolute paths; ``library_path`` directories searched as LD_LIBRARY_PATH; ``search`` those of PATH.
    ``recipes`` are the user's own, which come before lambundle's; ``recorded`` is what real runs opened.
    """

    programs: tuple[str, ...]
    search: tuple[str, ...]
    name: str | None = None
    add: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    library_path: tuple[str, ...] = ()
    recipes: tuple[Path, ...] = ()
    recorded: Recorded | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What real runs opened: paths of files, and whether nothing else is wanted beside them."""

    files: tuple[str, ...]
    only: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A bundle that could be written.

    ``notes`` are what a person should know of it. ``programs`` and ``libraries`` are how many ELF programs and
    shared objects it holds, ``recipes`` the names of the recipes that had a part, each with the number of files
    it brought, ``packages`` the packages that discovery chose, each with the reason.
    """

    manifest: Manifest
    notes: tuple[str, ...]
    programs: int
    libraries: int
    recipes: Mapping[str, int]
    packages: Mapping[str, Reason]

    @property
    def unzipped(self) -> int:
        """Bytes of all files and link targets, without the manifest, which is written last."""
        return sum(entry.size for entry in self.manifest.entries)


def make_plan(request: Request) -> Plan:
    """Decide what belongs into the bundle. Raises a LambundleError that says what is missing."""
    requested = [resolve(argument, request.search) for argument in request.programs]
    return _Planner(request, requested).plan()


class _Planner:
    def __init__(self, request: Request, requested: Sequence[Requested]) -> None:
        self.request = request
        self.requested = requested
        self.name = bundle_name(request.name, requested)
        self.machine = machine_of(requested)
        self.dynamic = [program for program in requested if not program.elf.is_static_program]
        self.mirror = Mirror(self._is_excluded)
        self.disk = Disk()
        self.walker = self._walker()
        self.roots: list[str] = []
        self.optional: set[str] = set()  # roots whose missing libraries are only worth a note
        self.notes: list[str] = []
        self.recipes: dict[str, int] = {}
        self.environment: dict[str, str] = {}
        self.found: list[Found] = []
        self.only_recorded = request.recorded is not None and request.recorded.only
        self.book = (*(read_recipe(path) for path in request.recipes), *recipes())
        self.packages = detect()
        self.opened: set[tuple[str, str]] = set()
        self.provided: list[Facility] = []
        self.selection = None if self.packages is None else Selection(self.packages, self._is_by_recipe)

    def plan(self) -> Plan:
        for program in self.requested:
            self._add_program(program)
        if self.dynamic:
            self._root(SHELL, Reason("shell"))
            self._follow_recipes()
        if not self.only_recorded:
            self._discover()
        self._take_recorded()
        for path in self.request.add:
            self._add(path)
        if self.dynamic:
            self._load_by_name()
        closure = self.walker.closure()
        self._check_missing(closure)
        self._mirror_closure(closure)
        loaders = self._loaders(closure) if self.dynamic else {}
        self._make_files(loaders)
        self._locale(loaders)
        self._libc_environment(loaders)
        self._say_what_is_static()
        return Plan(
            manifest=Manifest(self.name, self._programs(), self._packed_on(closure), self._entries(loaders)),
            notes=tuple(self.notes),
            programs=len({file.real for file in closure.files.values() if file.elf.is_program}),
            libraries=len({file.real for file in closure.files.values() if not file.elf.is_program}),
            recipes=self.recipes,
            packages={}
            if self.selection is None
            else {name: item.reason for name, item in self.selection.packages.items()},
        )

    # ---- what the user and the recipes name ----

    def _walker(self, directories: Sequence[str] | None = None) -> Walker:
        return Walker(
            library_path=self.request.library_path if directories is None else directories,
            exclude=self._is_unwanted_soname,
            isolated=directories is not None,
            disk=self.disk,
        )

    def _is_excluded(self, path: str) -> bool:
        name = posixpath.basename(path)
        return any(fnmatch.fnmatchcase(path if "/" in pattern else name, pattern) for pattern in self.request.exclude)

    def _is_unwanted_soname(self, soname: str) -> bool:
        return any(fnmatch.fnmatchcase(soname, pattern) for pattern in self.request.exclude)

    def _add_program(self, program: Requested) -> None:
        reason = Reason("program", None, program.launcher)
        if program.interpreter is None or program.script is None:
            self._root(program.path, reason)
            return
        self.mirror.add(program.path, reason)
        self._add_virtual_environment(program.interpreter, program.real)
        if program.script.env is not None:
            self._root(program.script.env, Reason("interpreter", program.real))
        self._root(program.interpreter, Reason("interpreter", program.real))

    def _add_virtual_environment(self, interpreter: str, script: str) -> None:
        """All of the Python virtual environment that an interpreter lies in: nothing else says what it needs."""
        home = posixpath.dirname(posixpath.dirname(interpreter))
        if not Path(home, "pyvenv.cfg").is_file():
            return
        reason = Reason("interpreter", script, "virtual environment")
        self.mirror.add(f"{home}/pyvenv.cfg", reason)
        for name in ("lib", "lib64"):
            if not Path(home, name).is_dir():
                continue
            for real in self.mirror.add_tree(f"{home}/{name}", reason, lambda path: not path.endswith("__pycache__")):
                self._walk_if_loadable(real, optional=True)

    def _take_recorded(self) -> None:
        if self.request.recorded is not None:
            reason = Reason("recorded")
            self._take(Wanted(path, reason) for path in self.request.recorded.files)
            self._take_interpreters()

    # ---- what packages hold for them ----

    def _discover(self) -> None:
        """Add what the programs need beyond libraries; what that loads may need more in turn."""
        if self.selection is not None:
            for program in self.requested:
                if not self._is_by_recipe(program.path):
                    self._select(program.path, program.interpreter)
            self._take(self.selection.wanted())
            self._take_interpreters()
            self._follow_recipes_of_commands()
        for _ in range(MAX_ROUNDS):
            if not self._discover_for_libraries():
                break

    def _select(self, path: str, interpreter: str | None) -> None:
        """Choose the packages of a program, and of what a shell script starts."""
        waiting = [(path, interpreter)]
        seen: set[str] = set()
        while waiting and self.selection is not None:
            path, interpreter = waiting.pop()
            real = os.path.realpath(path)
            if real in seen:
                continue
            seen.add(real)
            self.selection.add_program(path, real)
            if interpreter is not None:
                self.selection.add_interpreter(interpreter, real)
            if interpreter is None or not is_shell(interpreter):
                continue
            for started in started_programs(real, self.request.search):
                shebang = read_shebang(os.path.realpath(started), self.request.search)
                self._take([Wanted(started, Reason("started", real, posixpath.basename(started)))])
                waiting.append((started, None if shebang is None else shebang.interpreter))

    def _take(self, wanted: Iterable[Wanted]) -> None:
        for item in wanted:
            try:
                real = self.mirror.add(item.path, item.reason)
            except LambundleError:  # listed by a package, and since removed; or a link into one that is not installed
                continue
            if real is not None and real not in self.roots and not real.endswith(TEXTS):
                self._walk_if_loadable(real, optional=True)

    def _take_interpreters(self) -> None:
        """The shells of the scripts found, and env: small, and any script may be started.

        Other interpreters are large; they are here if a package that counts depends on them.
        """
        search = self.request.search
        for path in self.mirror.files():
            if path.endswith(TEXTS) or not os.access(path, os.X_OK):
                continue
            shebang = read_shebang(path, search)
            if shebang is None:
                continue
            if shebang.env is not None:
                self._root(shebang.env, Reason("interpreter", path))
            if is_shell(shebang.interpreter) and Path(shebang.interpreter).is_file():
                self._root(shebang.interpreter, Reason("interpreter", path))

    def _follow_recipes_of_commands(self) -> None:
        """A compiler that another program starts needs what it needs when it is asked for itself."""
        for path in self.selection.by_recipe if self.selection is not None else ():
            recipe, elf = recipe_for(path, self.book), self.disk.elf(path)
            if recipe is None or not isinstance(elf, ElfFile):
                continue
            self._root(path, Reason("recipe", path, recipe.name))
            if recipe.name not in self.recipes:
                self._follow_recipe(recipe, Requested(posixpath.basename(path), path, os.path.realpath(path), elf))

    def _discover_for_libraries(self) -> bool:
        """Add what the packages of the loaded libraries hold for them; whether that loaded more."""
        closure = self.walker.closure()
        before = len(closure.files)
        if self.selection is not None:
            self._take(self.selection.of_libraries(sorted({file.real for file in closure.files.values()})))
        for root, loaded in closure.scopes.items():
            names = {posixpath.basename(path) for file in loaded for path in (file.path, file.real)}
            for file in loaded:
                self._open_by_name(file.real, root, file.elf, names)
        for facility in rules().facilities:
            if facility not in self.provided and self._has_use_for(facility, closure):
                self._provide(facility)
        return len(self.walker.closure().files) > before

    def _open_by_name(self, file: str, program: str, elf: ElfFile, loaded: Collection[str]) -> None:
        if (file, program) in self.opened or program not in self.roots:
            return
        self.opened.add((file, program))
        names = [name for note in elf.dlopen for name in note.sonames]
        if self.selection is not None:
            names += self.selection.named_libraries(file, loaded)
        for name in names:
            self.walker.dlopen(name, file, program)

    def _has_use_for(self, facility: Facility, closure: Closure) -> bool:
        if facility.library is not None:
            return any(facility.library.match(posixpath.basename(path)) for path in closure.files)
        if self.selection is None:
            return False
        texts = self.selection.texts
        if facility.imports:
            own = {program.started for program in self.dynamic} | self.selection.own_programs()
            return any(texts.imports(path, facility.imports) for path in sorted(own))
        return texts.any_names(self.selection.own_files(), facility.named)

    def _provide(self, facility: Facility) -> None:
        self.provided.append(facility)
        paths = [path for pattern in facility.paths for path in sorted(glob.glob(pattern))]
        for patterns in facility.one_of:
            found = [path for pattern in patterns for path in sorted(glob.glob(pattern))]
            if found:
                paths += found if len(patterns) > 2 else found[:1]  # noqa: PLR2004  (a family, or any one font)
                break
        for path in paths:
            reason = Reason("facility", None, facility.why)
            for real in self.mirror.add_tree(path, reason, lambda path: not rules().is_unwanted(path)):
                self._walk_if_loadable(real, optional=True)
        for path, text in facility.made.items():
            self.mirror.make_file(path, text.encode(), 0o644, Reason("facility", None, facility.why))

    def _root(self, path: str, reason: Reason) -> None:
        """Add a program or library and all that it loads."""
        real = self.mirror.add(path, reason)
        if real is not None:
            self._walk(real)

    def _walk(self, real: str) -> None:
        if real not in self.roots:
            self.walker.add(real)
            self.roots.append(real)

    def _add(self, path: str) -> None:
        absolute = os.path.abspath(path)
        self.mirror.add(absolute, Reason("add", None, path))
        for real in self.mirror.add_tree(absolute, Reason("add", None, path)):
            self._walk_if_elf(real, optional=real != os.path.realpath(absolute))

    def _walk_if_elf(self, real: str, *, optional: bool) -> None:
        if not is_elf(real):
            return
        try:
            self._walk(real)
        except LambundleError as error:  # an object file, another machine's library: data like any other
            self.notes.append(f"{error.message}: packed as it is")
            return
        if optional:
            self.optional.add(real)

    def _follow_recipes(self) -> None:
        for program in self.dynamic:
            recipe = recipe_for(program.path, self.book)
            if recipe is not None:
                self._follow_recipe(recipe, program)

    def _is_by_recipe(self, path: str) -> bool:
        """Whether a recipe says all that a program needs, so that its packages are not asked."""
        recipe = recipe_for(path, self.book)
        return recipe is not None and recipe.instead

    def _follow_recipe(self, recipe: Recipe, program: Requested) -> None:
        found = follow(recipe, program, self.packages)
        self.found.append(found)
        self.environment.update(found.environment)
        before = len(self.mirror.files())
        for path in () if self.only_recorded else found.paths:
            for real in self.mirror.add_tree(path, Reason("recipe", program.real, recipe.name)):
                self._walk_if_loadable(real)
        self.recipes[recipe.name] = self.recipes.get(recipe.name, 0) + len(self.mirror.files()) - before

    def _walk_if_loadable(self, real: str, *, optional: bool = False) -> None:
        if real.endswith((".h", ".o", ".a")):  # by far the most of a compiler's files
            return
        elf = self.disk.elf(real)
        if isinstance(elf, ElfFile) and elf.dynamic and MACHINES.get(elf.machine) == self.machine:
            self._walk(real)
            if optional:
                self.optional.add(real)

    def _load_by_name(self) -> None:
        for program in self.dynamic:
            if _libc_of(program.elf.interpreter or "") != "glibc":
                continue
            for soname in LOADED_BY_NAME:
                self.walker.dlopen(soname, program.started)
        version = _glibc_version(self.walker.closure())
        if version is not None and version < OLDEST_BUILT_IN_NSS:
            for soname in NAME_SERVICES:
                self.walker.dlopen(soname, self.dynamic[0].started)

    # ---- the closure ----

    def _check_missing(self, closure: Closure) -> None:
        missing = [item for item in closure.missing if item.program not in self.optional]
        if missing:
            raise missing_library(missing)
        for item in closure.missing:
            self.notes.append(f"{item.soname}, needed by {item.needed_by}, is not installed: that file will not load")
        machines = {MACHINES.get(file.elf.machine) for file in closure.files.values()}
        if not machines <= {self.machine}:
            raise ForeignElfError(f"the bundle is for {self.machine}, but a file of another machine is added")

    def _mirror_closure(self, closure: Closure) -> None:
        for file in closure.files.values():
            for need in file.needed:
                self.mirror.add(need.path, Reason("needed", file.real, need.soname))
            if file.elf.interpreter is not None and file.elf.is_program:
                self.mirror.add(file.elf.interpreter, Reason("interpreter", file.real))
        for path in closure.files:
            if path not in self.mirror:
                self.mirror.add(path, Reason("libc", None, posixpath.basename(path)))

    # ---- how the loader finds them again ----

    def _loaders(self, closure: Closure) -> dict[str, Loader]:
        """The loader of each program of the bundle, by the program's real path.

        The directories are those that libraries were found in; a second walk proves that ld.so, told only
        these, finds the very same files. A program for which it does not gets an order of its own.
        """
        common = _directories(closure)
        again = self._again(common)
        for _ in range(len(closure.files)):
            lost = [item for item in differences(closure, again) if item.got is None]
            more = dict.fromkeys(_searched(item.expected) for item in lost)
            if not more.keys() - set(common):
                break
            common = tuple(dict.fromkeys((*common, *more)))
            again = self._again(common)
        private: dict[str, tuple[str, ...]] = {}
        for program, directory in _found_elsewhere(closure, again):
            before = private.get(program, common)
            if not before or directory != before[0]:
                private[program] = tuple(dict.fromkeys((directory, *before)))
        old = _glibc_version(closure)
        return {
            root: Loader(
                interpreter=elf.interpreter,
                libc=_libc_of(elf.interpreter),
                old=old is not None and old < OLDEST_ARGV0,
                directories=private.get(root, common),
            )
            for root in self.roots
            if (elf := closure.files[root].elf).interpreter is not None and elf.is_program
        }

    def _again(self, directories: Sequence[str]) -> Closure:
        walker = self._walker(directories)
        for root in self.roots:
            walker.add(root)
        return walker.closure()

    # ---- files that this machine does not have ----

    def _make_files(self, loaders: Mapping[str, Loader]) -> None:
        for found in self.found:
            for path, text in found.made.items():
                loader = loaders[self.dynamic[0].started]
                rpath = " ".join(f"-rpath %:getenv(LAMBUNDLE_ROOT {path})" for path in loader.directories)
                filled = text.replace("{interpreter}", loader.interpreter).replace("{rpath}", rpath)
                self.mirror.make_file(path, filled.encode(), 0o644, Reason("recipe", None, found.recipe))

    def _locale(self, loaders: Mapping[str, Loader]) -> None:
        """C.utf8 under the name that Lambda's LANG has, so that no program warns of a missing locale."""
        if not any(loader.libc == "glibc" for loader in loaders.values()):
            return
        top = "/usr/lib/locale"
        for name in ("en_US.utf8", "C.utf8", "C.UTF-8"):
            if Path(top, name).is_dir():
                self.mirror.add_tree(f"{top}/{name}", Reason("libc", None, "locale"))
                if name != "en_US.utf8":
                    self.mirror.make_link(f"{top}/en_US.utf8", name, Reason("libc", None, "locale"))
                self.environment["LOCPATH"] = f"@{top}"
                return

    def _libc_environment(self, loaders: Mapping[str, Loader]) -> None:
        """Lead libc, which opens these itself, to character sets and time zones that the bundle holds."""
        if any(loader.libc == "glibc" for loader in loaders.values()):
            for path in self.mirror.files():
                if posixpath.basename(path) == "gconv-modules":
                    self.environment.setdefault("GCONV_PATH", f"@{posixpath.dirname(path)}")
            if self.mirror.holds_below(ZONES):
                self.environment.setdefault("TZDIR", f"@{ZONES}")

    def _say_what_is_static(self) -> None:
        for program in self.requested:
            if program.elf.is_static_program:
                self.notes.append(
                    f"{program.launcher} is a static program: absolute paths in it are not served from the bundle"
                )

    # ---- the whole ----

    def _programs(self) -> tuple[Program, ...]:
        return tuple(
            Program(f"bin/{item.launcher}", item.path, item.real, static=item.elf.is_static_program)
            for item in self.requested
        )

    def _packed_on(self, closure: Closure) -> PackedOn:
        try:
            distribution = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
        except OSError:
            distribution = "Linux"
        version = _glibc_version(closure)
        libc = "musl" if any(_libc_of(path) == "musl" for path in closure.files) else "none"
        if version is not None:
            libc = f"glibc {version[0]}.{version[1]}"
        return PackedOn(distribution, libc, self.machine)

    def _entries(self, loaders: Mapping[str, Loader]) -> tuple[Entry, ...]:
        home = f"lambundle/{self.name}"
        entries = {entry.path: entry for entry in self.mirror.entries(f"{home}/root")}
        for item in self.requested:
            script = None
            if item.script is not None and item.interpreter is not None:
                script = Script(item.interpreter, item.script.arguments)
            loader = loaders.get(item.started)
            text = launcher(self.name, item.launcher, item.path, item.started, loader, script)
            _put(entries, f"bin/{item.launcher}", text.encode(), 0o755, Reason("program", None, item.launcher))
        if loaders:
            self._put_runtime(entries, home, loaders)
        for path in list(entries):
            while path := posixpath.dirname(path):
                entries.setdefault(path, Entry(path, Kind.DIRECTORY, 0o755))
        return tuple(sorted(entries.values(), key=lambda entry: entry.path))

    def _put_runtime(self, entries: dict[str, Entry], home: str, loaders: Mapping[str, Loader]) -> None:
        reason = Reason("runtime")
        for libc in sorted({loader.libc for loader in loaders.values()}):
            source = runtime.library(self.machine, libc)
            path = f"{home}/runtime/{runtime.soname(libc)}"
            entries[path] = Entry(path, Kind.FILE, 0o755, source.stat().st_size, source=source, reasons=(reason,))
        shared = loaders[self.dynamic[0].started]
        private = {
            path: loader.directories for path, loader in loaders.items() if loader.directories != shared.directories
        }
        text = config(shared, self.environment, serves_tmp=self.mirror.holds_below("/tmp"), private=private)  # noqa: S108
        _put(entries, f"{home}/runtime/config", text.encode(), 0o644, reason)


def missing_library(missing: Sequence[Missing]) -> LibraryNotFoundError:
    """Make the error that shows the first missing library, with every place looked at."""
    first = missing[0]
    context = [f"needed by {first.needed_by}; looked in, by the loader's order:"]
    context += [f"  {line}" for line in looked_in_lines(first.looked_in)]
    others = sorted({item.soname for item in missing[1:]} - {first.soname})
    if others:
        context.append(f"missing as well: {', '.join(others)}")
    stem = first.soname.partition(".so")[0]
    return LibraryNotFoundError(
        f"{first.soname} not found",
        context=tuple(context),
        hint=f"install it, or pass --library-path DIR, or --exclude '{stem}.so*'",
    )


def _put(entries: dict[str, Entry], path: str, content: bytes, mode: int, reason: Reason) -> None:
    entries[path] = Entry(path, Kind.FILE, mode, len(content), content=content, reasons=(reason,))


def _libc_of(interpreter: str) -> str:
    return "musl" if posixpath.basename(interpreter).startswith("ld-musl-") else "glibc"


def _glibc_version(closure: Closure) -> tuple[int, int] | None:
    """Version of the glibc in a closure: the newest that libc.so.6 defines symbols for."""
    for path, file in closure.files.items():
        if posixpath.basename(path) == "libc.so.6":
            found = [
                (int(match[1]), int(match[2]))
                for version in file.elf.version_defs
                if (match := re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", version))
            ]
            return max(found, default=None)
    return None


def _searched(path: str) -> str:
    """The directory to name in --library-path so that ld.so finds the file: physical, hwcaps left out."""
    return _HWCAPS.sub("", os.path.realpath(posixpath.dirname(path)))


def _found_elsewhere(closure: Closure, again: Closure) -> Iterator[tuple[str, str]]:
    """Programs that find a library elsewhere in a second walk, with the directory where they should.

    Its name counts, not only the file: a library that looks beside itself asks the loader for its name.
    """
    for program, loaded in closure.scopes.items():
        answers = {
            (file.real, need.soname): _place(need.path)
            for file in again.scopes.get(program, ())
            for need in file.needed
        }
        for file in loaded:
            for need in file.needed:
                if answers.get((file.real, need.soname), _place(need.path)) != _place(need.path):
                    yield program, _searched(need.path)


def _place(path: str) -> str:
    """A path with the links of its directory followed, its own not."""
    directory, _, name = path.rpartition("/")
    return f"{_real(directory)}/{name}"


_real = lru_cache(maxsize=4096)(os.path.realpath)
"""A plan is made in one go: a directory's links are followed once."""


def _directories(closure: Closure) -> tuple[str, ...]:
    """Directories where the loader found libraries by a rule that does not hold on another machine."""
    found: dict[str, None] = {}
    for file in closure.files.values():
        for need in file.needed:
            if need.found_by not in ("rpath", "runpath", "path"):
                found.setdefault(_searched(need.path))
    return tuple(directory for directory in found if ":" not in directory and ";" not in directory)
