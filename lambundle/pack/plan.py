"""The plan of a bundle: every entry with its reasons.

It reads the packing machine, writes nothing and starts nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence  # noqa: TC003  (dataclass fields)
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.bundle.model import Manifest, PackedOn, Program, Reason
from lambundle.discover.discovery import Discovery
from lambundle.discover.opened import add_opened
from lambundle.discover.preloads import add_preloaded
from lambundle.gather.bytecode import add_bytecode
from lambundle.gather.gathering import Gathering
from lambundle.gather.library_path import found_by_variable, searched_first
from lambundle.gather.programs import Requested, bundle_name, each_once, machine_of, resolve
from lambundle.pack import gconv, libc, loaded, locales, named, optional_parts, past_runtime, smaller_providers
from lambundle.pack.again import options_of
from lambundle.pack.entries import bundle_entries
from lambundle.pack.excluded import exclusion_notes
from lambundle.pack.library_list import add_library_list
from lambundle.pack.library_path import glibc_version, libc_of
from lambundle.pack.library_path import loaders as find_loaders
from lambundle.pack.request import Plan, Request
from lambundle.packages import detect
from lambundle.recipes.recipe import Recipe, all_recipes, read_recipe, recipe_for, smoke_recipe_for
from lambundle.target import UNZIPPED

if TYPE_CHECKING:
    from lambundle.elf.closure import Closure
    from lambundle.machine import Files, Machine
    from lambundle.pack.launcher import Loader

SHELL = "/bin/sh"
"""Added to every bundle with a dynamic program: system(3), popen(3) and scripts start it."""

OWN_FILES = 4 << 20
"""Most bytes of lambundle's own files; in a large bundle nearly all are the manifest."""

OWN_BYTES, OWN_BYTES_A_FILE = 1 << 19, 450
"""Bytes of lambundle's own files, and of the manifest for each file, as estimated before it is written."""


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A request with its programs; ``recipes`` has the user's own first."""

    request: Request
    programs: Sequence[Requested]
    recipes: Sequence[Recipe]
    name: str
    architecture: str

    @property
    def dynamic(self) -> list[Requested]:
        """The dynamic programs."""
        return [program for program in self.programs if not program.elf.is_static_program]

    @property
    def only_recorded(self) -> bool:
        """Whether only recorded files are added."""
        return self.request.recorded is not None and self.request.recorded.only


@dataclass(frozen=True, slots=True)
class _Gathered:
    """All files of the packing machine that go into the bundle, and their closure."""

    gathering: Gathering
    discovery: Discovery
    closure: Closure
    short: int
    """Bytes of fonts that were asked for and have no room."""


def make_plan(request: Request) -> Plan:
    """Return the plan of a bundle. Raises the LambundleError of the first step that fails."""
    resolved = _find_programs(request)
    gathered = _gather_what_fits(resolved)
    loaders = _find_loaders(resolved, gathered)
    environment = _make_files(resolved, gathered, loaders)
    return _assemble(resolved, gathered, loaders, environment)


def _find_programs(request: Request) -> _Resolved:
    programs = each_once(resolve(request.machine, argument) for argument in request.programs)
    recipes = (*(read_recipe(path) for path in request.recipes), *all_recipes())
    return _Resolved(request, programs, recipes, bundle_name(request.name, programs), machine_of(programs))


def _gather_what_fits(resolved: _Resolved) -> _Gathered:
    """Gather all files; if the bundle is over the quota, by smaller providers, then without optional parts."""
    gathered = _gather(resolved)
    if _surplus(gathered) <= 0:
        return _without_optional_parts(resolved, gathered, ()) if gathered.short else gathered
    providers = smaller_providers.smaller_providers(gathered.gathering, gathered.closure)
    first = tuple(provider.directory for provider in providers)
    told = [smaller_providers.note(provider, UNZIPPED.text) for provider in providers]
    smaller = _gather(resolved, first=first) if first else gathered
    if _surplus(smaller) < _surplus(gathered) - smaller_providers.WORTH:
        gathered = smaller
    else:
        first, told = (), []
    if _surplus(gathered) > 0 or gathered.short:
        gathered = _without_optional_parts(resolved, gathered, first)
    gathered.gathering.notes.extend(told)
    return gathered


