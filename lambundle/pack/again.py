"""Packing a bundle again: the options that a manifest keeps of its request, and the command that they make."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from lambundle.bundle.model import PackOptions
from lambundle.gather.library_path import found_by_variable, searched_first

if TYPE_CHECKING:
    from lambundle.bundle.model import Manifest, Program
    from lambundle.elf.closure import Closure
    from lambundle.pack.request import Request

_LISTS = ("add", "package", "exclude", "library_path", "recipe", "record")


def options_of(request: Request, closure: Closure) -> PackOptions:
    """Return what a manifest keeps of a request, with every path absolute."""
    machine, recorded = request.machine, request.recorded
    absolute = machine.absolute
    directories = tuple(map(absolute, request.library_path))
    if found_by_variable(machine, request.library_path, closure) is not None:
        directories = searched_first(machine, request.library_path)
    return PackOptions(
        add=tuple(map(absolute, request.add)),
        package=request.packages,
        exclude=request.exclude,
        library_path=tuple(dict.fromkeys(directories)),
        recipe=tuple(str(path.absolute()) for path in request.recipes),
        record=() if recorded is None else recorded.commands,
        only_recorded=recorded is not None and recorded.only,
    )


def pack_command(manifest: Manifest, options: PackOptions, programs: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the words of the command that packs a bundle's programs, and ``programs`` too, with ``options``."""
    words = ["lambundle", "pack", *map(argument, manifest.programs), *programs]
    if manifest.programs and manifest.name != _usual_name(manifest.programs[0]):
        words += ["--name", manifest.name]
    for key in _LISTS:
        for value in getattr(options, key):
            words += [f"--{key.replace('_', '-')}", value]
    return (*words, "--only-recorded") if options.only_recorded else tuple(words)


def argument(program: Program) -> str:
    """Return the argument of ``pack`` for a program of a bundle."""
    launcher = posixpath.basename(program.launcher)
    return program.path if posixpath.basename(program.path) == launcher else f"{launcher}={program.path}"


def _usual_name(program: Program) -> str:
    made = re.sub(r"[^A-Za-z0-9._+@-]", "_", posixpath.basename(program.launcher))
    return made if re.match(r"[A-Za-z0-9_+@]", made) else f"_{made}"
