"""Application of a recipe to a program of a machine: files, variables, generated files."""

from __future__ import annotations

import fnmatch
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambundle.errors import RecipeError
from lambundle.recipes.directories import directories, filled
from lambundle.recipes.variants import without_variants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lambundle.gather.programs import Requested
    from lambundle.machine import Files, Machine
    from lambundle.packages import PackageDatabase
    from lambundle.recipes.recipe import FileGlobs, Recipe


@dataclass(frozen=True, slots=True)
class RecipeResult:
    """The result of a recipe for one program.

    ``paths`` are absolute paths, directories with all their files, each with patterns of paths to leave out. ``made``
    are paths and texts of files to generate, still with ``{interpreter}`` and ``{rpath}``, which depend on the closure.
    ``notes`` say what is left out.
    """

    recipe: str
    paths: Mapping[str, tuple[str, ...]]
    made: Mapping[str, str]
    environment: Mapping[str, str]
    notes: tuple[str, ...] = ()


def follow(recipe: Recipe, program: Requested, machine: Machine, packages: PackageDatabase | None) -> RecipeResult:
    """Return the result of a recipe. Raises RecipeError if none of a variable's directories exists."""
    files = machine.files
    variables = _variables(files, recipe, program)
    paths: dict[str, tuple[str, ...]] = {}
    for globs in recipe.files:
        without = tuple(text for item in globs.without for text in filled(item, variables))
        for path in _globbed(files, globs, variables):
            if files.exists(path) and matches_none(path, without):
                paths.setdefault(path, without)
    for path in (*_helpers(machine, recipe, program, variables), *_packaged(files, recipe, variables, packages)):
        paths.setdefault(path, ())
    notes: list[str] = []
    if recipe.target == "other":
        paths, notes = without_variants(files, paths)
    return RecipeResult(
        recipe=recipe.name,
        notes=tuple(notes),
        paths=paths,
        made={
            posixpath.normpath(path): next(filled(text, variables))
            for key, text in recipe.made.items()
            for path in list(filled(key, variables))[:1]
        },
        environment={name: next(filled(text, variables)) for name, text in recipe.environment.items()},
    )


def _variables(files: Files, recipe: Recipe, program: Requested) -> Mapping[str, tuple[str, ...]]:
    variables = directories(files, recipe.directories, recipe.target, program.real)
    if variables is None:
        prefix = {"prefix": (posixpath.dirname(posixpath.dirname(program.real)),)}
        raise RecipeError(
            f"recipe {recipe.name}: {program.path} has no directory of its own on this machine",
            context=tuple(
                text for patterns in recipe.directories.values() for item in patterns for text in filled(item, prefix)
            ),
        )
    return variables


def _globbed(files: Files, globs: FileGlobs, variables: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for item in globs.files:
        for pattern in filled(item, variables):
            yield from files.glob(pattern)


def matches_none(path: str, patterns: Iterable[str]) -> bool:
    """Return whether none of the patterns matches an absolute path."""
    return not any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _helpers(
    machine: Machine, recipe: Recipe, program: Requested, variables: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    search = [posixpath.dirname(program.path), *machine.search]
    for name in (text for item in recipe.helpers for text in filled(item, variables)):
        for directory in search:
            path = posixpath.join(directory, name)
            if path.startswith("/") and machine.files.is_executable(path):
                yield path
                break


def _packaged(
    files: Files, recipe: Recipe, variables: Mapping[str, Sequence[str]], packages: PackageDatabase | None
) -> Iterator[str]:
    below = tuple(f"{text}/" for item in recipe.below for text in filled(item, variables))
    files_of_owners = [path for item in recipe.owners for path in filled(item, variables)]
    owners = {path: None if packages is None else packages.owner(path) for path in files_of_owners}
    known = dict.fromkeys(owner for owner in owners.values() if owner is not None)
    if not known or any(owner is None and files.exists(path) for path, owner in owners.items()):
        patterns = (text for item in recipe.fallback for text in filled(item, variables))
        yield from (path for pattern in patterns for path in files.glob(pattern) if files.exists(path))
    if packages is None:
        return
    for package in known:
        yield from (path for path in packages.files(package) if path.startswith(below) and files.lexists(path))