def _without_optional_parts(resolved: _Resolved, gathered: _Gathered, first: tuple[str, ...]) -> _Gathered:
    """Gather again without parts that are too much, or in whose place fonts fit that were installed by name."""
    needed = _optional_parts(resolved, gathered, 0)
    parts = _optional_parts(resolved, gathered, gathered.short)
    smaller = _gather(resolved, tuple(part.path for part in parts), first) if parts else gathered
    if len(parts) > len(needed) and smaller.short == gathered.short:  # the fonts do not fit even so
        parts = needed
        smaller = _gather(resolved, tuple(part.path for part in parts), first) if parts else gathered
    smaller.gathering.notes.extend(
        optional_parts.note(part, UNZIPPED.text, for_fonts=part not in needed) for part in parts
    )
    return smaller


def _surplus(gathered: _Gathered) -> int:
    """Return the bytes by which a bundle is over the quota, negative if it is not."""
    return gathered.gathering.mirror.size - _limit(gathered.gathering)


def _limit(gathering: Gathering) -> int:
    """Return the most bytes of all files that are not lambundle's own."""
    return UNZIPPED.limit - OWN_BYTES - len(gathering.mirror.files()) * OWN_BYTES_A_FILE


def _optional_parts(resolved: _Resolved, gathered: _Gathered, short: int) -> tuple[optional_parts.OptionalPart, ...]:
    request, real = resolved.request, resolved.request.machine.files.real
    named = [*map(request.machine.absolute, request.add), *(request.recorded.files if request.recorded else ())]
    asked_for = {program.real for program in resolved.programs} | set(map(real, named))
    return optional_parts.parts_to_leave_out(
        gathered.gathering, gathered.closure, gathered.discovery.owner, asked_for, _surplus(gathered), short
    )


def _gather(resolved: _Resolved, without: tuple[str, ...] = (), first: tuple[str, ...] = ()) -> _Gathered:
    """Gather the files that were named, recorded or discovered, and their closure, ``without`` some files.

    ``first`` are further directories that are searched for libraries before all others.
    """
    request = resolved.request
    machine = request.machine
    given = (*request.library_path, *first)
    library_path = searched_first(machine, given)
    gathering = Gathering(machine, resolved.architecture, (*request.exclude, *without), library_path)
    added = named.added_programs(machine, request.add, resolved.architecture)
    added = [program for program in added if not gathering.excludes(program.path)]
    discovery = Discovery(
        gathering,
        (*resolved.programs, *added),
        resolved.recipes,
        detect(machine.files),
        only_made=resolved.only_recorded,
        limit=UNZIPPED.limit - OWN_FILES,
    )
    _add_programs(gathering, discovery, resolved.programs, added)
    if resolved.dynamic:
        gathering.load(SHELL, Reason("shell"))
    discovery.follow_recipes()
    discovery.add_packages(request.packages)
    if not resolved.only_recorded:
        discovery.discover()
        if resolved.dynamic:
            shell = machine.files.real(SHELL)
            add_preloaded(gathering, (program.started for program in resolved.dynamic), shell)
            add_opened(gathering, lambda path: discovery.owner(path) is not None, shell)
    _add_asked_for(gathering, discovery, request)
    if resolved.dynamic:
        started = (*(program.started for program in discovery.dynamic), machine.files.real(SHELL))
        libc.add_loaded_by_name(gathering, started)
        if libc.has_glibc(gathering, started):
            locales.add_locales(gathering)
    closure = gathering.walker.closure()
    loaded.check_missing(gathering, closure)
    loaded.mirror_closure(gathering, closure)
    short = discovery.add_fonts(_limit(gathering))
    _add_bytecode(gathering)
    by_variable = found_by_variable(machine, given, closure)
    gathering.notes[:0] = [
        *exclusion_notes(gathering, closure, resolved.programs),
        *([] if by_variable is None else [by_variable]),
    ]
    gathering.notes.extend(past_runtime.notes(machine.files, resolved.programs))
    return _Gathered(gathering, discovery, closure, short)


