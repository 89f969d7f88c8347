"""From what the user asked for to the manifest of a bundle: every entry, each with its reasons.

Looks at this machine and decides; writes nothing and starts nothing.
"""

from __future__ import annotations

import os
import platform
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lambundle import runtime
from lambundle.bundle.model import Entry, Kind, Manifest, PackedOn, Program, Reason
from lambundle.cli.deps_report import looked_in_lines
from lambundle.discover.discovery import Discovery
from lambundle.discover.selection import Wanted
from lambundle.elf.headers import ElfFile
from lambundle.errors import ForeignElfError, LibraryNotFoundError, UsageError
from lambundle.gather.bytecode import take_bytecode
from lambundle.gather.gathering import Gathering
from lambundle.gather.programs import MACHINES, Requested, bundle_name, machine_of, resolve
from lambundle.pack.fits import check_config
from lambundle.pack.launcher import Loader, Script, config, launcher
from lambundle.pack.library_path import glibc_version, libc_of
from lambundle.pack.library_path import loaders as find_loaders
from lambundle.recipes.recipe import read_recipe, recipes, smoke_recipe_for
from lambundle.target import UNZIPPED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lambundle.elf.closure import Closure, Missing

SHELL = "/bin/sh"
"""In every bundle with a dynamic program: system(3), popen(3) and script front ends start it."""

OLDEST_BUILT_IN_NSS = (2, 34)
"""First glibc with the name services ``files`` and ``dns`` inside libc.so.6."""

LOADED_BY_NAME = ("libgcc_s.so.1", "libdl.so.2")
"""What glibc and the runtime load without any file saying so: pthread_cancel and backtrace, dlopen before 2.34."""

NAME_SERVICES = ("libnss_files.so.2", "libnss_dns.so.2")

OWN_FILES = 4 << 20
"""Bytes that lambundle's own files may take, the manifest of a large bundle most of them."""

