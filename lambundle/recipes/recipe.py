"""Recipes: what a family of programs needs that no general rule finds, as data.

A recipe is a TOML file beside this module (``NAME.toml``). Its keys:

``why``          why no general rule does it: every recipe is an admission that one is missing; not asked for
                 where there is nothing but ``smoke``
``extends``      another recipe that is part of this one
``instead``      whether the recipe takes the place of what the program's packages say
``programs``     patterns of file names; one that matches the name or the real name of a packed program
``directories``  variables: globs of directories ``…/MACHINE/VERSION`` whose last two names are both built into
                 the program; they set ``{machine}`` and ``{version}`` too
``helpers``      programs that are started by name: beside the program, or on PATH
``files``        globs of files and directories to add
``without``      patterns of files and directories to leave out of those, and of what is below those
``packages``     ``owners``: files whose packages are wanted; ``below``: of them, what lies below these directories;
                 ``fallback``: globs for a machine without a package database
``made``         files that are made: path and text
``environment``  variables of the running program; ``@`` stands for the bundle's root
``smoke``        a small real job that ``lambundle verify`` gives to a program: ``does``, what it does in a few words
                 of the past tense, and ``script``

The script is run by the host's ``/bin/sh`` with ``-eu`` in an empty directory of ``/tmp``, with little but coreutils,
sed and grep beside it. ``$B`` is where the bundle is mounted, ``$P`` the program's launcher; neither is exported.
``same GOT WANTED`` and ``fail TEXT`` end it with a message. It must take less than two seconds, use no network, and
fail where a file that the job needs is missing.

In every value of the others, and in the texts of files that are made, ``{prefix}`` is the directory above the
program's ``bin``.
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

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from lambundle.machine import Files

RECIPES = Path(__file__).parent
MAX_RECIPE = 1 << 20


@dataclass(frozen=True, slots=True)
class FileGlobs:
    """Globs of wanted paths, and patterns of what is not wanted among them; each recipe's own stay apart."""

    wanted: tuple[str, ...]
    without: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recipe, as read; the module says what each field means."""

    name: str
    why: str
    programs: tuple[str, ...]
    instead: bool = False
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
    """Read one recipe; raises RecipeError, which names the file and the key."""
    try:
        if path.stat().st_size > MAX_RECIPE:
            raise RecipeError(f"{path}: too large for a recipe")
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path}: {error}") from error
    reader = _Reader(path, data)
    only_smoke = data.keys() == {"programs", "smoke"}
    recipe = Recipe(
        name=path.stem,
        why="" if only_smoke else reader.text("why"),
        programs=reader.texts("programs"),
        instead=bool(data.get("instead", False)),
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
def recipes() -> tuple[Recipe, ...]:
    """All recipes that come with lambundle, by name."""
    return tuple(read_recipe(path) for path in sorted(RECIPES.glob("*.toml")))


def recipe_for(files: Files, path: str, book: Sequence[Recipe] | None = None) -> Recipe | None:
    """The recipe for a program, of those in ``book`` (all of lambundle's by default) that are more than a smoke job.

    Where several match it is the one with the longest pattern, and of those the first in the book.
    """
    return recipe_named({posixpath.basename(path), posixpath.basename(files.real(path))}, book)


def recipe_named(names: Collection[str], book: Sequence[Recipe] | None = None) -> Recipe | None:
    """The recipe for a program with these file names, chosen as in ``recipe_for``."""
    return _best(names, [recipe for recipe in (recipes() if book is None else book) if not recipe.only_smoke])


def smoke_recipe_for(names: Collection[str], book: Sequence[Recipe] | None = None) -> Recipe | None:
    """The recipe whose smoke job is for a program with these file names, chosen as in ``recipe_for``."""
    return _best(names, [recipe for recipe in (recipes() if book is None else book) if recipe.smoke is not None])


def _best(names: Collection[str], book: Sequence[Recipe]) -> Recipe | None:
    matching = [
        (len(pattern), recipe)
        for recipe in book
        for pattern in recipe.programs
        if any(fnmatch.fnmatchcase(name, pattern) for name in names)
    ]
    return max(matching, key=lambda item: item[0])[1] if matching else None


class _Reader:
    """Typed access to a recipe's TOML, with errors that name file and key."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self._path = path
        self._data = data
        known = {
            *(
                "why",
                "extends",
                "instead",
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