def _add_programs(
    gathering: Gathering, discovery: Discovery, requested: Sequence[Requested], added: Sequence[Requested]
) -> None:
    for program in (*requested, *added):
        discovery.add_virtual_environment(program)
    for program in requested:
        named.add_program(gathering, program)
    for program in added:
        named.add_named(gathering, program.path)
        named.add_interpreters(gathering, program)


def _add_asked_for(gathering: Gathering, discovery: Discovery, request: Request) -> None:
    """Add recorded files and those of ``--add``, with the shells of their scripts, and env."""
    if request.recorded is not None:
        named.add_recorded(gathering, request.recorded.files)
    for path in request.add:
        named.add_named(gathering, path)
    if request.recorded is not None or request.add:
        discovery.add_interpreters()


def _add_bytecode(gathering: Gathering) -> None:
    left_out = add_bytecode(gathering.mirror, gathering.files, UNZIPPED.limit - OWN_FILES)
    if left_out:
        gathering.notes.append(
            f"Python's bytecode ({left_out / 1e6:.1f} MB) is left out: with it the bundle would be over "
            f"{UNZIPPED.text}; starts take longer"
        )


def _find_loaders(resolved: _Resolved, gathered: _Gathered) -> Mapping[str, Loader]:
    """Return the loader of each dynamic program, by real path."""
    return find_loaders(gathered.gathering, gathered.closure) if resolved.dynamic else {}


def _make_files(resolved: _Resolved, gathered: _Gathered, loaders: Mapping[str, Loader]) -> Mapping[str, str]:
    """Add generated files; return the variables that the runtime sets."""
    gathering, discovery = gathered.gathering, gathered.discovery
    for result in discovery.results:
        for path, text in result.made.items():
            if resolved.dynamic:
                loader = loaders[resolved.dynamic[0].started]
                rpath = " ".join(f"-rpath %:getenv(LAMBUNDLE_ROOT {path})" for path in loader.directories)
                text = text.replace("{interpreter}", loader.interpreter).replace("{rpath}", rpath)  # noqa: PLW2901
            gathering.mirror.make_file(path, text.encode(), 0o644, Reason("recipe", None, result.recipe))
    environment = dict(discovery.environment)
    if any(loader.libc == "glibc" for loader in loaders.values()):
        add_library_list(gathering, loaders.values())
        converters = gconv.list_converters(gathering, tell=discovery.converts)
        environment = libc.glibc_variables(gathering) | converters | environment
    return environment


def _assemble(
    resolved: _Resolved, gathered: _Gathered, loaders: Mapping[str, Loader], environment: Mapping[str, str]
) -> Plan:
    closure, gathering, discovery = gathered.closure, gathered.gathering, gathered.discovery
    programs = tuple(_program(program, gathering.files, resolved.recipes) for program in resolved.programs)
    entries = bundle_entries(
        resolved.name, resolved.programs, gathering, loaders, environment, discovery.environment, discovery.owner
    )
    packed_on = _packed_on(resolved.request.machine, resolved.architecture, closure)
    return Plan(
        manifest=Manifest(
            resolved.name,
            programs,
            packed_on,
            entries,
            environment,
            discovery.groups(closure),
            options_of(resolved.request, closure),
        ),
        machine=resolved.request.machine,
        notes=tuple(gathering.notes),
        programs=len({file.real for file in closure.files.values() if file.elf.is_program}),
        libraries=len({file.real for file in closure.files.values() if not file.elf.is_program}),
        recipes=discovery.recipe_files,
        packages=discovery.chosen,
    )


def _program(program: Requested, files: Files, recipes: Sequence[Recipe]) -> Program:
    names = {posixpath.basename(program.path), posixpath.basename(program.real)}
    own = recipe_for(files, program.path, recipes)
    is_found = own is not None and bool(own.directories)
    recipe = own if is_found else smoke_recipe_for(names, recipes, without_directories=True)
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
