"""Application of a recipe to a program of a machine: files, variables, generated files."""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lambundle.gather.programs import Requested
    from lambundle.machine import Files, Machine
    from lambundle.packages import PackageDatabase
    from lambundle.recipes.recipe import FileGlobs, Recipe

MAX_PROGRAM = 256 << 20
"""Bytes of a program that are searched for its directories."""


@dataclass(frozen=True, slots=True)
class RecipeResult:
    """The result of a recipe for one program.

    ``paths`` are absolute paths, directories with all their files, each with patterns of paths to leave out. ``made``
    are paths and texts of files to generate, still with ``{interpreter}`` and ``{rpath}``, which depend on the closure.
    """

    recipe: str
    paths: Mapping[str, tuple[str, ...]]
    made: Mapping[str, str]
    environment: Mapping[str, str]


def follow(recipe: Recipe, program: Requested, machine: Machine, packages: PackageDatabase | None) -> RecipeResult:
    """Return the result of a recipe. Raises RecipeError if none of a variable's directories exists."""
    files = machine.files
    variables = _variables(files, recipe, program)
    paths: dict[str, tuple[str, ...]] = {}
    for globs in recipe.files:
        without = tuple(text for item in globs.without for text in _filled(item, variables))
        for path in _globbed(files, globs, variables):
            if matches_none(path, without):
                paths.setdefault(path, without)
    for path in (*_helpers(machine, recipe, program), *_packaged(files, recipe, variables, packages)):
        paths.setdefault(path, ())
    return RecipeResult(
        recipe=recipe.name,
        paths=paths,
        made={
            posixpath.normpath(path): next(_filled(text, variables))
            for key, text in recipe.made.items()
            for path in list(_filled(key, variables))[:1]
        },
        environment=recipe.environment,
    )


def _variables(files: Files, recipe: Recipe, program: Requested) -> dict[str, tuple[str, ...]]:
    prefix = posixpath.dirname(posixpath.dirname(program.real))
    variables: dict[str, tuple[str, ...]] = {"prefix": (prefix,)}
    content = files.read(program.real, MAX_PROGRAM) if recipe.directories else b""
    for name, patterns in recipe.directories.items():
        found = [
            path
            for pattern in patterns
            for text in _filled(pattern, variables)
            for path in files.glob(text)
            if _is_built_in(path, content)
        ]
        if not found:
            raise RecipeError(
                f"recipe {recipe.name}: {program.path} has no directory of its own on this machine",
                context=tuple(text for pattern in patterns for text in _filled(pattern, variables)),
            )
        variables[name] = tuple(found)
        variables["machine"] = (found[0].split("/")[-2],)
        variables["version"] = (found[0].split("/")[-1],)
    return variables


def _is_built_in(path: str, content: bytes) -> bool:
    """Return whether both names of a directory ``…/MACHINE/VERSION`` are in a program.

    The linker merges strings with the same end, so the machine may end a longer one; the version is a whole string or
    begins the full version (directory 12, version 12.2.0).
    """
    machine, version = (os.fsencode(part) for part in path.split("/")[-2:])
    is_version = re.search(rb"\x00" + re.escape(version) + rb"(\.[0-9]+)*\x00", content)
    return machine + b"\0" in content and is_version is not None


def _globbed(files: Files, globs: FileGlobs, variables: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for item in globs.files:
        for pattern in _filled(item, variables):
            yield from files.glob(pattern)


def matches_none(path: str, patterns: Iterable[str]) -> bool:
    """Return whether none of the patterns matches an absolute path."""
    return not any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _filled(text: str, variables: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Return a text with each combination of the variables' values; ``{interpreter}`` and ``{rpath}`` stay."""
    for name, values in variables.items():
        if f"{{{name}}}" in text:
            for value in values:
                yield from _filled(text.replace(f"{{{name}}}", value), variables)
            return
    yield text


def _helpers(machine: Machine, recipe: Recipe, program: Requested) -> Iterator[str]:
    search = [posixpath.dirname(program.path), *machine.search]
    for name in recipe.helpers:
        for directory in search:
            path = posixpath.join(directory, name)
            if path.startswith("/") and machine.files.is_executable(path):
                yield path
                break


def _packaged(
    files: Files, recipe: Recipe, variables: Mapping[str, Sequence[str]], packages: PackageDatabase | None
) -> Iterable[str]:
    below = tuple(f"{text}/" for item in recipe.below for text in _filled(item, variables))
    owners = [
        owner
        for item in recipe.owners
        for path in _filled(item, variables)
        if packages is not None and (owner := packages.owner(path)) is not None
    ]
    if packages is None or not owners:
        fallback = [text for item in recipe.fallback for text in _filled(item, variables)]
        return [path for pattern in fallback for path in files.glob(pattern)]
    return [
        path
        for package in dict.fromkeys(owners)
        for path in packages.files(package)
        if path.startswith(below) and files.lexists(path)
    ]
