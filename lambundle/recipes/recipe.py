"""Recipes: the needs of a program family that no general rule finds, as data.

A recipe is a TOML file beside this module (``NAME.toml``). Its keys:

``why``          why no general rule is enough; required unless ``smoke`` is the only other key
``extends``      a recipe that this one includes
``instead``      whether the recipe replaces the program's packages
``programs``     patterns of the name or real name of a program
``directories``  variables: globs of directories ``…/MACHINE/VERSION`` whose last two names are in the program;
                 they set ``{machine}``, ``{version}`` and ``{built}``, the directory above both
                 that the program was configured for; a program without them is not of the recipe
``target``       which ``{machine}`` it is for: the program's ``own``, or an ``other``; the default is any
``helpers``      programs that are started by name: beside the program or on PATH
``files``        globs of files and directories to add
``without``      patterns of files and directories among them to leave out
``packages``     files of packages below some directories: ``owners`` are files whose packages are meant, ``below`` the
                 directories, ``fallback`` globs where no package owns these
``made``         files to generate: path and text
``environment``  variables of the running program; ``@`` is the bundle's root
``smoke``        the smoke job: ``does`` describes it in the past tense, ``script`` does it

The script runs in the host's ``/bin/sh -eu``, in an empty directory of ``/tmp``, with little but coreutils, sed and
grep. ``$B`` is the mount point of the bundle, ``$P`` the program's launcher; neither is exported. ``same GOT WANTED``
and ``fail TEXT`` end it with a message. It must take less than two seconds, use no network, and fail if a file that the
job needs is missing.

In all other values ``{prefix}`` is the directory above the program's ``bin``.
"""

from __future__ import annotations

import fnmatch
import posixpath
import tomllib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambundle.bundle.model import Smoke
from lambundle.errors import RecipeError
from lambundle.machine import read_regular
from lambundle.recipes.directories import directories

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from lambundle.machine import Files

RECIPES = Path(__file__).parent
MAX_RECIPE = 1 << 20


