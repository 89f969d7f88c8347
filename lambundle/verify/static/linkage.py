"""The closure of each program of a packed bundle by the loader's own rules, and the plug-ins."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.elf.walk import Walker
from lambundle.verify.static.inside import Inside
from lambundle.verify.static.machine import machine_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lambundle.elf.closure import Closure, LoadedFile, Missing
    from lambundle.elf.headers import ElfFile
    from lambundle.verify.static.bundles import PackedBundle
    from lambundle.verify.static.contents import Content
    from lambundle.verify.static.steps import Steps
    from lambundle.verify.tree import MemberTree


@dataclass(frozen=True, slots=True)
class Linkage:
    """The libraries that the dynamic ELF files of one bundle load; paths are the packing machine's, or said otherwise.

    ``started`` are the real paths of the programs that launchers start. ``scopes`` has, for each program, the files
    in its memory. ``plugins`` are the paths in the zip of shared objects that no program loads by itself. ``named``
    maps sonames and file names to the paths in the zip that have them.
    """

    bundle: PackedBundle
    disk: Inside
    started: frozenset[str]
    scopes: Mapping[str, tuple[LoadedFile, ...]]
    missing: tuple[Missing, ...]
    plugins: tuple[str, ...]
    named: Mapping[str, tuple[str, ...]]


def linkage_of(tree: MemberTree, contents: Mapping[str, Content], bundle: PackedBundle, steps: Steps) -> Linkage:
    """Find what every program of ``bundle`` loads; raise EntangledError when that has no end."""
    disk = Inside(tree, contents, bundle.root, steps)
    machine = bundle.manifest.packed_on.machine
    elves = {
        path: content.elf
        for path, content in contents.items()
        if path.startswith(f"{bundle.path}/") and content.elf is not None and machine_name(content.elf) == machine
    }
    programs = [path for path, elf in elves.items() if elf.is_program and elf.interpreter]
    inside = [path[len(bundle.root) :] for path in programs if path.startswith(f"{bundle.root}/")]
    closures = list(_walk(bundle, disk, sorted(inside)))
    scopes = {program: files for closure in closures for program, files in closure.scopes.items()}
    loaded = {disk.place(file.path) for files in scopes.values() for file in files}
    plugins = [path for path, elf in elves.items() if elf.dynamic and not elf.is_program and path not in loaded]
    return Linkage(
        bundle=bundle,
        disk=disk,
        started=frozenset(program.real for program in bundle.manifest.programs),
        scopes=scopes,
        missing=tuple(item for closure in closures for item in closure.missing),
        plugins=tuple(sorted(plugins)),
        named=names_of(tree, elves),
    )


def names_of(tree: MemberTree, elves: Mapping[str, ElfFile]) -> Mapping[str, tuple[str, ...]]:
    """Map every name that a loader could ask for to the files it may get: file names, links' names, sonames."""
    found: dict[str, dict[str, None]] = {}
    for path, elf in elves.items():
        for name in {posixpath.basename(path), elf.soname or posixpath.basename(path)}:
            found.setdefault(name, {})[path] = None
    for member in tree.by_path.values():
        if member.target is not None:
            led = tree.member(member.path)
            if led is not None and led.path in elves:
                found.setdefault(posixpath.basename(member.path), {})[led.path] = None
    return {name: tuple(paths) for name, paths in found.items()}


def _walk(bundle: PackedBundle, disk: Inside, programs: Sequence[str]) -> Iterator[Closure]:
    """Walk the programs, those with directories of their own apart."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for program in programs:
        groups.setdefault(bundle.private.get(program, bundle.directories), []).append(program)
    for directories, group in groups.items():
        walker = Walker(disk, library_path=directories, isolated=True)
        for program in group:
            walker.add(program)
        yield walker.closure()