ZONES = "/usr/share/zoneinfo"


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
        self.gathering = Gathering(self.machine, request.exclude, request.library_path)
        self.only_recorded = request.recorded is not None and request.recorded.only
        self.book = (*(read_recipe(path) for path in request.recipes), *recipes())
        self.discovery = Discovery(self.gathering, requested, self.book, request.search, only_made=self.only_recorded)
        self.environment = self.discovery.environment

    def plan(self) -> Plan:
        for program in self.requested:
            self._add_program(program)
        if self.dynamic:
            self.gathering.root(SHELL, Reason("shell"))
            self.discovery.follow_recipes()
        if not self.only_recorded:
            self.discovery.discover()
        self._take_recorded()
        for path in self.request.add:
            self._add(path)
        if self.dynamic:
            self._load_by_name()
        closure = self.gathering.walker.closure()
        self._check_missing(closure)
        self._mirror_closure(closure)
        self._take_bytecode()
        loaders = find_loaders(closure, self.gathering.roots, self.gathering.again) if self.dynamic else {}
        self._make_files(loaders)
        self._locale(loaders)
        self._libc_environment(loaders)
        self._say_what_is_static()
        return Plan(
            manifest=Manifest(
                self.name,
                self._programs(),
                self._packed_on(closure),
                self._entries(loaders),
                self.environment,
                self.discovery.groups(closure),
            ),
            notes=tuple(self.gathering.notes),
            programs=len({file.real for file in closure.files.values() if file.elf.is_program}),
            libraries=len({file.real for file in closure.files.values() if not file.elf.is_program}),
            recipes=self.discovery.recipes,
            packages={}
            if self.discovery.selection is None
            else {name: item.reason for name, item in self.discovery.selection.choice.packages.items()},
        )

    # ---- what the user and the recipes name ----

    def _add_program(self, program: Requested) -> None:
        for path in (program.path, program.started):
            if self.gathering.excludes(path):
                raise UsageError(
                    f"--exclude leaves out {path}, which {program.launcher} starts with",
                    hint="exclude less, or do not pack that program",
                )
        reason = Reason("program", None, program.launcher)
        if program.interpreter is None or program.script is None:
            self.gathering.root(program.path, reason)
            return
        self.gathering.mirror.add(program.path, reason)
        self.discovery.add_virtual_environment(program.interpreter, program.real)
        if program.script.env is not None:
            self.gathering.root(program.script.env, Reason("interpreter", program.real))
        for path in program.between:
            self.gathering.mirror.add(path, Reason("interpreter", program.real))
        self.gathering.root(program.interpreter, Reason("interpreter", program.real))

    def _take_recorded(self) -> None:
        if self.request.recorded is not None:
            reason = Reason("recorded")
            self.gathering.take(Wanted(path, reason) for path in self.request.recorded.files)
            self.discovery.take_interpreters()

    def _add(self, path: str) -> None:
        absolute = os.path.abspath(path)
        self.gathering.mirror.add(absolute, Reason("add", None, path))
        for real in self.gathering.mirror.add_tree(absolute, Reason("add", None, path)):
            self.gathering.walk_if_elf(real, optional=real != os.path.realpath(absolute))

    def _load_by_name(self) -> None:
        """What libc opens by name in every program, the shell among them: it may have another libc than the others."""
        started = dict.fromkeys([*(program.started for program in self.dynamic), os.path.realpath(SHELL)])
        with_glibc = [path for path in started if self._libc_of(path) == "glibc"]
        for path in with_glibc:
            for soname in LOADED_BY_NAME:
                self.gathering.opened(soname, path, Reason("libc", path, soname))
        version = glibc_version(self.gathering.walker.closure())
        if version is not None and version < OLDEST_BUILT_IN_NSS:
            for soname in NAME_SERVICES:
                self.gathering.opened(soname, with_glibc[0], Reason("libc", with_glibc[0], soname))

    def _libc_of(self, path: str) -> str | None:
        elf = self.gathering.disk.elf(path)
        return libc_of(elf.interpreter or "") if path in self.gathering.roots and isinstance(elf, ElfFile) else None

    # ---- the closure ----

    def _check_missing(self, closure: Closure) -> None:
        missing = [item for item in closure.missing if item.program not in self.gathering.optional]
        if missing:
            raise missing_library(missing)
        here = {posixpath.basename(path) for path in self.gathering.mirror.files()}
        for item in closure.missing:
            if item.soname not in here:  # else the program, which knows where it is, loads it before
                self.gathering.notes.append(
                    f"{item.soname}, needed by {item.needed_by}, is not installed: that file will not load"
                )
        machines = {MACHINES.get(file.elf.machine) for file in closure.files.values()}
        if not machines <= {self.machine}:
            raise ForeignElfError(f"the bundle is for {self.machine}, but a file of another machine is added")

    def _mirror_closure(self, closure: Closure) -> None:
        for file in closure.files.values():
            for need in file.needed:
                self.gathering.mirror.add(need.path, Reason("needed", file.real, need.soname))
            if file.elf.interpreter is not None and file.elf.is_program:
                self.gathering.mirror.add(file.elf.interpreter, Reason("interpreter", file.real))
        for path, file in closure.files.items():
            if file.real not in self.gathering.mirror:
                self.gathering.mirror.add(path, Reason("libc", None, posixpath.basename(path)))

    def _take_bytecode(self) -> None:
        left_out = take_bytecode(self.gathering.mirror, UNZIPPED.limit - OWN_FILES)
        if left_out:
            self.gathering.notes.append(
                f"Python's bytecode ({left_out / 1e6:.1f} MB) is left out, because with it the bundle would be over "
                f"{UNZIPPED.text}: starts take longer"
            )

    # ---- files that this machine does not have ----

    def _make_files(self, loaders: Mapping[str, Loader]) -> None:
        for found in self.discovery.found:
            for path, text in found.made.items():
                loader = loaders[self.dynamic[0].started]
                rpath = " ".join(f"-rpath %:getenv(LAMBUNDLE_ROOT {path})" for path in loader.directories)
                filled = text.replace("{interpreter}", loader.interpreter).replace("{rpath}", rpath)
                self.gathering.mirror.make_file(path, filled.encode(), 0o644, Reason("recipe", None, found.recipe))

    def _locale(self, loaders: Mapping[str, Loader]) -> None:
        """C.utf8 under the name that Lambda's LANG has, so that no program warns of a missing locale."""
        if not any(loader.libc == "glibc" for loader in loaders.values()):
            return
        top = "/usr/lib/locale"
        for name in ("en_US.utf8", "C.utf8", "C.UTF-8"):
            if Path(top, name).is_dir():
                self.gathering.mirror.add_tree(f"{top}/{name}", Reason("libc", None, "locale"))
                if name != "en_US.utf8":
                    self.gathering.mirror.make_link(f"{top}/en_US.utf8", name, Reason("libc", None, "locale"))
                self.environment["LOCPATH"] = f"@{top}"
                return

    def _libc_environment(self, loaders: Mapping[str, Loader]) -> None:
        """Lead libc, which opens these itself, to character sets and time zones that the bundle holds."""
        if any(loader.libc == "glibc" for loader in loaders.values()):
            for path in self.gathering.mirror.files():
                if posixpath.basename(path) == "gconv-modules":
                    self.environment.setdefault("GCONV_PATH", f"@{posixpath.dirname(path)}")
            if self.gathering.mirror.holds_below(ZONES):
                self.environment.setdefault("TZDIR", f"@{ZONES}")

    def _say_what_is_static(self) -> None:
        for program in self.requested:
            if program.elf.is_static_program:
                self.gathering.notes.append(
                    f"{program.launcher} is a static program: absolute paths in it are not served from the bundle"
                )

    # ---- the whole ----

    def _programs(self) -> tuple[Program, ...]:
        return tuple(self._program(item) for item in self.requested)

    def _program(self, item: Requested) -> Program:
        names = {posixpath.basename(item.path), posixpath.basename(item.real)}
        recipe = smoke_recipe_for(names, self.book)
        return Program(
            f"bin/{item.launcher}",
            item.path,
            item.real,
            static=item.elf.is_static_program,
            recipe="" if recipe is None else recipe.name,
            smoke=None if recipe is None else recipe.smoke,
        )

    def _packed_on(self, closure: Closure) -> PackedOn:
        try:
            distribution = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
        except OSError:
            distribution = "Linux"
        version = glibc_version(closure)
        libc = "musl" if any(libc_of(path) == "musl" for path in closure.files) else "none"
        if version is not None:
            libc = f"glibc {version[0]}.{version[1]}"
        return PackedOn(distribution, libc, self.machine)

    def _entries(self, loaders: Mapping[str, Loader]) -> tuple[Entry, ...]:
        home = f"lambundle/{self.name}"
        entries = {entry.path: entry for entry in self.gathering.mirror.entries(f"{home}/root", self.discovery.owner)}
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
        text = config(shared, self.environment, serves_tmp=self.gathering.mirror.holds_below("/tmp"), private=private)  # noqa: S108
        check_config(text, self.name)
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