@dataclass(frozen=True, slots=True)
class FileGlobs:
    """The globs of one recipe, and the patterns of paths among them to leave out."""

    files: tuple[str, ...]
    without: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe; the module explains the fields."""

    name: str
    why: str
    programs: tuple[str, ...]
    instead: bool = False
    target: str = ""
    directories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    helpers: tuple[str, ...] = ()
    files: tuple[FileGlobs, ...] = ()
    owners: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()
    made: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    smoke: Smoke | None = None
    only_smoke: bool = False


def read_recipe(path: Path) -> Recipe:
    """Return a recipe with the recipes that it extends. Raises RecipeError, which names the file and the key."""
    try:
        content = read_regular(path, MAX_RECIPE + 1)
        if len(content) > MAX_RECIPE:
            raise RecipeError(f"{path}: too large for a recipe")
        data = tomllib.loads(content.decode())
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{path}: {error}") from error
    reader = _Reader(path, data)
    only_smoke = data.keys() == {"programs", "smoke"}
    recipe = Recipe(
        name=path.stem,
        why="" if only_smoke else reader.text("why"),
        programs=reader.texts("programs"),
        instead=bool(data.get("instead", False)),
        target=reader.target(),
        directories={key: reader.texts_of(value) for key, value in reader.table("directories").items()},
        helpers=reader.texts("helpers"),
        files=(FileGlobs(reader.texts("files"), reader.texts("without")),),
        owners=reader.texts_of(reader.table("packages").get("owners", [])),
        below=reader.texts_of(reader.table("packages").get("below", [])),
        fallback=reader.texts_of(reader.table("packages").get("fallback", [])),
        made={key: reader.text_of(value) for key, value in reader.table("made").items()},
        environment={key: reader.text_of(value) for key, value in reader.table("environment").items()},
        smoke=reader.smoke(),
        only_smoke=only_smoke,
    )
    base = data.get("extends")
    return recipe if base is None else _extended(recipe, read_recipe(path.with_name(f"{base}.toml")))


@lru_cache(maxsize=1)
def all_recipes() -> tuple[Recipe, ...]:
    """Return all recipes of lambundle, by name."""
    return tuple(read_recipe(path) for path in sorted(RECIPES.glob("*.toml")))


def recipe_for(files: Files, path: str, recipes: Sequence[Recipe] | None = None) -> Recipe | None:
    """Return the recipe for a program in ``recipes`` (default: all of lambundle's), smoke jobs aside; None without one.

    Of several, the one with the longest matching pattern wins, then the first; one whose directories are not there
    gives way to the next.
    """
    real = files.real(path)
    matching = _matching({posixpath.basename(path), posixpath.basename(real)}, _of_programs(recipes))
    return next(
        (item for item in matching if directories(files, item.directories, item.target, real) is not None), None
    )


def is_named_like(files: Files, path: str, recipes: Sequence[Recipe]) -> bool:
    """Return whether a program has the name of one that finds its files in directories of its own, such as gcc."""
    names = {posixpath.basename(path), posixpath.basename(files.real(path))}
    return any(recipe.directories for recipe in _matching(names, _of_programs(recipes)))


def recipe_named(names: Collection[str], recipes: Sequence[Recipe] | None = None) -> Recipe | None:
    """Return the first recipe for a program with these file names, wherever its files are."""
    return next(_matching(names, _of_programs(recipes)), None)


def smoke_recipe_for(
    names: Collection[str], recipes: Sequence[Recipe] | None = None, *, without_directories: bool = False
) -> Recipe | None:
    """Return the recipe with the smoke job of a program with these file names, by the longest pattern.

    With ``without_directories`` the program is known not to be of the recipes that have directories.
    """
    known = all_recipes() if recipes is None else recipes
    usable = [item for item in known if item.smoke is not None and not (without_directories and item.directories)]
    return next(_matching(names, usable), None)


def _of_programs(recipes: Sequence[Recipe] | None) -> list[Recipe]:
    return [recipe for recipe in (all_recipes() if recipes is None else recipes) if not recipe.only_smoke]


def _matching(names: Collection[str], recipes: Sequence[Recipe]) -> Iterator[Recipe]:
    """Return the recipes for a program with these names, the longest matching pattern first."""
    lengths = [
        max(
            (len(item) for item in recipe.programs if any(fnmatch.fnmatchcase(name, item) for name in names)), default=0
        )
        for recipe in recipes
    ]
    order = sorted(range(len(recipes)), key=lambda index: -lengths[index])
    return (recipes[index] for index in order if lengths[index])


class _Reader:
    """Typed access to a recipe's TOML, with errors that name the file and the key."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self._path = path
        self._data = data
        known = {
            *(
                "why",
                "extends",
                "instead",
                "target",
                "programs",
                "directories",
                "helpers",
                "files",
                "without",
                "packages",
                "made",
            ),
            "environment",
            "smoke",
        }
        for key in data.keys() - known:
            raise RecipeError(f"{path}: unknown key {key}", context=(f"known: {', '.join(sorted(known))}",))

    def text(self, key: str) -> str:
        return self.text_of(self._data.get(key), key)

    def target(self) -> str:
        value = self.text_of(self._data.get("target", ""), "target")
        if value not in ("", "own", "other"):
            raise RecipeError(f"{self._path}: target must be own or other")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return self.texts_of(self._data.get(key, []), key)

    def table(self, key: str) -> dict[str, Any]:
        value = self._data.get(key, {})
        if not isinstance(value, dict):
            raise RecipeError(f"{self._path}: {key} must be a table")
        return value

    def smoke(self) -> Smoke | None:
        table = self.table("smoke")
        if not table:
            return None
        if table.keys() != {"does", "script"}:
            raise RecipeError(f"{self._path}: smoke must have does and script, and nothing else")
        return Smoke(self.text_of(table["does"], "does"), self.text_of(table["script"], "script"))

    def text_of(self, value: object, key: str = "a value") -> str:
        if not isinstance(value, str):
            raise RecipeError(f"{self._path}: {key} must be a string")
        return value

    def texts_of(self, value: object, key: str = "a value") -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise RecipeError(f"{self._path}: {key} must be a list of strings")
        return tuple(value)


def _extended(recipe: Recipe, base: Recipe) -> Recipe:
    return replace(
        recipe,
        instead=base.instead or recipe.instead,
        target=recipe.target or base.target,
        directories={**base.directories, **recipe.directories},
        helpers=base.helpers + recipe.helpers,
        files=base.files + recipe.files,
        owners=base.owners + recipe.owners,
        below=base.below + recipe.below,
        fallback=base.fallback + recipe.fallback,
        made={**base.made, **recipe.made},
        environment={**base.environment, **recipe.environment},
        smoke=recipe.smoke or base.smoke,
    )
