"""From what the user asked for to the manifest of a bundle: every entry, each with its reasons.

Looks at the packing machine and decides; writes nothing and starts nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence  # noqa: TC003  (dataclass fields)
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.bundle.model import Manifest, PackedOn, Program, Reason
from lambundle.discover.discovery import Discovery
from lambundle.gather.bytecode import take_bytecode
from lambundle.gather.gathering import Gathering
from lambundle.gather.programs import Requested, bundle_name, machine_of, resolve
from lambundle.pack import libc, loaded, roots
from lambundle.pack.entries import bundle_entries
from lambundle.pack.library_path import glibc_version, libc_of
from lambundle.pack.library_path import loaders as find_loaders
from lambundle.pack.request import Plan, Request
from lambundle.packages import detect
from lambundle.recipes.recipe import Recipe, read_recipe, recipes, smoke_recipe_for
from lambundle.target import UNZIPPED

if TYPE_CHECKING:
    from lambundle.elf.closure import Closure
    from lambundle.machine import Machine
    from lambundle.pack.launcher import Loader

SHELL = "/bin/sh"
"""In every bundle with a dynamic program: system(3), popen(3) and script front ends start it."""

OWN_FILES = 4 << 20
"""Bytes that lambundle's own files may take, the manifest of a large bundle most of them."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request with its programs found. ``book`` are the recipes, the user's own first."""

    request: Request
    programs: Sequence[Requested]
    book: Sequence[Recipe]
    name: str
    architecture: str

    @property
    def dynamic(self) -> list[Requested]:
        """The programs that a loader starts."""
        return [program for program in self.programs if not program.elf.is_static_program]

    @property
    def only_recorded(self) -> bool:
        """Whether nothing is wanted beside what was recorded."""
        return self.request.recorded is not None and self.request.recorded.only


@dataclass(frozen=True, slots=True)
class _Gathered:
    """All files of the packing machine that go into the bundle, and what they load."""

    gathering: Gathering
    discovery: Discovery
    closure: Closure


def make_plan(request: Request) -> Plan:
    """Decide what goes into the bundle. Raises a LambundleError that says what is missing."""
    asked = _find_programs(request)
    gathered = _gather(asked)
    loaders = _find_loaders(asked, gathered)
    environment = _make_files(asked, gathered, loaders)
    return _assemble(asked, gathered, loaders, environment)


def _find_programs(request: Request) -> _Asked:
    programs = [resolve(request.machine, argument) for argument in request.programs]
    book = (*(read_recipe(path) for path in request.recipes), *recipes())
    return _Asked(request, programs, book, bundle_name(request.name, programs), machine_of(programs))


def _gather(asked: _Asked) -> _Gathered:
    """Gather the files: those that were named, those that were discovered, and all that they load."""
    request = asked.request
    machine = request.machine
    library_path = tuple(map(machine.absolute, request.library_path))
    gathering = Gathering(machine, asked.architecture, request.exclude, library_path)
    discovery = Discovery(gathering, asked.programs, asked.book, detect(machine.files), only_made=asked.only_recorded)
    for program in asked.programs:
        discovery.add_virtual_environment(program)
        roots.add_program(gathering, program)
    if asked.dynamic:
        gathering.root(SHELL, Reason("shell"))
        discovery.follow_recipes()
    if not asked.only_recorded:
        discovery.discover()
    if request.recorded is not None:
        roots.add_recorded(gathering, request.recorded.files)
        discovery.add_interpreters()
    for path in request.add:
        roots.add_named(gathering, path)
    if asked.dynamic:
        started = (*(program.started for program in asked.dynamic), machine.files.real(SHELL))
        libc.add_loaded_by_name(gathering, started)
    closure = gathering.walker.closure()
    loaded.check_missing(gathering, closure)
    loaded.mirror_closure(gathering, closure)
    _add_bytecode(gathering)
    for program in asked.programs:
        if program.elf.is_static_program:
            gathering.notes.append(
                f"{program.launcher} is a static program: absolute paths in it are not served from the bundle"
            )
    return _Gathered(gathering, discovery, closure)


def _add_bytecode(gathering: Gathering) -> None:
    left_out = take_bytecode(gathering.mirror, gathering.files, UNZIPPED.limit - OWN_FILES)
    if left_out:
        gathering.notes.append(
            f"Python's bytecode ({left_out / 1e6:.1f} MB) is left out, because with it the bundle would be over "
            f"{UNZIPPED.text}: starts take longer"
        )


def _find_loaders(asked: _Asked, gathered: _Gathered) -> Mapping[str, Loader]:
    """Return how each dynamic program is started, by its real path."""
    gathering = gathered.gathering
    if not asked.dynamic:
        return {}
    return find_loaders(gathering.files, gathered.closure, gathering.roots, gathering.again)


def _make_files(asked: _Asked, gathered: _Gathered, loaders: Mapping[str, Loader]) -> Mapping[str, str]:
    """Add the files that no machine has; return the variables that the runtime sets."""
    gathering, discovery = gathered.gathering, gathered.discovery
    for result in discovery.results:
        for path, text in result.made.items():
            loader = loaders[asked.dynamic[0].started]
            rpath = " ".join(f"-rpath %:getenv(LAMBUNDLE_ROOT {path})" for path in loader.directories)
            filled = text.replace("{interpreter}", loader.interpreter).replace("{rpath}", rpath)
            gathering.mirror.make_file(path, filled.encode(), 0o644, Reason("recipe", None, result.recipe))
    environment = dict(discovery.environment)
    if any(loader.libc == "glibc" for loader in loaders.values()):
        environment |= libc.add_locale(gathering)
        environment = libc.glibc_variables(gathering) | environment
    return environment


def _assemble(
    asked: _Asked, gathered: _Gathered, loaders: Mapping[str, Loader], environment: Mapping[str, str]
) -> Plan:
    closure, gathering, discovery = gathered.closure, gathered.gathering, gathered.discovery
    programs = tuple(_program(program, asked.book) for program in asked.programs)
    entries = bundle_entries(asked.name, asked.programs, gathering, loaders, environment, discovery.owner)
    packed_on = _packed_on(asked.request.machine, asked.architecture, closure)
    return Plan(
        manifest=Manifest(asked.name, programs, packed_on, entries, environment, discovery.groups(closure)),
        machine=asked.request.machine,
        notes=tuple(gathering.notes),
        programs=len({file.real for file in closure.files.values() if file.elf.is_program}),
        libraries=len({file.real for file in closure.files.values() if not file.elf.is_program}),
        recipes=discovery.recipe_files,
        packages=discovery.chosen,
    )


def _program(program: Requested, book: Sequence[Recipe]) -> Program:
    names = {posixpath.basename(program.path), posixpath.basename(program.real)}
    recipe = smoke_recipe_for(names, book)
    return Program(
        f"bin/{program.launcher}",
        program.path,
        program.real,
        static=program.elf.is_static_program,
        recipe="" if recipe is None else recipe.name,
        smoke=None if recipe is None else recipe.smoke,
    )


def _packed_on(machine: Machine, architecture: str, closure: Closure) -> PackedOn:
    version = glibc_version(closure)
    name = "musl" if any(libc_of(path) == "musl" for path in closure.files) else "none"
    if version is not None:
        name = f"glibc {version[0]}.{version[1]}"
    return PackedOn(machine.distribution, name, architecture)
